import { Readable } from "node:stream";
import { CommandError, parseJson, SourceFault } from "../faults.ts";
import { decodeText, type InputReader, readLines } from "./input.ts";

/** Comma-separated values under a row of names: each further row is an object of texts. */
export const readCsv: InputReader = async function* (chunks, name) {
  const { parse, CsvError } = await import("csv-parse");
  const parser = parse({ skip_empty_lines: true, info: true });
  const text = Readable.from(decodeText(chunks, name));
  text.once("error", (error) => parser.destroy(error));
  let header: readonly string[] | undefined;
  try {
    for await (const { record, info } of text.pipe(parser)) {
      if (header) yield { request: toObject(header, record), place: `${name}:${info.lines}` };
      else header = checkedHeader(record, name);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new SourceFault(name, { line: parser.info.lines, column: 1 }, error.message);
  }
};

function checkedHeader(header: readonly string[], name: string): string[] {
  const names = header.map((column) => column.trim());
  const repeated = names.find((column, index) => names.indexOf(column) !== index);
  if (repeated !== undefined)
    throw new CommandError(`${name}:1: two columns are named "${repeated}". Rename one of them.`);
  return names;
}

function toObject(header: readonly string[], record: readonly string[]): object {
  return Object.fromEntries(header.map((column, index) => [column, record[index]]));
}

/** One JSON document, read whole: each item of an array is an input, anything else is the only one. */
export const readJsonDocument: InputReader = async function* (chunks, name) {
  let text = "";
  for await (const part of decodeText(chunks, name)) text += part;
  const document = parseJson(text, name);
  if (!Array.isArray(document)) yield { request: document, place: name };
  else for (const [index, request] of document.entries()) yield { request, place: `${name}[${index}]` };
};

const cutOff = ". The last line is not complete: was the file still being written?";

/** One JSON value a line; empty lines are skipped. */
export const readJsonLines: InputReader = async function* (chunks, name) {
  for await (const { number, text, isEnded } of readLines(chunks, name)) {
    if (text.trim() === "") continue;
    const request = parseJson(text, name, { firstLine: number, hint: isEnded ? "" : cutOff });
    yield { request, place: `${name}:${number}` };
  }
};

/** One text a line; empty lines are skipped. A prompt tool takes it for the only variable of its prompt. */
export const readText: InputReader = async function* (chunks, name) {
  for await (const { text, number } of readLines(chunks, name)) {
    if (text.trim() !== "") yield { request: text, place: `${name}:${number}` };
  }
};

import { Readable } from "node:stream";
import { CommandError, parseJson, SourceFault } from "../faults.ts";
import { decodeText, type InputReader, readLines } from "./input.ts";

/**
 * Values under a row of names, separated by commas, semicolons or tabs: each further row is an object of texts. Rows without
 * any value are skipped. Lines may end each in their own way; line ends inside quotes are part of a value.
 */
export const readCsv: InputReader = async function* (chunks, name) {
  const { parse, CsvError } = await import("csv-parse");
  const { head, text } = await withHead(decodeText(chunks, name));
  const parser = parse({
    delimiter: delimiterOf(head),
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
    relax_column_count: true,
    info: true,
  });
  const stream = Readable.from(text);
  stream.once("error", (error) => parser.destroy(error));
  let header: readonly string[] | undefined;
  try {
    for await (const { record, info } of stream.pipe(parser)) {
      if (record.every((value: string) => value.trim() === "")) continue;
      if (header && record.length !== header.length) throw unevenRow(`${name}:${info.lines}`, record, header);
      if (header) yield { request: toObject(header, record), place: `${name}:${info.lines}` };
      else header = checkedHeader(record, name);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new SourceFault(name, { line: parser.info.lines, column: 1 }, error.message);
  }
};

/** Longest row of names. */
const longestHead = 65_536;

/** The first row of a text, as far as it is needed to tell what separates its names, and the whole text again. */
async function withHead(parts: AsyncGenerator<string>): Promise<{ head: string; text: AsyncGenerator<string> }> {
  let head = "";
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    head += next.value;
    if (/[\r\n]/.test(head.trimStart()) || head.length > longestHead) break;
  }
  async function* whole() {
    yield head;
    yield* parts;
  }
  return { head: head.trimStart().split(/[\r\n]/, 1)[0] ?? "", text: whole() };
}

/** The commonest of the usual separators in the row of names, outside quotes; of equally common ones the comma. */
function delimiterOf(head: string): string {
  const names = head.replace(/"(?:[^"]|"")*"/g, "");
  const counts = [",", ";", "\t"].map((separator) => ({ separator, count: names.split(separator).length }));
  return counts.reduce((best, one) => (one.count > best.count ? one : best)).separator;
}

function checkedHeader(header: readonly string[], name: string): string[] {
  const names = header.map((column) => column.trim());
  const repeated = names.find((column, index) => names.indexOf(column) !== index);
  if (repeated !== undefined)
    throw new CommandError(`${name}:1: two columns are named "${repeated}". Rename one of them.`);
  return names;
}

function unevenRow(place: string, record: readonly string[], header: readonly string[]): CommandError {
  const columns = record.length === 1 ? "1 column" : `${record.length} columns`;
  const advice =
    record.length > header.length
      ? 'Quote values that hold the separator: "a, b".'
      : "Give an empty value for what is missing.";
  return new CommandError(
    `${place}: this row has ${columns}, and the first row names ${header.length} (${header.join(", ")}). ${advice}`,
  );
}

function toObject(header: readonly string[], record: readonly string[]): object {
  return Object.fromEntries(header.map((column, index) => [column, record[index]]));
}

/** One JSON document, read whole: each item of an array is an input, anything else is the only one. */
export const readJsonDocument: InputReader = async function* (chunks, name) {
  let text = "";
  for await (const part of decodeText(chunks, name)) text += part;
  const document = parseJson(text, name, { isInput: true });
  if (!Array.isArray(document)) yield { request: document, place: name };
  else for (const [index, request] of document.entries()) yield { request, place: `${name}[${index}]` };
};

const cutOff = ". The last line is not complete: was the file still being written?";

/** One JSON value a line; empty lines are skipped. */
export const readJsonLines: InputReader = async function* (chunks, name) {
  for await (const { number, text, isEnded } of readLines(chunks, name)) {
    if (text.trim() === "") continue;
    const request = parseJson(text, name, { firstLine: number, hint: isEnded ? "" : cutOff, isInput: true });
    yield { request, place: `${name}:${number}` };
  }
};

/** One text a line; empty lines are skipped. A prompt tool takes it for the only variable of its prompt. */
export const readText: InputReader = async function* (chunks, name) {
  for await (const { text, number } of readLines(chunks, name)) {
    if (text.trim() !== "") yield { request: text, place: `${name}:${number}` };
  }
};

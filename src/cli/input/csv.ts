import { Readable } from "node:stream";
import { CommandError } from "../command-error.ts";
import { SourceFault } from "../source-fault.ts";
import type { InputReader } from "./input.ts";
import { decodeText } from "./lines.ts";

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

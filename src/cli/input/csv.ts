import { CommandError, type Position, SourceFault } from "../faults.ts";
import { decodeText } from "./decode-text.ts";
import { markupKindOf } from "./file-kind.ts";
import type { InputFacts, InputReader } from "./input.ts";

/**
 * Reads values under a row of names: each further row is an object of texts, which stay as they came. The separator is
 * told by the first rows, or by a line `sep=;` before them. Rows without any value are skipped and counted. Lines may end
 * each in their own way; line ends inside quotes are part of a value.
 */
export const readCsv: InputReader = (chunks, name, facts) => readTable(chunks, name, facts);

/** Reads values that tabs separate. */
export const readTsv: InputReader = (chunks, name, facts) => readTable(chunks, name, facts, "\t");

async function* readTable(chunks: AsyncIterable<Uint8Array>, name: string, facts: InputFacts = {}, given?: string) {
  const { start, rest } = await withStart(decodeText(chunks, name), given);
  assertTable(start, name);
  const { declared, body } = withoutDeclaration(start);
  const separator = declared ?? separatorOf(body, name, given);
  facts.separator = separator;
  const rows = new CsvRows(separator, name, declared === undefined ? 1 : 2);
  const table = new Table(name, separator, facts);
  yield* table.requests(rows.read(body));
  for await (const text of rest) yield* table.requests(rows.read(text));
  yield* table.requests(rows.end());
}

/** Header of a table, and what it makes of the rows below it. */
class Table {
  readonly #name: string;
  readonly #separator: string;
  readonly #facts: InputFacts;
  #header: readonly string[] | undefined;
  /** Empty lines that no row has followed yet: those that end a file are not rows. */
  #emptyLines = 0;

  constructor(name: string, separator: string, facts: InputFacts) {
    this.#name = name;
    this.#separator = separator;
    this.#facts = facts;
  }

  *requests(rows: Iterable<CsvRow>): Generator<{ request: object; place: string }> {
    for (const row of rows) {
      this.#countBlank(row);
      if (isBlank(row)) continue;
      if (!this.#header) this.#readHeader(row);
      else yield { request: this.#toObject(row, this.#header), place: `${this.#name}:${row.starts[0]?.line}` };
    }
  }

  #countBlank(row: CsvRow): void {
    if (!this.#header) return;
    if (isBlank(row)) this.#emptyLines++;
    if (isBlank(row) && row.values.length === 1) return;
    this.#facts.blankRows = (this.#facts.blankRows ?? 0) + this.#emptyLines;
    this.#emptyLines = 0;
  }

  #readHeader({ values, starts }: CsvRow): void {
    const names = values.map((value) => value.trim());
    for (const [column, text] of names.entries()) {
      const place = starts[column] as Position;
      if (text === "") throw new SourceFault(this.#name, place, namelessColumn(column, names));
      const first = names.indexOf(text);
      if (first !== column)
        throw new SourceFault(
          this.#name,
          place,
          `columns ${first + 1} and ${column + 1} are both named "${text}". Rename one of them.`,
        );
    }
    this.#header = names;
    this.#facts.columns = names;
  }

  #toObject({ values, starts, end }: CsvRow, header: readonly string[]): object {
    if (values.length === header.length)
      return Object.fromEntries(header.map((column, index) => [column, values[index]]));
    const columns = values.length === 1 ? "1 column" : `${values.length} columns`;
    const place = starts[header.length] ?? end;
    throw new SourceFault(
      this.#name,
      place,
      `this row has ${columns}, and the first row names ${header.length} (${header.join(", ")}). ${this.#advice(values, header)}`,
    );
  }

  #advice(values: readonly string[], header: readonly string[]): string {
    const mark = showSeparator(this.#separator);
    if (values.length < header.length) return `Give an empty value for what is missing; ${mark} separates them.`;
    if (values.some((value) => /^\s+"/.test(value)))
      return "A quote counts only right behind the separator: remove the space.";
    if (header.length === 1)
      return `If the first row is a title, remove it; else quote values that hold the separator, ${mark}.`;
    return `Quote values that hold the separator, ${mark}: "a${this.#separator} b".`;
  }
}

function isBlank({ values }: CsvRow): boolean {
  return values.every((value) => value.trim() === "");
}

function namelessColumn(column: number, names: readonly string[]): string {
  const isIndex = column === 0 && names.length > 1 && names[1] !== "";
  const cause = isIndex ? " (pandas writes such a column; to_csv(index=False) leaves it out)" : "";
  return `column ${column + 1} has no name${cause}. Name it, or remove the column with all its values.`;
}

/** A row of a table. */
interface CsvRow {
  readonly values: readonly string[];
  /** Place of each value's first character, a quote included. */
  readonly starts: readonly Position[];
  /** Place behind the last value. */
  readonly end: Position;
}

/** Longest value. A quote that nothing closes would otherwise take the rest of the file for one. */
const longestValue = 64 * 1024 * 1024;

const [quote, lineFeed, carriageReturn, space, tab, nul] = [0x22, 0x0a, 0x0d, 0x20, 0x09, 0];

/**
 * Job: rows of a text that comes in pieces.
 * Boundary: knows quotes, separators and line ends; the meaning of a row is the table's.
 * Invariants:
 * 1. The rows are the same however the text is cut into pieces.
 * 2. A value is what stands between its separators, or between its quotes with doubled quotes made single.
 */
class CsvRows {
  readonly #separator: number;
  readonly #name: string;
  #state: "start" | "plain" | "quoted" | "closed" | "behind" = "start";
  #value = "";
  #values: string[] = [];
  #starts: Position[] = [];
  #line: number;
  /** Characters before the piece in hand, and before the current line. */
  #passed = 0;
  #lineStart = 0;
  #isAfterReturn = false;

  constructor(separator: string, name: string, line = 1) {
    this.#separator = separator.charCodeAt(0);
    this.#name = name;
    this.#line = line;
  }

  /** Gives the rows that end in this piece. */
  *read(text: string): Generator<CsvRow> {
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const isSecondOfEnd = this.#isAfterReturn && code === lineFeed;
      this.#isAfterReturn = code === carriageReturn;
      if (isSecondOfEnd) {
        this.#lineStart = this.#passed + at + 1;
        if (this.#state === "start") from = at + 1;
        continue;
      }
      if (code === nul)
        throw this.#fault(at, "a NUL character, which no table holds. Was the file cut off, or is it binary?");
      if (this.#state === "quoted") {
        if (code === quote) {
          this.#take(text, from, at);
          this.#state = "closed";
          from = at + 1;
        } else if (code === lineFeed || code === carriageReturn) this.#nextLine(at);
        continue;
      }
      if (this.#state === "closed" && code === quote) {
        this.#state = "quoted";
        from = at;
        continue;
      }
      if (code === this.#separator || code === lineFeed || code === carriageReturn) {
        this.#endValue(text, from, at);
        from = at + 1;
        if (code === this.#separator) continue;
        yield this.#endRow(at);
        this.#nextLine(at);
      } else if (this.#state === "start") {
        this.#starts.push(this.#place(at));
        this.#state = code === quote ? "quoted" : "plain";
        if (code === quote) from = at + 1;
      } else if (this.#state !== "plain") {
        if (code !== space) throw this.#textBehindQuote(at);
        this.#state = "behind";
      }
    }
    if (this.#state === "plain" || this.#state === "quoted") this.#take(text, from, text.length);
    this.#passed += text.length;
  }

  /** Gives the last row, where no line end closes it. */
  *end(): Generator<CsvRow> {
    if (this.#state === "quoted") {
      const start = this.#starts.at(-1) as Position;
      throw new SourceFault(
        this.#name,
        start,
        "this quote is never closed. Close it, or double each quote inside a value.",
      );
    }
    if (this.#state === "start" && this.#values.length === 0) return;
    this.#endValue("", 0, 0);
    yield this.#endRow(0);
  }

  #take(text: string, from: number, to: number): void {
    this.#value += text.slice(from, to);
    if (this.#value.length <= longestValue) return;
    const start = this.#starts.at(-1) as Position;
    const reason = `a value that begins here is longer than ${longestValue / 1024 ** 2} million characters. Is a quote not closed?`;
    throw new SourceFault(this.#name, start, reason);
  }

  #endValue(text: string, from: number, at: number): void {
    if (this.#state === "start") this.#starts.push(this.#place(at));
    else if (this.#state === "plain") this.#take(text, from, at);
    this.#values.push(this.#value);
    this.#value = "";
    this.#state = "start";
  }

  #endRow(at: number): CsvRow {
    const row = { values: this.#values, starts: this.#starts, end: this.#place(at) };
    this.#values = [];
    this.#starts = [];
    return row;
  }

  #nextLine(at: number): void {
    this.#line++;
    this.#lineStart = this.#passed + at + 1;
  }

  #place(at: number): Position {
    return { line: this.#line, column: this.#passed + at - this.#lineStart + 1 };
  }

  #fault(at: number, reason: string): SourceFault {
    return new SourceFault(this.#name, this.#place(at), reason);
  }

  #textBehindQuote(at: number): SourceFault {
    const advice = this.#value.endsWith("\\")
      ? 'A quote inside a value is written twice (""), not behind a backslash.'
      : this.#separator === tab
        ? "Google Sheets writes a .tsv without quotes around values, so that they cannot be told: download CSV instead."
        : 'Quotes inside a value are written twice: "5"" pipe".';
    return this.#fault(at, `column ${this.#values.length + 1} goes on behind its closing quote. ${advice}`);
  }
}

/** Characters of a table that are enough to tell its separator. */
const longestStart = 65_536;

const separators = [",", ";", "\t", "|"];

/** Beginning of a text, as far as it is needed to tell the separator, and the rest of it. */
async function withStart(parts: AsyncGenerator<string>, given: string | undefined) {
  let start = "";
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    start += next.value;
    if (start.length > longestStart || isEnough(start, given)) break;
  }
  return { start, rest: parts };
}

/** A first row that has at most one kind of separator tells it; a pipe is not waited for longer than that. */
function isEnough(start: string, given: string | undefined): boolean {
  const { declared, body } = withoutDeclaration(start);
  const withoutQuoted = body.trimStart().replace(/"(?:[^"]|"")*"/g, "");
  const [head, next] = withoutQuoted.split(/[\r\n]/, 2) as [string, string?];
  if (next === undefined || head.includes('"')) return false;
  return declared !== undefined || given !== undefined || separators.filter((one) => head.includes(one)).length <= 1;
}

/** Takes away the line by which Excel is told the separator. */
function withoutDeclaration(text: string): { declared?: string; body: string } {
  const [line, declared] = /^"?sep=([^\r\n"])"?(?:\r\n|\r|\n)/i.exec(text) ?? [""];
  return { ...(declared !== undefined && { declared }), body: text.slice(line.length) };
}

/**
 * Tells the separator: of those in the first row, the one by which the most of the first rows have as many values as that.
 *
 * @param preferred is it wherever the first row has one
 * @throws CommandError where two do alike
 */
function separatorOf(start: string, name: string, preferred: string | undefined): string {
  const scored = separators.flatMap((separator) => {
    const widths = widthsOf(start, separator);
    const [width = 1, ...others] = widths;
    if (width === 1) return [];
    return [{ separator, even: others.filter((other) => other === width).length / Math.max(1, others.length) }];
  });
  if (scored.some(({ separator }) => separator === preferred)) return preferred as string;
  const best = Math.max(...scored.map(({ even }) => even));
  const [first, second] = scored.filter(({ even }) => even === best);
  if (first && second) {
    const [one, other] = [showSeparator(first.separator), showSeparator(second.separator)];
    throw new CommandError(
      `${name}: its columns may be separated by ${one} or by ${other}. Write the right one into a line of its own before ` +
        `the names: sep=${first.separator} or sep=${second.separator}`,
    );
  }
  return first?.separator ?? ",";
}

/** Counts the values in each of the first rows by one separator, up to the first that cannot be read by it. */
function widthsOf(start: string, separator: string): number[] {
  const widths: number[] = [];
  const rows = new CsvRows(separator, "");
  try {
    for (const row of rows.read(start)) if (!isBlank(row)) widths.push(row.values.length);
    if (widths.length === 0) for (const row of rows.end()) widths.push(row.values.length);
  } catch (error) {
    if (!(error instanceof SourceFault)) throw error;
    widths.push(1);
  }
  return widths;
}

function showSeparator(separator: string): string {
  const names: Readonly<Record<string, string>> = { ",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar |" };
  return names[separator] ?? JSON.stringify(separator);
}

function assertTable(start: string, name: string): void {
  const markup = markupKindOf(start);
  if (markup) throw new CommandError(`${name} holds ${markup.name}, not a table. ${markup.advice}.`);
  const json = /^\s*(\[\s*[[{\]]|\{\s*["}])/.exec(start)?.[1]?.[0];
  if (json === undefined) return;
  const format = json === "[" ? "json" : "jsonl";
  throw new CommandError(`${name} holds JSON, not a table. Give --format ${format}.`);
}

import { isUtf8 } from "node:buffer";
import { CommandError, lineOf, type Position, SourceFault } from "../faults.ts";
import { foreignKindOf } from "./file-kind.ts";

/**
 * Decodes a byte stream: UTF-8, or UTF-16 where a byte order mark says so. The mark is left out. Any other encoding is
 * refused: a guess that is wrong would change letters in silence.
 *
 * @throws CommandError for bytes that are no text, with the line and the column of the first wrong one
 */
export async function* decodeText(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  const { head, all } = await withHead(chunks);
  const foreign = foreignKindOf(head);
  if (foreign) throw new CommandError(`${name} is ${foreign.name}. ${foreign.advice.replace("FILE", name)}.`);
  const mark = markOf(head);
  if (mark === "utf-8") yield* decodeUtf8(all, name);
  else if (mark !== undefined) yield* decodeUtf16(all, mark, name);
  else throw withoutMark(name);
}

/**
 * Decodes the bytes of a whole file by the same rules.
 *
 * @throws CommandError for bytes that are no text, with the line and the column of the first wrong one
 */
export function decodeWhole(bytes: Buffer, name: string): string {
  const mark = markOf(bytes);
  if (mark === undefined) throw withoutMark(name);
  if (mark === "utf-8" && !isUtf8(bytes)) throw notUtf8(bytes, new Reached(), name);
  return new TextDecoder(mark).decode(bytes);
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

/** Encoding of a text that begins so; `undefined` for UTF-16 and UTF-32 that do not say which. */
function markOf(head: Uint8Array): Encoding | undefined {
  const [first, second, third, fourth] = head;
  const isUtf32 = (first === 0xff && second === 0xfe && third === 0 && fourth === 0) || (first === 0 && second === 0);
  if (isUtf32 && head.length >= 4) return undefined;
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return everySecondIsZero(head) ? undefined : "utf-8";
}

function everySecondIsZero(head: Uint8Array): boolean {
  const pairs = Math.min(16, head.length >> 1);
  const zeros = (offset: number) => Array.from({ length: pairs }, (_, pair) => head[2 * pair + offset] === 0);
  return pairs >= 2 && [0, 1].some((offset) => zeros(offset).every(Boolean) && !zeros(1 - offset).some(Boolean));
}

function withoutMark(name: string): CommandError {
  return new CommandError(`${name}: the text is UTF-16 or UTF-32 without a byte order mark. ${saveAsUtf8}.`);
}

const saveAsUtf8 = 'Save it as UTF-8; a spreadsheet calls that "CSV UTF-8"';

/** The first bytes, enough to tell what is read, and all of them. */
async function withHead(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ head: Uint8Array; all: AsyncGenerator<Uint8Array> }> {
  const rest = chunks[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < 4) {
    const next = await rest.next();
    if (next.done) break;
    first.push(next.value);
    length += next.value.length;
  }
  async function* all() {
    yield* first;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return { head: Buffer.concat(first), all: all() };
}

async function* decodeUtf8(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  const reached = new Reached();
  let pending = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = pending.length > 0 ? Buffer.concat([pending, chunk]) : Buffer.from(chunk);
    const end = endOfWhole(bytes);
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) throw notUtf8(whole, reached, name);
    const text = decoder.decode(whole, { stream: true });
    pending = bytes.subarray(end);
    yield text;
    reached.pass(text);
  }
  if (pending.length > 0) throw notUtf8(pending, reached, name);
}

/** Returns the offset at which the last, perhaps incomplete character begins. */
function endOfWhole(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return bytes.length;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 0;
    if (length > 0) return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function notUtf8(bytes: Buffer, reached: Reached, name: string): CommandError {
  const at = firstWrongByte(bytes);
  reached.pass(bytes.toString("utf8", 0, at));
  const { position } = reached;
  const byte = (bytes[at] as number).toString(16).toUpperCase().padStart(2, "0");
  const lineStart = bytes.lastIndexOf("\n", at) + 1;
  const line = new TextDecoder("windows-1252").decode(bytes.subarray(lineStart, lineStart + 4096));
  const asWindows = lineOf(line, 1);
  const reason =
    `the text is not UTF-8: its byte ${byte} begins no character. ${saveAsUtf8}. If this line reads well as ` +
    `Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 ${name} > utf8-${name.split("/").at(-1)}`;
  return new SourceFault(name, position, reason, asWindows);
}

/** Bytes begin as a text until a wrong one: the longest beginning that is text ends before it. */
function firstWrongByte(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const whole = bytes.subarray(0, middle);
    if (isUtf8(whole.subarray(0, endOfWhole(whole)))) good = middle;
    else bad = middle;
  }
  const beginning = bytes.subarray(0, good);
  return endOfWhole(beginning);
}

async function* decodeUtf16(
  chunks: AsyncIterable<Uint8Array>,
  encoding: Encoding,
  name: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const reached = new Reached();
  try {
    for await (const chunk of chunks) {
      const text = decoder.decode(chunk, { stream: true });
      yield text;
      reached.pass(text);
    }
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const { line } = reached.position;
    throw new CommandError(`${name}: the text is not ${encoding.toUpperCase()} after line ${line}. ${saveAsUtf8}.`, {
      cause: error,
    });
  }
}

/** Place that the reading of a text has reached. */
class Reached {
  #line = 1;
  #column = 1;

  get position(): Position {
    return { line: this.#line, column: this.#column };
  }

  pass(text: string): void {
    const last = text.lastIndexOf("\n");
    if (last < 0) {
      this.#column += text.length;
      return;
    }
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#line++;
    this.#column = text.length - last;
  }
}

import { createReadStream } from "node:fs";
import { messageOf } from "../../core/errors.ts";
import { CommandError } from "../faults.ts";

/** One request of a job. */
export interface Input {
  /** From 0, among the inputs of the job. */
  readonly index: number;
  readonly request: unknown;
  /** Place for people to read: `reports.jsonl:17`. */
  readonly place: string;
}

/** Source of the inputs of a job. */
export interface InputSource {
  /** For people: a file's path, `stdin` or `--input`. */
  readonly name: string;
  /** True where it can be read more than once: files can, pipes cannot. */
  readonly isRepeatable: boolean;
  read(): AsyncIterable<Input>;
}

/** Reads one format. What it yields has no index yet. */
export type InputReader = (
  chunks: AsyncIterable<Uint8Array>,
  name: string,
) => AsyncIterable<{ readonly request: unknown; readonly place: string }>;

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its end. */
  readonly text: string;
  /** False for a last line that no line break ends. */
  readonly isEnded: boolean;
}

/**
 * The lines of a byte stream, holding one chunk and one line at a time. Only `\n` and `\r\n` end a line: JSON may hold
 * the other line breaks of Unicode.
 *
 * @param name of the file, for the error
 * @throws CommandError for bytes that are no UTF-8
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Line> {
  let number = 1;
  let parts: string[] = [];
  for await (const text of decodeText(chunks, name)) {
    const [first, ...rest] = text.split("\n") as [string, ...string[]];
    parts.push(first);
    for (const next of rest) {
      yield { number: number++, text: parts.join("").replace(/\r$/, ""), isEnded: true };
      parts = [next];
    }
  }
  const last = parts.join("");
  if (last !== "") yield { number, text: last, isEnded: false };
}

/** A byte stream as text, without a byte order mark. */
export async function* decodeText(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let byteCount = 0;
  try {
    for await (const chunk of chunks) {
      byteCount += chunk.length;
      yield decoder.decode(chunk, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CommandError(
      `${name}: the text is not UTF-8 (within its first ${byteCount} bytes). Save it as UTF-8; a spreadsheet calls that "CSV UTF-8".`,
      { cause: error },
    );
  }
}

/**
 * The bytes of a file, as they come.
 *
 * @throws CommandError where it cannot be read
 */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

export function unreadable(path: string, error: unknown): CommandError {
  return new CommandError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
}

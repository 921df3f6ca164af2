import { createReadStream } from "node:fs";
import { type CommandError, fileFault } from "../faults.ts";
import { decodeText } from "./decode-text.ts";

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
  /** Belong to the last reading. */
  readonly facts: InputFacts;
  read(): AsyncIterable<Input>;
}

/** Findings of the reading of inputs so far. */
export interface InputFacts {
  /** Names of a table's columns. */
  columns?: readonly string[];
  /** Character between the values of a table. */
  separator?: string;
  /** Rows of a table without any value, which were skipped. */
  blankRows?: number;
}

/** Reads one format. What it yields has no index yet. */
export type InputReader = (
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  facts?: InputFacts,
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
 * Gives the lines of a byte stream, holding one chunk and one line at a time. Only `\n` and `\r\n` end a line: JSON may hold
 * the other line breaks of Unicode.
 *
 * @param name of the file, for the error
 * @throws CommandError for bytes that are not text
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

/**
 * Gives the bytes of a file, as they come.
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
  return fileFault(path, error, "read");
}

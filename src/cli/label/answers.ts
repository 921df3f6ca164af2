import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { EvidenceBundle } from "../../contract/bundle.ts";
import { CommandError, parseJson } from "../faults.ts";
import { answerIn, idOf } from "../feedback/judged-lines.ts";
import { readBytes, readLines } from "../input/input.ts";
import type { JobHead } from "../output/job-head.ts";
import type { OutputLine } from "../output/output-line.ts";
import { counted } from "../progress/format.ts";
import { type Answer, toAnswer } from "./answer.ts";

/** An answer with all that its line holds. */
export interface OpenedAnswer {
  readonly input: unknown;
  readonly bundle: EvidenceBundle;
}

/**
 * Job: the answers of an output file, of which few are in memory whole.
 * Boundary: reads; judges nothing.
 */
export class Answers {
  readonly path: string;
  readonly all: readonly Answer[];
  /** Lines without a valid answer. */
  readonly withoutAnswer: number;
  /** Job that asked, where the file says which. */
  readonly head: JobHead | undefined;
  readonly #file: FileHandle;
  /** Offset of each line, and after the last the end of the file. */
  readonly #offsets: readonly number[];

  private constructor(
    path: string,
    file: FileHandle,
    offsets: readonly number[],
    all: Answer[],
    { lines, head }: { readonly lines: number; readonly head: JobHead | undefined },
  ) {
    this.path = path;
    this.head = head;
    this.#file = file;
    this.#offsets = offsets;
    this.all = all;
    this.withoutAnswer = lines - all.length;
  }

  /** @throws CommandError for a file that is no output of `steer run`, or holds no answer to judge */
  static async open(path: string, { mayHoldNone = false } = {}): Promise<Answers> {
    const all: Answer[] = [];
    let lines = 0;
    let head: JobHead | undefined;
    for await (const { number, text } of readLines(readBytes(path), path)) {
      if (text.trim() === "") continue;
      const place = `${path}:${number}`;
      const line = parseJson(text, path, { firstLine: number }) as OutputLine;
      const id = idOf(line, place);
      lines++;
      head ??= line.job;
      const bundle = answerIn(line, place);
      if (bundle) all.push(toAnswer(line, bundle, id, number));
    }
    if (all.length === 0 && !mayHoldNone) {
      const why = lines === 0 ? "is empty" : `has ${counted(lines, "line")}, and none with a valid answer`;
      throw new CommandError(`${path} ${why}. Give the --output of a steer run that has answered.`);
    }
    return new Answers(path, await open(path), await offsetsOf(path), all, { lines, head });
  }

  /** Reads the line of an answer again. */
  async read({ line }: Answer): Promise<OpenedAnswer> {
    const [start, end] = [this.#offsets[line - 1] as number, this.#offsets[line] as number];
    const bytes = Buffer.alloc(end - start);
    await this.#file.read(bytes, 0, bytes.length, start);
    const text = bytes.toString("utf8").replace(/^\ufeff/, "");
    const read = parseJson(text, this.path, { firstLine: line }) as OutputLine;
    return { input: read.input, bundle: answerIn(read, `${this.path}:${line}`) as EvidenceBundle };
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function offsetsOf(path: string): Promise<number[]> {
  const offsets = [0];
  let at = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, end + 1)) offsets.push(at + end + 1);
    at += chunk.length;
  }
  return [...offsets, at];
}

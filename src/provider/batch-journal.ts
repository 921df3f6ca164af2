import { appendFileSync, existsSync, fdatasyncSync, openSync, readFileSync } from "node:fs";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import { createId } from "../core/random.ts";

/** Batch that was sent, or was about to be. */
export interface SentBatch {
  /** Beginning of the ids of its requests, which those of no other batch have. */
  readonly mark: string;
  /** Keys of its requests, in the order of their numbers. */
  readonly keys: readonly string[];
  /** Time at which it was about to be sent, in milliseconds since 1970. */
  readonly atMs: number;
  /** Name that the provider gave to it; `undefined` before that was heard. */
  id: string | undefined;
  hasEnded: boolean;
}

/** One line of a journal: a batch that is about to be sent, and later what became of it. */
interface Line {
  readonly batch: string;
  readonly atMs?: number;
  readonly keys?: readonly string[];
  readonly id?: string;
  readonly ended?: true;
  readonly dropped?: true;
}

/**
 * Job: know at any time which batches may have been paid for, also after the process was killed.
 * Boundary: knows keys and ids; sends nothing.
 * Invariants:
 * 1. A batch stands in the file before it is sent, and its id before anything is made of it.
 * 2. A line that was cut off by the end of a process counts as not written.
 */
export class BatchJournal {
  /** File of the journal; `undefined` where it ends with the process. */
  readonly path: string | undefined;
  readonly #batches = new Map<string, SentBatch>();
  #file: number | undefined;

  /**
   * @param path of a file that may be there already
   * @throws InvalidOptionsError where the file cannot be read
   */
  constructor(path?: string | undefined) {
    this.path = path;
    if (path === undefined || !existsSync(path)) return;
    const text = read(path);
    for (const line of text.split("\n")) this.#take(parse(line));
    // The next line begins anew behind one that was cut off.
    if (text !== "" && !text.endsWith("\n")) this.#write("");
  }

  /** Batches that may hold answers, in the order in which they were sent. */
  get batches(): readonly SentBatch[] {
    return [...this.#batches.values()];
  }

  /** Notes that a batch is about to be sent. */
  begin(keys: readonly string[], atMs: number): SentBatch {
    const mark = createId().replaceAll("-", "");
    this.#append({ batch: mark, atMs, keys });
    return this.#batches.get(mark) as SentBatch;
  }

  /** Notes the id that the provider gave to a batch. */
  name({ mark }: SentBatch, id: string): void {
    this.#append({ batch: mark, id });
  }

  /** Notes that every answer of a batch has come. */
  end({ mark }: SentBatch): void {
    this.#append({ batch: mark, ended: true });
  }

  /** Notes that a batch has no answers to give. */
  drop({ mark }: SentBatch): void {
    this.#append({ batch: mark, dropped: true });
  }

  /** Forgets the batches whose answers have come: the same questions are asked anew. */
  forgetEnded(): void {
    for (const batch of this.batches) if (batch.hasEnded) this.drop(batch);
  }

  #append(line: Line): void {
    this.#write(JSON.stringify(line));
    this.#take(line);
  }

  #write(line: string): void {
    if (this.path === undefined) return;
    this.#file ??= openSync(this.path, "a", 0o600);
    appendFileSync(this.#file, `${line}\n`);
    fdatasyncSync(this.#file);
  }

  #take(line: Line | undefined): void {
    if (!line) return;
    const { batch: mark, atMs, keys, id, ended, dropped } = line;
    if (keys && atMs !== undefined) this.#batches.set(mark, { mark, keys, atMs, id: undefined, hasEnded: false });
    const batch = this.#batches.get(mark);
    if (batch && id !== undefined) batch.id = id;
    if (batch && ended) batch.hasEnded = true;
    if (dropped) this.#batches.delete(mark);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const message = `${path} cannot be read: ${messageOf(error)}. It names the batches that were sent.`;
    throw new InvalidOptionsError([{ path: "batch", given: path, allowed: "a file that can be read", message }]);
  }
}

function parse(line: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof (value as Line | null)?.batch === "string" ? (value as Line) : undefined;
  } catch {
    return undefined;
  }
}

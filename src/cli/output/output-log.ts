import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tryFileLock } from "../../core/file-lock.ts";
import { isJson } from "../../core/json.ts";
import type { Accepted } from "../../evidence/accept-answers.ts";
import { CommandError, fileFault, parseJson } from "../faults.ts";
import { type Input, readLines } from "../input/input.ts";
import { counted } from "../progress/format.ts";
import { differences, type JobHead } from "./job-head.ts";
import { isFailed, type OutputLine, withVerdict } from "./output-line.ts";

/** Facts of a line that an output file holds. */
export interface KeptLine {
  readonly fingerprint: string;
  readonly status: OutputLine["status"];
  readonly costUsd: number | null;
}

/** Ways to open an output file. */
export interface LogOptions {
  /** The job that writes it. */
  readonly head: JobHead;
  /** Takes the lines of failed inputs out of the file, so that they are asked again. */
  readonly retryFailed?: boolean | undefined;
  /** Leaves the lines of failed inputs where they are. */
  readonly isDryRun?: boolean | undefined;
  /** Moves what the file holds aside, and begins anew. */
  readonly fresh?: boolean | undefined;
}

/**
 * Job: one line per input in a file that a later run of the same job goes on with.
 * Boundary: knows inputs and lines; asks nothing.
 * Invariants:
 * 1. A line is whole or not there, also after the process is killed.
 * 2. An input that has a line is not asked again.
 * 3. Answers to other inputs, or of another tool, are never mixed with these.
 * 4. The first line says what job it is. Files of version 0.2 do not.
 */
export class OutputLog {
  readonly path: string;
  /** File into which `fresh` moved what was there. */
  movedTo: string | undefined;
  readonly #head: JobHead;
  readonly #kept = new Map<number, KeptLine>();
  /** Job of an earlier start, where the file says which. */
  #earlier: JobHead | undefined;
  #isEmpty = true;
  /** A device, or a pipe, is written to and never read. */
  isDevice = false;
  #release: () => void = () => {};
  #file = -1;

  private constructor(path: string, head: JobHead) {
    this.path = path;
    this.#head = head;
  }

  /**
   * Opens a file, or makes it, and reads what it holds.
   *
   * @throws CommandError where it cannot be written, another process writes it, or it holds another job or something else
   */
  static async open(path: string, options: LogOptions): Promise<OutputLog> {
    const log = new OutputLog(path, options.head);
    log.#release = await lockFile(path);
    try {
      if (options.fresh) log.#moveAside();
      const found = statSync(path, { throwIfNoEntry: false });
      log.isDevice = found !== undefined && !found.isFile();
      if (found?.isFile()) await log.#read(options);
      log.#file = openSync(path, "a", 0o600);
      return log;
    } catch (error) {
      log.#release();
      throw unwritable(path, error);
    }
  }

  /** Lines of earlier starts, by the index of their input. */
  get kept(): ReadonlyMap<number, KeptLine> {
    return this.#kept;
  }

  /**
   * Returns true where the input has its line.
   *
   * @throws CommandError where the line is an answer to something else
   */
  has(input: Input, fingerprint: string): boolean {
    const written = this.#kept.get(input.index)?.fingerprint;
    if (written === undefined || written === fingerprint) return written !== undefined;
    const changed = this.#earlier ? "this input has" : "the inputs, the tool or its options have";
    throw new CommandError(
      `${this.path} holds another answer for input ${input.index} (${input.place}): ${changed} changed since. ${otherWays}`,
    );
  }

  /**
   * Refuses inputs that are fewer than the file has lines for.
   *
   * @param inputCount of the whole job
   * @param name of the inputs
   */
  assertWithin(inputCount: number, name: string): void {
    const beyond = [...this.#kept.keys()].filter((index) => index >= inputCount).length;
    if (beyond === 0) return;
    throw new CommandError(
      `${this.path} has ${counted(this.#kept.size, "answer")}, and ${name} only ${counted(inputCount, "input")}: ` +
        `${beyond} would belong to none. Give the inputs of before. ${otherWays}`,
    );
  }

  append(line: OutputLine): void {
    try {
      const first = this.#isEmpty ? { ...line, job: this.#head } : line;
      appendFileSync(this.#file, `${JSON.stringify(first)}\n`);
    } catch (error) {
      throw unwritable(this.path, error);
    }
    this.#isEmpty = false;
  }

  /** Writes a verdict into every line, in one step. */
  async accept(verdicts: ReadonlyMap<number, Accepted>): Promise<void> {
    closeSync(this.#file);
    try {
      await writeVerdicts(this.path, verdicts);
    } finally {
      this.#file = openSync(this.path, "a", 0o600);
    }
  }

  close(): void {
    if (!this.isDevice) fdatasyncSync(this.#file);
    closeSync(this.#file);
    this.#release();
  }

  #keep({ index, fingerprint, status, costUsd }: OutputLine): void {
    this.#kept.set(index, { fingerprint, status, costUsd });
  }

  #moveAside(): void {
    const found = statSync(this.path, { throwIfNoEntry: false });
    const moved = `${this.path}.old`;
    if (found?.isFile() && found.size > 0) {
      mendLastLine(this.path, beginning);
      this.movedTo = moved;
      renameSync(this.path, moved);
    } else if (found && !found.isFile()) return;
    for (const suffix of suffixesBeside) {
      if (this.movedTo !== undefined) rmSync(moved + suffix, { force: true });
      if (existsSync(this.path + suffix)) renameSync(this.path + suffix, moved + suffix);
    }
  }

  async #read({ retryFailed, isDryRun = false }: LogOptions): Promise<void> {
    mendLastLine(this.path, beginning);
    let failedCount = 0;
    for await (const line of this.#lines()) {
      if (this.#isEmpty && line.job) this.#assertSameJob(line.job);
      this.#isEmpty = false;
      if (retryFailed && isFailed(line)) failedCount++;
      else this.#keep(line);
    }
    if (failedCount > 0 && !isDryRun) await this.#dropFailed();
  }

  #assertSameJob(before: JobHead): void {
    const differing = differences(before, this.#head);
    this.#earlier = before;
    if (differing.length === 0) return;
    throw new CommandError(
      `${this.path} ${otherJob}: ${differing.join("; ")}. Give what was given before to go on. ${otherWays}`,
    );
  }

  async *#lines(): AsyncGenerator<OutputLine> {
    for await (const { text, number } of readLines(createReadStream(this.path), this.path)) {
      const line = parseJson(text, this.path, { firstLine: number }) as Partial<OutputLine> | null;
      if (typeof line?.index !== "number" || typeof line.fingerprint !== "string") {
        throw new CommandError(
          `${this.path}:${number}: this line is not an answer of steer run. Give another --output.`,
        );
      }
      yield line as OutputLine;
    }
  }

  /** Writes the file anew without its failed lines, and puts it in the place of the old one in one step. */
  async #dropFailed(): Promise<void> {
    const path = `${this.path}.tmp`;
    const file = createWriteStream(path, { flush: true, mode: 0o600 });
    this.#isEmpty = true;
    for await (const line of this.#lines()) {
      if (isFailed(line)) continue;
      const first = this.#isEmpty && this.#earlier ? { ...line, job: this.#earlier } : line;
      this.#isEmpty = false;
      if (!file.write(`${JSON.stringify(first)}\n`)) await once(file, "drain");
    }
    file.end();
    await once(file, "close");
    renameSync(path, this.path);
  }
}

/**
 * Writes verdicts, by the number of their line, into an output file, and puts it in the place of the old one in one step. Lines without a
 * verdict have no answer, and are not accepted. The file is to be held by its lock.
 *
 * @throws CommandError where it cannot be written
 */
export async function writeVerdicts(path: string, verdicts: ReadonlyMap<number, Accepted>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = createWriteStream(temporary, { flush: true, mode: 0o600 });
    const failed = once(file, "error").then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    let isChanged = false;
    for await (const { text, number } of readLines(createReadStream(path), path)) {
      const line = text.trim() === "" ? undefined : (JSON.parse(text) as OutputLine);
      const accepted = line && (verdicts.get(number) ?? false);
      isChanged ||= line?.accepted !== accepted;
      const written = line && accepted !== undefined ? JSON.stringify(withVerdict(line, accepted)) : text;
      if (!file.write(`${written}\n`)) await Promise.race([once(file, "drain"), failed]);
    }
    file.end();
    await Promise.race([once(file, "close"), failed]);
    if (isChanged) renameSync(temporary, path);
    else rmSync(temporary);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Beginning of what is said of a file that another job wrote. */
export const otherJob = "holds the answers of another job";

/** Files that belong to the answers of an output file: labels, signals, verdicts, batches. */
const suffixesBeside = [".labels.jsonl", ".signals.jsonl", ".accepted.json", ".batches"];

const otherWays = "To begin anew, give another --output, or --fresh, which moves the file aside.";

/** First characters of each line of this package. */
const beginning = '{"index":';

export function unwritable(path: string, error: unknown, advice = ""): CommandError {
  if (error instanceof CommandError) return error;
  return fileFault(path, error, "written", advice);
}

const chunkBytes = 65_536;

/**
 * Puts the end of a file of JSON lines in order after its writer was killed: a last line that is whole but for its line
 * break gets it, and one that was cut short is taken away.
 *
 * @param beginning how each line of such a file begins
 * @throws CommandError for a file that begins otherwise, and is left alone
 */
export function mendLastLine(path: string, beginning: string): void {
  const file = openSync(path, "r+");
  try {
    const { size } = fstatSync(file);
    assertBeginning(file, beginning, path);
    const start = startOfLastLine(file, size);
    if (start === size) return;
    const last = Buffer.alloc(size - start);
    readSync(file, last, 0, last.length, start);
    if (isJson(last.toString("utf8"))) writeSync(file, "\n", size);
    else ftruncateSync(file, start);
  } finally {
    closeSync(file);
  }
}

function assertBeginning(file: number, beginning: string, path: string): void {
  const head = Buffer.alloc(Buffer.byteLength(beginning));
  const length = readSync(file, head, 0, head.length, 0);
  if (beginning.startsWith(head.toString("utf8", 0, length))) return;
  throw new CommandError(`${path} was not written by this command, and is left alone. Give another --output.`);
}

/** Returns the offset of the first byte after the last line break. */
function startOfLastLine(file: number, size: number): number {
  const chunk = Buffer.alloc(chunkBytes);
  for (let end = size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    const length = readSync(file, chunk, 0, end - start, start);
    const lineBreak = chunk.subarray(0, length).lastIndexOf("\n");
    if (lineBreak >= 0) return start + lineBreak + 1;
  }
  return 0;
}

/**
 * Holds a file for this process alone, so that two jobs never write it at once. The lock stands beside it; a device
 * or a pipe has none.
 *
 * @returns a function that lets go
 * @throws CommandError where another process holds the file
 */
export async function lockFile(path: string): Promise<() => void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile()) return () => {};
  const release = await tryFileLock(`${path}.lock`).catch((error) => {
    throw unwritable(path, error);
  });
  if (release) return release;
  throw new CommandError(`${path} is being written by another steer. Wait for it, or give another --output.`);
}

/** Returns the output file beside a table that `steer run` wrote; any other file as it is. */
export function outputFileOf(file: string): string {
  const beside = `${file}.jsonl`;
  return /\.(csv|tsv)$/i.test(file) && existsSync(beside) ? beside : file;
}

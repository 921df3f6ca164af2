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
  statSync,
  writeSync,
} from "node:fs";
import { messageOf } from "../../core/errors.ts";
import { tryFileLock } from "../../core/file-lock.ts";
import { isJson } from "../../core/json.ts";
import { CommandError, parseJson } from "../faults.ts";
import { type Input, readLines } from "../input/input.ts";
import { isFailed, type OutputLine } from "./output-line.ts";

/**
 * Job: one line per input in a file that a later run of the same job goes on with.
 * Boundary: knows inputs and lines; asks nothing.
 * Invariants:
 * 1. A line is whole or not there, also after the process is killed.
 * 2. An input that has a line is not asked again.
 * 3. Answers to other inputs, or of another tool, are never mixed with these.
 */

export class OutputLog {
  readonly path: string;
  readonly #fingerprints = new Map<number, string>();
  #release: () => void = () => {};
  #file = -1;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Opens a file, or makes it, and reads what it holds.
   *
   * @param options.retryFailed takes the lines of failed inputs out of the file, so that they are asked again
   * @param options.onKept hears of each line that stays
   * @throws CommandError where it cannot be written, another process writes it, or it holds something else
   */
  static async open(
    path: string,
    options: { retryFailed: boolean; onKept: (line: OutputLine) => void },
  ): Promise<OutputLog> {
    const log = new OutputLog(path);
    log.#release = await lockFile(path);
    try {
      if (existsSync(path)) await log.#read(options);
      log.#file = openSync(path, "a", 0o600);
      return log;
    } catch (error) {
      log.#release();
      throw unwritable(path, error);
    }
  }

  /**
   * Returns true where the input has its line.
   *
   * @throws CommandError where the line is an answer to something else
   */
  has(input: Input, fingerprint: string): boolean {
    const written = this.#fingerprints.get(input.index);
    if (written === undefined || written === fingerprint) return written !== undefined;
    throw new CommandError(
      `${this.path} holds another answer for input ${input.index} (${input.place}): the inputs, the tool or its options have ` +
        "changed since. Give another --output, or move that file away.",
    );
  }

  append(line: OutputLine): void {
    try {
      appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw unwritable(this.path, error);
    }
    this.#fingerprints.set(line.index, line.fingerprint);
  }

  close(): void {
    fdatasyncSync(this.#file);
    closeSync(this.#file);
    this.#release();
  }

  async #read({ retryFailed, onKept }: { retryFailed: boolean; onKept: (line: OutputLine) => void }): Promise<void> {
    mendLastLine(this.path, beginning);
    let failedCount = 0;
    for await (const line of this.#lines()) {
      if (retryFailed && isFailed(line)) failedCount++;
      else {
        this.#fingerprints.set(line.index, line.fingerprint);
        onKept(line);
      }
    }
    if (failedCount > 0) await this.#dropFailed();
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
    for await (const line of this.#lines()) {
      if (!isFailed(line) && !file.write(`${JSON.stringify(line)}\n`)) await once(file, "drain");
    }
    file.end();
    await once(file, "close");
    renameSync(path, this.path);
  }
}

/** First characters of each line of this package. */
const beginning = '{"index":';

function unwritable(path: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  return new CommandError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
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

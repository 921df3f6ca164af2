/**
 * Job: one line per input in a file that a later run of the same job goes on with.
 * Boundary: knows inputs and lines; asks nothing.
 * Invariants:
 * 1. A line is whole or not there, also after the process is killed.
 * 2. An input that has a line is not asked again.
 * 3. Answers to other inputs, or of another tool, are never mixed with these.
 */
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fdatasyncSync,
  openSync,
  renameSync,
} from "node:fs";
import { messageOf } from "../../core/errors.ts";
import { CommandError } from "../command-error.ts";
import type { Input } from "../input/input.ts";
import { readLines } from "../input/lines.ts";
import { parseJson } from "../parse-json.ts";
import { lockFile } from "./file-lock.ts";
import { mendLastLine } from "./half-written-line.ts";
import { isFailed, type OutputLine } from "./output-line.ts";

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
      log.#file = openSync(path, "a");
      return log;
    } catch (error) {
      log.#release();
      throw unwritable(path, error);
    }
  }

  /**
   * Whether the input has its line.
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
        throw new CommandError(`${this.path}:${number}: this line is no answer of steer run. Give another --output.`);
      }
      yield line as OutputLine;
    }
  }

  /** Writes the file anew without its failed lines, and puts it in the place of the old one in one step. */
  async #dropFailed(): Promise<void> {
    const path = `${this.path}.tmp`;
    const file = createWriteStream(path, { flush: true });
    for await (const line of this.#lines()) {
      if (!isFailed(line) && !file.write(`${JSON.stringify(line)}\n`)) await once(file, "drain");
    }
    file.end();
    await once(file, "close");
    renameSync(path, this.path);
  }
}

/** How each line of ours begins. */
const beginning = '{"index":';

function unwritable(path: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  return new CommandError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
}

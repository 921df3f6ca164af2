import { appendFileSync, closeSync, createReadStream, existsSync, fdatasyncSync, openSync } from "node:fs";
import * as v from "valibot";
import type { AcceptableAnswer } from "../../calibration/job-acceptance.ts";
import { isJson } from "../../core/json.ts";
import { CommandError, parseJson } from "../faults.ts";
import { readLines } from "../input/input.ts";
import type { Answer } from "../label/answer.ts";
import { lockFile, mendLastLine, unwritable } from "../output/output-log.ts";

/**
 * Job: the signals that were bought of the answers of an output file, in a file beside it.
 * Boundary: knows fingerprints and values; asks nothing.
 * Invariants:
 * 1. Lines are only added; a line is whole or not there. A signal that has its line is not paid for again.
 * 2. A signal counts for the answer that it was bought of: another answer to the same input has none.
 */

const signalLine = v.object({
  signal: v.picklist(["verifier", "secondModel"]),
  /** Fingerprint of the line in the output file. */
  answer: v.string(),
  /** Fingerprint of the consensus. */
  content: v.string(),
  model: v.string(),
  /** Samples of the same signal of the answer before this one. */
  sample: v.number(),
  /** From 0 to 1, higher for a right answer; `null` where the model gave no verdict. */
  value: v.nullable(v.number()),
  tokens: v.number(),
  /** US dollars; `null` where a price is not known. */
  costUsd: v.nullable(v.number()),
});

/** A signal that was bought. */
export type SignalLine = v.InferOutput<typeof signalLine>;

const beginning = '{"signal":';

export class SignalsFile {
  readonly path: string;
  readonly #lines: SignalLine[] = [];
  #file = -1;
  #release: () => void = () => {};

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws CommandError where it cannot be written, another process writes it, or it holds something else */
  static async open(output: string): Promise<SignalsFile> {
    const file = new SignalsFile(signalsPath(output));
    file.#release = await lockFile(file.path);
    try {
      if (existsSync(file.path)) {
        mendLastLine(file.path, beginning);
        file.#lines.push(...(await readSignals(output)));
      }
      file.#file = openSync(file.path, "a", 0o600);
      return file;
    } catch (error) {
      file.#release();
      throw unwritable(file.path, error);
    }
  }

  get lines(): readonly SignalLine[] {
    return this.#lines;
  }

  add(line: SignalLine): void {
    try {
      appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw unwritable(this.path, error);
    }
    this.#lines.push(line);
  }

  close(): void {
    fdatasyncSync(this.#file);
    closeSync(this.#file);
    this.#release();
  }
}

/**
 * Reads the signals of an output file; none where there is no file of them.
 *
 * @throws CommandError where the file holds something else
 */
export async function readSignals(output: string): Promise<SignalLine[]> {
  const path = signalsPath(output);
  if (!existsSync(path)) return [];
  const lines: SignalLine[] = [];
  for await (const { text, number, isEnded } of readLines(createReadStream(path), path)) {
    if (!isEnded && !isJson(text)) break;
    const { success, output: line } = v.safeParse(signalLine, parseJson(text, path, { firstLine: number }));
    if (!success)
      throw new CommandError(`${path}:${number}: this line is not a signal of steer run. Move the file away.`);
    lines.push(line);
  }
  return lines;
}

/**
 * Returns the answers with their signals. Of several models of one signal, the one that was asked last counts.
 *
 * @param asked models that count in any case, by signal
 */
export function withSignals(
  answers: readonly Answer[],
  lines: readonly SignalLine[],
  asked: ReadonlyMap<string, string> = new Map(),
): AcceptableAnswer[] {
  const models = new Map([...lines.map(({ signal, model }) => [signal, model] as const), ...asked]);
  const counting = lines.filter(({ signal, model }) => models.get(signal) === model);
  const byAnswer = Map.groupBy(counting, ({ answer }) => answer);
  return answers.map(({ votes, job, fingerprint, content }) => {
    const own = (byAnswer.get(fingerprint) ?? []).filter((line) => line.content === content);
    const signals = Map.groupBy(own, ({ signal }) => signal);
    const values = [...signals].map(([signal, bought]) => [signal, bought.map(({ value }) => value ?? undefined)]);
    return { votes, job, signals: Object.fromEntries(values) };
  });
}

function signalsPath(output: string): string {
  return `${output}.signals.jsonl`;
}

import { appendFileSync, closeSync, createReadStream, existsSync, fdatasyncSync, openSync } from "node:fs";
import * as v from "valibot";
import { isJson } from "../../core/json.ts";
import { CommandError, fileFault, parseJson } from "../faults.ts";
import { readLines } from "../input/input.ts";
import { lockFile, mendLastLine } from "../output/output-log.ts";
import { draws, keyOf, type LabelLine } from "./labels.ts";

/**
 * Job: the labels of an output file, in a file beside it.
 * Boundary: knows ids and verdicts; reads no answer.
 * Invariants:
 * 1. Lines are only added, each on the disk before the next question; a line is whole or not there.
 * 2. Of two labels of one answer the later counts. Two lines that ask the same and say something else have a label each.
 * 3. Every label says how its answer was drawn.
 */

const verdict = v.union([v.nullable(v.boolean()), v.record(v.string(), v.boolean())]);

const labelLine = v.object({
  label: verdict,
  id: v.string(),
  fingerprint: v.string(),
  content: v.optional(v.string()),
  draw: v.picklist(draws),
  seed: v.number(),
  of: v.number(),
  look: v.optional(v.literal(true)),
});

/** First characters of each line. */
const beginning = '{"label":';

export class LabelsFile {
  readonly path: string;
  /** The last label of each answer, in the order in which they were first given. Ask `labelOf`. */
  readonly labels = new Map<string, LabelLine>();
  #file = -1;
  #release: () => void = () => {};

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Opens the labels of an output file, or begins them.
   *
   * @throws CommandError where they cannot be written, another process writes them, or the file holds something else
   */
  static async open(output: string): Promise<LabelsFile> {
    const file = new LabelsFile(labelsPath(output));
    file.#release = await lockFile(file.path);
    try {
      if (existsSync(file.path)) await file.#read();
      file.#file = openSync(file.path, "a", 0o600);
      return file;
    } catch (error) {
      file.#release();
      if (error instanceof CommandError) throw error;
      throw fileFault(file.path, error, "written");
    }
  }

  /** @throws CommandError where the disk refuses it */
  add(line: LabelLine): void {
    try {
      appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
      fdatasyncSync(this.#file);
    } catch (error) {
      throw fileFault(this.path, error, "written");
    }
    this.labels.set(keyOf(line), line);
  }

  close(): void {
    closeSync(this.#file);
    this.#release();
  }

  async #read(): Promise<void> {
    mendLastLine(this.path, beginning);
    for await (const label of labelsIn(this.path)) this.labels.set(keyOf(label), label);
  }
}

/**
 * Reads the labels of an output file, for `labelOf`, also while they are being given; none where there is no file of them.
 *
 * @throws CommandError where the file holds something else
 */
export async function readLabels(output: string): Promise<ReadonlyMap<string, LabelLine>> {
  const labels = new Map<string, LabelLine>();
  const path = labelsPath(output);
  if (!existsSync(path)) return labels;
  for await (const label of labelsIn(path)) labels.set(keyOf(label), label);
  return labels;
}

function labelsPath(output: string): string {
  return `${output}.labels.jsonl`;
}

/** The labels of a file; a last line that is not complete is left out. */
async function* labelsIn(path: string): AsyncGenerator<LabelLine> {
  for await (const { text, number, isEnded } of readLines(createReadStream(path), path)) {
    if (!isEnded && !isJson(text)) return;
    const { success, output } = v.safeParse(labelLine, parseJson(text, path, { firstLine: number }));
    if (!success)
      throw new CommandError(
        `${path}:${number}: this line is not a label of steer label. Move the file away to begin anew.`,
      );
    yield output;
  }
}

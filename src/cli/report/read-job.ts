import { isJson } from "../../core/json.ts";
import { CommandError, parseJson } from "../faults.ts";
import { readBytes, readLines } from "../input/input.ts";
import type { OutputLine } from "../output/output-line.ts";
import { bundleFault } from "../view/open-bundle.ts";

/** Lines without an answer, such as the head of the file, that may come before the first answer. */
const mostLinesBefore = 20;

/**
 * Hands on every line of an output file, and holds one at a time.
 *
 * @param onLine hears of each answer and its line, from 1
 * @returns whether the last line was cut short, as by a job that is still running
 * @throws CommandError for a file that is not one of `steer run`
 */
export async function readJob(
  file: string,
  onLine: (line: OutputLine, number: number) => void | Promise<void>,
): Promise<{ readonly isCutShort: boolean }> {
  let answers = 0;
  for await (const { text, number, isEnded } of readLines(readBytes(file), file)) {
    if (text.trim() === "") continue;
    if (!isEnded && answers > 0 && !isJson(text)) return { isCutShort: true };
    const line = answers === 0 && !isJson(text) ? undefined : parseJson(text, file, { firstLine: number });
    if (isAnswer(line)) {
      assertWhole(line, `${file}:${number}`);
      await onLine(line, number);
      answers++;
    } else if (answers === 0 && (line === undefined || number > mostLinesBefore)) throw notAnOutput(file);
  }
  if (answers === 0) throw notAnOutput(file);
  return { isCutShort: false };
}

const statuses: ReadonlySet<unknown> = new Set<OutputLine["status"]>(["completed", "partial", "failed", "rejected"]);

function isAnswer(value: unknown): value is OutputLine {
  const { index, fingerprint, status, output, error } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof index !== "number" || typeof fingerprint !== "string" || !statuses.has(status)) return false;
  return typeof (status === "rejected" ? error : output) === "object";
}

function assertWhole(line: OutputLine, place: string): void {
  if (line.status === "rejected") return;
  const bundle = (line.output?.content as { evidenceBundle?: unknown } | null | undefined)?.evidenceBundle;
  const fault = bundle === undefined ? undefined : bundleFault(bundle);
  if (fault !== undefined) throw new CommandError(`${place} holds no whole evidence bundle: ${fault}.`);
}

function notAnOutput(name: string): CommandError {
  return new CommandError(`${name} holds no answer of steer run. Give the .jsonl file that --output named.`);
}

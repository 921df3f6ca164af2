import type { JudgedBundle } from "../../calibration/calibration-key.ts";
import type { EvidenceBundle } from "../../contract/bundle.ts";
import { pairwiseDistance } from "../../evidence/distance.ts";
import { CommandError } from "../command-error.ts";
import { readJsonLines } from "../input/json-lines.ts";
import type { OutputLine } from "../output/output-line.ts";
import { bundleFault } from "../view/bundle-shape.ts";
import type { Label, Labels } from "./labels.ts";

/** The answers of an output file that have labels. */
export interface JudgedLines {
  readonly judged: readonly JudgedBundle[];
  /** Ids of answers that have a label and nothing to judge: their runs failed, or none of their replicates is valid. */
  readonly withoutAnswer: readonly string[];
}

/**
 * Finds the answers that labels are about.
 *
 * @throws CommandError for a line that is no answer, and for an id that names none or more than one
 */
export async function judgeLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  labels: Labels,
): Promise<JudgedLines> {
  const judged: JudgedBundle[] = [];
  const withoutAnswer: string[] = [];
  const found = new Map<string, string>();
  for await (const { request, place } of readJsonLines(chunks, name)) {
    const line = request as OutputLine;
    const id = idOf(line, place);
    const label = labels.get(id);
    if (!label) continue;
    const earlier = found.get(id);
    if (earlier)
      throw new CommandError(`${place}: "${id}" stands on ${earlier} too, so that no label can tell them apart.`);
    found.set(id, place);
    const bundle = bundleIn(line, place);
    if (bundle) judged.push({ id: line.fingerprint, bundle, correct: isCorrect(bundle, label) });
    else withoutAnswer.push(id);
  }
  const missing = [...labels.keys()].filter((id) => !found.has(id));
  if (missing.length > 0) throw notFound(missing, name);
  return { judged, withoutAnswer };
}

function idOf(line: Partial<OutputLine> | null, place: string): string {
  if (typeof line?.index !== "number" || typeof line.fingerprint !== "string") {
    throw new CommandError(`${place}: this line is no answer of steer run.`);
  }
  const { id } = (line.input ?? {}) as { id?: unknown };
  return String(typeof id === "string" || typeof id === "number" ? id : line.index);
}

function bundleIn(line: OutputLine, place: string): EvidenceBundle | undefined {
  const content = "output" in line ? (line.output.content as { evidenceBundle?: unknown } | null) : null;
  if (content?.evidenceBundle === undefined) return undefined;
  const fault = bundleFault(content.evidenceBundle);
  if (fault !== undefined) throw new CommandError(`${place} holds no whole evidence bundle: ${fault}.`);
  const bundle = content.evidenceBundle as EvidenceBundle;
  return bundle.summary.validCount > 0 ? bundle : undefined;
}

/** Answers are compared as replicates are: texts by their words, numbers by value, lists by position. */
function isCorrect({ summary: { consensus } }: EvidenceBundle, label: Label): boolean {
  if ("correct" in label) return label.correct;
  const options = typeof consensus === "string" ? { text: true } : {};
  return pairwiseDistance([consensus, label.expected], options)[0]?.[1] === 0;
}

function notFound(missing: readonly string[], name: string): CommandError {
  const [first] = missing;
  const others = missing.length > 1 ? ` (and ${missing.length - 1} more)` : "";
  return new CommandError(
    `${name} has no answer with the id "${first}"${others}. An id is the "id" of the input where that has one, else the "index" of the line.`,
  );
}

import type { EvidenceBundle } from "../../contract/bundle.ts";
import { fingerprint } from "../../core/canonical.ts";
import { seededRandom } from "../../core/random.ts";
import type { JobVotes } from "../../evidence/job-calibration.ts";
import type { OutputLine } from "../output/output-line.ts";
import type { Draw } from "./labels.ts";

/** An answer that can be judged, as far as it is held in memory. */
export interface Answer {
  /** For people. */
  readonly id: string;
  readonly fingerprint: string;
  /** From 1. */
  readonly line: number;
  readonly confidence: number;
  readonly votes: JobVotes;
  /** Name of the job: answers of one task, model, schema and K. */
  readonly job: string;
  /** Fingerprint of the consensus. */
  readonly content: string;
}

/** Returns what is held of the answer on a line. */
export function toAnswer(
  { fingerprint: asked }: Pick<OutputLine, "fingerprint">,
  bundle: EvidenceBundle,
  id: string,
  line: number,
): Answer {
  const { summary, meta } = bundle;
  const { task, k, schemaFingerprint } = meta;
  return {
    id,
    fingerprint: asked,
    line,
    confidence: summary.calibratedConfidence ?? summary.confidence,
    votes: { fields: summary.fields, ...(summary.groups && { groups: summary.groups }) },
    job: JSON.stringify([task, meta.model, schemaFingerprint, k]),
    content: contentOf(bundle),
  };
}

/** Fingerprint of the consensus of a bundle. */
export function contentOf({ summary }: EvidenceBundle): string {
  return fingerprint(summary.consensusJson ?? summary.consensus ?? null).slice(0, 16);
}

const strata = 5;

/**
 * Returns the answers in the order in which a draw shows them. The same seed gives the same order of the same answers. The two
 * draws are independent: else answers that a stratified draw left would come late in the uniform one, and could not certify.
 */
export function drawn(answers: readonly Answer[], draw: Draw, seed: number): Answer[] {
  const random = seededRandom(draw === "uniform" ? seed : ~seed);
  const shuffled = answers
    .map((answer) => ({ answer, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ answer }) => answer);
  if (draw === "uniform") return shuffled;
  if (draw === "least-sure") return shuffled.toSorted((a, b) => a.confidence - b.confidence);
  // One of each stratum of confidence in turn, from the least sure.
  const byConfidence = [...answers].sort((a, b) => a.confidence - b.confidence);
  const stratumOf = new Map(byConfidence.map((answer, rank) => [answer, Math.floor((strata * rank) / answers.length)]));
  const turns = Array.from({ length: strata }, (_, stratum) =>
    shuffled.filter((answer) => stratumOf.get(answer) === stratum).map((answer, turn) => ({ answer, turn, stratum })),
  ).flat();
  return turns.sort((a, b) => a.turn - b.turn || a.stratum - b.stratum).map(({ answer }) => answer);
}

import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";
import type { CompareOptions } from "../../../contract/bundle-options.ts";
import { type SummarizedReplicate, summarize } from "../../../evidence/summary.ts";
import { confidenceByVotes } from "./confidence-by-votes.ts";
import { votingReplicates } from "./voting-replicates.ts";

/** What was known after so many answers. */
export interface TracePoint {
  /** Answers by then, valid or not. */
  readonly count: number;
  /** The last of them. */
  readonly replicate: Replicate;
  readonly confidence: number;
}

/** The confidence as the replicates arrived. */
export interface ConfidenceTrace {
  /** In index order; of many replicates, some. */
  readonly points: readonly TracePoint[];
  /**
   * False where the bundle compared its answers in a way that it does not tell (tolerances, weights, a similarity of
   * one's own): the points then come from who voted for what in the end.
   */
  readonly isExact: boolean;
}

const rounding = 1e-9;

/** The comparisons that a bundle can be recomputed with, as prompt tools choose them. */
const comparisons: readonly CompareOptions[] = [{}, { text: true }];

/** @param mostPoints that can be shown; of more answers, as many are taken at equal steps, the last one included */
export function confidenceTrace(bundle: EvidenceBundle, mostPoints: number): ConfidenceTrace {
  const replicates = votingReplicates(bundle);
  const compare = comparisons.find((candidate) => reproduces(bundle, replicates, candidate));
  const confidenceAfter = compare
    ? (count: number) => confidenceOf(replicates.slice(0, count), compare)
    : confidenceByVotes(bundle, replicates);
  const points = countsUpTo(replicates.length, mostPoints).map((count) => ({
    count,
    replicate: replicates[count - 1] as Replicate,
    confidence: count === replicates.length ? bundle.summary.confidence : confidenceAfter(count),
  }));
  return { points, isExact: compare !== undefined };
}

function reproduces({ summary }: EvidenceBundle, replicates: readonly Replicate[], compare: CompareOptions): boolean {
  return Math.abs(confidenceOf(replicates, compare) - summary.confidence) < rounding;
}

function confidenceOf(replicates: readonly Replicate[], compare: CompareOptions): number {
  return summarize(replicates as readonly SummarizedReplicate<unknown>[], compare).confidence;
}

function countsUpTo(total: number, most: number): number[] {
  const count = Math.min(total, most);
  return Array.from({ length: count }, (_, index) => Math.round(((index + 1) * total) / count));
}

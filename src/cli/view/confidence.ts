import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import type { BundleSummary, EvidenceBundle, FieldSummary, Replicate } from "../../contract/bundle.ts";
import type { CompareOptions } from "../../contract/bundle-options.ts";
import { fewestLabels } from "../../evidence/calibration.ts";
import { fewestJobLabels } from "../../evidence/internal/labelled-votes.ts";
import { VoteModel } from "../../evidence/internal/vote-model.ts";
import { type SummarizedReplicate, summarize } from "../../evidence/summary.ts";
import { counted, hasConfidence, showCount } from "../progress/format.ts";
import { type ConfidenceBin, confidenceBins } from "./confidence-bins.ts";
import { type CountedSummary, rankByReplicate, votingReplicates } from "./facts.ts";

/** A confidence without labels, and what labels make of it. */
export interface LearntConfidence {
  readonly confidence: number;
  readonly learnt: number;
}

/** Labelled bundles by confidence. */
export interface CalibrationCurve {
  /** Labelled bundles by their confidence without labels; empty bins are left out. */
  readonly bins: readonly ConfidenceBin[];
  /** The learnt confidence over all others, at the mean number of tokens. */
  readonly curve: readonly LearntConfidence[];
  /** Missing where the curve stands for many bundles. */
  readonly bundle?: LearntConfidence;
}

export const binWidth = 0.1;
const curvePoints = 100;

export function calibrationCurve(
  { labels, calibration }: StoredCalibration,
  summary?: BundleSummary | undefined,
): CalibrationCurve {
  const judged = labels.flatMap(({ confidence, correct }) =>
    typeof correct === "boolean" ? [{ confidence, isRight: correct }] : [],
  );
  const learnt = (confidence: number) => ({ confidence, learnt: calibration.confidence({ confidence }) });
  return {
    bins: confidenceBins(judged, Math.round(1 / binWidth)),
    curve: Array.from({ length: curvePoints - 1 }, (_, index) => learnt((index + 1) / curvePoints)),
    ...(summary && { bundle: { confidence: summary.confidence, learnt: calibration.confidence(summary) } }),
  };
}

/** Worth of a calibration, in a sentence. */
export function describeCalibration({ labels, calibration }: StoredCalibration): string {
  const { calibrationError } = calibration.toJSON();
  const given = counted(labels.length, "label");
  if (labels.length < fewestJobLabels)
    return `${given} of the ${fewestJobLabels} that it takes: until then, confidence comes from the answers alone.`;
  if (!calibrationError)
    return `${given} correct confidence where that makes it better. From ${fewestLabels} on, this says by how much.`;
  const [before, after] = [calibrationError.before, calibrationError.after].map((error) => (error * 100).toFixed(1));
  return `From ${given}. Calibration error ${before} points before, ${after} after (cross-validated).`;
}

/** True where labels that came after the bundle change its confidence. */
export function isWithoutLabels({ calibratedConfidence, confidenceBasis }: CountedSummary): boolean {
  return calibratedConfidence !== undefined && confidenceBasis?.kind !== "labels";
}

/** True where votes cannot tell how far they can be trusted: of yes or no, without labels. */
export function isGuess({ confidenceBasis, calibratedConfidence }: CountedSummary): boolean {
  return confidenceBasis?.kind === "job" && !confidenceBasis.calibrated && calibratedConfidence === undefined;
}

/** Ground of the confidence of a bundle, in words. */
export function showBasis(summary: CountedSummary): string {
  const { kind = "job", bundles = 1 } = summary.confidenceBasis ?? {};
  if (kind === "labels" || summary.calibratedConfidence !== undefined) return "learnt from labels";
  if (kind === "none") return "one answer does not tell";
  if (isGuess(summary)) return "a guess: votes on yes or no say little before answers are judged";
  return bundles > 1 ? `learnt from the votes of ${showCount(bundles)} bundles` : "from the votes of this bundle alone";
}

/** State of the evidence after so many answers. */
export interface TracePoint {
  /** Answers by then, valid or not. */
  readonly count: number;
  /** The last of them. */
  readonly replicate: Replicate;
  /** Absent after one valid answer, which tells nothing of how sure it is. */
  readonly confidence?: number;
  /** Absent after one valid answer, and where the bundle does not tell how it compared its answers. */
  readonly stability?: number;
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

/** The comparisons that a bundle can be recomputed with, as prompt tools choose them. */
const comparisons: readonly CompareOptions[] = [{}, { text: true }];

/** @param mostPoints that can be shown; of more answers, as many are taken at equal steps, the last one included */
export function confidenceTrace(bundle: EvidenceBundle, mostPoints: number): ConfidenceTrace {
  const replicates = votingReplicates(bundle);
  const compare = comparisons.find((candidate) => reproduces(bundle, replicates, candidate));
  const byVotes = compare ? undefined : confidenceByVotes(bundle, replicates);
  const numbersAfter = (count: number) =>
    compare ? numbersOf(replicates.slice(0, count), compare, bundle.meta.k) : { confidence: byVotes?.(count) ?? 0 };
  const pointAfter = (count: number): TracePoint => {
    const point = { count, replicate: replicates[count - 1] as Replicate };
    if (count === replicates.length) {
      const { confidence, stability } = bundle.summary;
      return hasConfidence(bundle.summary) ? { ...point, confidence, stability } : point;
    }
    const isTold = replicates.slice(0, count).filter(({ valid }) => valid).length > 1;
    return isTold ? { ...point, ...numbersAfter(count) } : point;
  };
  const points = countsUpTo(replicates.length, mostPoints).map(pointAfter);
  return { points, isExact: compare !== undefined };
}

function reproduces({ summary }: EvidenceBundle, replicates: readonly Replicate[], compare: CompareOptions): boolean {
  const { fields } = summarize(replicates as readonly SummarizedReplicate<unknown>[], compare);
  const pointers = Object.keys(summary.fields);
  return (
    pointers.length === Object.keys(fields).length && pointers.every((at) => isSameVote(summary.fields[at], fields[at]))
  );
}

function isSameVote(one: FieldSummary | undefined, other: FieldSummary | undefined): boolean {
  const votes = (field: FieldSummary | undefined) => [
    ...[field?.support, field?.likeness?.toFixed(9), field?.weight],
    ...(field?.distribution.map(({ support }) => support) ?? []),
  ];
  return votes(one).join() === votes(other).join();
}

function numbersOf(replicates: readonly Replicate[], compare: CompareOptions, k: number) {
  const { confidence, stability } = summarize(replicates as readonly SummarizedReplicate<unknown>[], { ...compare, k });
  return { confidence, stability };
}

function countsUpTo(total: number, most: number): number[] {
  const count = Math.min(total, most);
  return Array.from({ length: count }, (_, index) => Math.round(((index + 1) * total) / count));
}

/** The mean confidence of the fields after so many replicates, by who voted for what in the end. */
function confidenceByVotes({ summary }: EvidenceBundle, replicates: readonly Replicate[]): (count: number) => number {
  const contested = summary.disagreements.map(rankByReplicate);
  const unanimousCount = Math.max(0, Object.keys(summary.fields).length - contested.length);
  return (count) => {
    const valid = replicates.slice(0, count).filter((replicate) => replicate.valid);
    const sum = contested.reduce((total, votes) => total + confidenceIn(valid, votes), 0);
    const agreed = confidenceAlone([valid.length]);
    const fieldCount = contested.length + unanimousCount;
    return fieldCount === 0 ? 0 : (sum + unanimousCount * agreed) / fieldCount;
  };
}

function confidenceIn(replicates: readonly Replicate[], votes: ReadonlyMap<string, number>): number {
  const counts = new Map<number, number>();
  for (const { id } of replicates) {
    const vote = votes.get(id);
    if (vote !== undefined) counts.set(vote, (counts.get(vote) ?? 0) + 1);
  }
  return confidenceAlone([...counts.values()].sort((a, b) => b - a));
}

/** Confidence in a consensus of which nothing is known but its votes. */
function confidenceAlone(votes: readonly number[]): number {
  return votes[0] ? VoteModel.of(undefined).confidenceAlone(votes) : 0;
}

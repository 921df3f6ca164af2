import { calibrationKeyOf } from "../../calibration/calibration-key.ts";
import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import type { BundleSummary, Disagreement, EvidenceBundle, FieldSummary, Replicate } from "../../contract/bundle.ts";
import type { CompareOptions, StoppingRuleName } from "../../contract/bundle-options.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import { addCost, type Budget } from "../../contract/usage.ts";
import { fewestLabels } from "../../evidence/calibration.ts";
import { fewestJobLabels } from "../../evidence/internal/labelled-votes.ts";
import { VoteModel } from "../../evidence/internal/vote-model.ts";
import { type SummarizedReplicate, summarize } from "../../evidence/summary.ts";
import { counted, hasConfidence, showCount, showDuration, showOnLine } from "../progress/format.ts";
import { type ConfidenceBin, confidenceBins } from "./confidence-bins.ts";

/** A summary without the distances, which no count needs. */
export type CountedSummary = Omit<BundleSummary, "pairwiseDistance">;

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

/** A field in which an answer differs from the consensus. */
export interface Deviation {
  readonly path: string;
  readonly vote: Vote;
}

/** Fields in which each answer differs; `undefined` for answers without fields: a text, a number. */
export function deviations({
  fields,
  disagreements,
}: CountedSummary): (replicate: Replicate) => readonly Deviation[] | undefined {
  if (Object.hasOwn(fields, "")) return () => undefined;
  const byReplicate = new Map<string, Deviation[]>();
  for (const { path, values } of disagreements) {
    for (const vote of values.slice(1)) {
      for (const id of vote.replicateIds) {
        const known = byReplicate.get(id);
        if (known) known.push({ path, vote });
        else byReplicate.set(id, [{ path, vote }]);
      }
    }
  }
  return ({ id }) => byReplicate.get(id) ?? [];
}

/** One row and column of the map: a replicate, or several where there are too many to show. */
export interface MapEntry {
  readonly ids: readonly string[];
  readonly isValid: boolean;
}

/** Distances of the answers, those that voted alike next to each other. */
export interface DistanceMap {
  readonly entries: readonly MapEntry[];
  /** Mean distances, in [0, 1]; `null` where one of two answers is invalid. */
  readonly cells: readonly (readonly (number | null)[])[];
  /** Replicates that an entry stands for. */
  readonly perEntry: number;
}

/** More fields than this change the order of no map that can be read. */
const orderingFields = 50;

/** @param mostEntries rows and columns that can be shown */
export function distanceMap(bundle: EvidenceBundle, mostEntries: number): DistanceMap {
  const replicates = votingReplicates(bundle);
  const matrix = bundle.summary.pairwiseDistance ?? [];
  const order = orderByVotes(replicates, bundle);
  const perEntry = Math.max(1, Math.ceil(order.length / mostEntries));
  const blocks = chunked(order, perEntry);
  return {
    perEntry,
    entries: blocks.map((block) => entryOf(block.map((index) => replicates[index] as Replicate))),
    cells: blocks.map((rows) => blocks.map((columns) => meanDistance(matrix, rows, columns))),
  };
}

/** Replicates that give the same values stand together, by the fields on which most agree; those that do not vote last. */
function orderByVotes(replicates: readonly Replicate[], { summary }: EvidenceBundle): number[] {
  const fields = summary.disagreements.toReversed().slice(0, orderingFields);
  const ranks = fields.map(rankByReplicate);
  const keys = replicates.map(({ id, valid }) => [valid ? 0 : 1, ...ranks.map((rank) => rank.get(id) ?? 0)]);
  return [...replicates.keys()].sort((a, b) => compareKeys(keys[a] as number[], keys[b] as number[]) || a - b);
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((rank, index) => rank !== b[index]);
  return differing === -1 ? 0 : (a[differing] as number) - (b[differing] as number);
}

function chunked(indexes: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(indexes.length / size) }, (_, chunk) =>
    indexes.slice(chunk * size, (chunk + 1) * size),
  );
}

function entryOf(replicates: readonly Replicate[]): MapEntry {
  return { ids: replicates.map(({ id }) => id), isValid: replicates.some(({ valid }) => valid) };
}

function meanDistance(
  matrix: readonly (readonly (number | null)[])[],
  rows: readonly number[],
  columns: readonly number[],
): number | null {
  let [sum, count] = [0, 0];
  for (const row of rows) {
    for (const column of columns) {
      const distance = matrix[row]?.[column];
      if (typeof distance !== "number") continue;
      sum += distance;
      count++;
    }
  }
  return count === 0 ? null : sum / count;
}

/** One value of a field, and who gave it. */
export interface Vote {
  /** Missing where the field is absent from these answers. */
  readonly value?: unknown;
  readonly support: number;
  /** Missing where all agree. */
  readonly replicateIds?: readonly string[];
  /** Answers by model, where several models answered. */
  readonly models?: Readonly<Record<string, number>> | undefined;
}

/** Names who gave a value: the models, where there are several, else the answers. */
export function votersOf({ models, replicateIds = [] }: Vote, mostIds: number): string {
  if (models) return modelVotes(models);
  const others = replicateIds.length > mostIds ? ` … and ${replicateIds.length - mostIds} more` : "";
  return replicateIds.slice(0, mostIds).join(" ") + others;
}

export function modelVotes(models: Readonly<Record<string, number>>): string {
  return Object.entries(models)
    .map(([model, count]) => `${showOnLine(model)} ${count}`)
    .join(", ");
}

/** Votes of the replicates on one field. */
export interface FieldVotes {
  /** JSON pointer; `""` is the whole answer. */
  readonly path: string;
  readonly tied: boolean;
  /** Votes by falling support; never empty. */
  readonly votes: readonly Vote[];
  /** Missing for a field that shares its pointer with another, of which the summary keeps one. */
  readonly confidence?: number;
  readonly stability?: number;
}

/** All fields, the most contested first. */
export function fieldVotes(summary: CountedSummary): FieldVotes[] {
  const { fields, disagreements } = summary;
  const numbersOf = ({ confidence, stability }: FieldSummary) =>
    hasConfidence(summary) ? { confidence, stability } : { stability };
  const contested = disagreements.map(({ path, tied, values }) => ({
    path,
    tied,
    votes: values.map((vote, at) => ({ ...vote, models: fields[path]?.distribution[at]?.models })),
    ...(Object.hasOwn(fields, path) && numbersOf(fields[path] as FieldSummary)),
  }));
  const contestedPaths = new Set(disagreements.map(({ path }) => path));
  const unanimous = Object.entries(fields)
    .filter(([path]) => !contestedPaths.has(path))
    .map(([path, field]) => ({ path, tied: field.tied, votes: field.distribution, ...numbersOf(field) }));
  return [...contested, ...unanimous];
}

/** Answers, and what they took. */
export interface Expense {
  readonly answers: number;
  /** `undefined` where no answer says what it used. */
  readonly tokens: number | undefined;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
}

/** Cost of a bundle, beside that of always asking K times. */
export interface FixedKCost {
  readonly actual: Expense;
  /** K times the mean answer of the model that the summary is of: an estimate, unless all K were asked. */
  readonly fixed: Expense;
  /** Difference of the two. A run that was cut off or cancelled saves nothing: its missing answers may be needed. */
  readonly saved: Pick<Expense, "answers" | "costUsd">;
}

/** Words for the cost of a fixed K. */
export interface FixedKNames {
  readonly fixedName: string;
  /** Says how the fixed cost is estimated, as a sentence. */
  readonly estimate: string;
}

export function fixedKNames({ fixed: { answers } }: FixedKCost): FixedKNames {
  return { fixedName: `always ${answers}`, estimate: `The second line is ${answers} times the mean answer.` };
}

/** `undefined` for a bundle without answers: the cost of one is not known. */
export function fixedKCost(
  bundle: Pick<EvidenceBundle, "meta" | "replicates" | "costTotalUsd">,
): FixedKCost | undefined {
  const { meta, replicates, costTotalUsd } = bundle;
  const voting = votingReplicates(bundle);
  if (voting.length === 0) return undefined;
  const perAnswer = meta.k / voting.length;
  const tokens = tokensOf(voting);
  const reusedUsd = meta.reuse && meta.reuse.replicateIds.length > 0 ? meta.reuse.savedUsd : 0;
  const costUsd = addCost(costOf(voting), reusedUsd);
  const askedUsd = addCost(costTotalUsd, reusedUsd);
  const fixedUsd = costUsd === null ? null : costUsd * perAnswer;
  const lessAnswers = meta.k - replicates.length;
  const lessUsd = fixedUsd === null || askedUsd === null ? null : fixedUsd - askedUsd;
  const isSaving = lessAnswers <= 0 || isStoppedByRule(meta);
  return {
    actual: { answers: replicates.length, tokens: tokensOf(replicates), costUsd: askedUsd },
    fixed: {
      answers: meta.k,
      tokens: tokens === undefined ? undefined : Math.round(tokens * perAnswer),
      costUsd: fixedUsd,
    },
    saved: isSaving ? { answers: lessAnswers, costUsd: lessUsd } : { answers: 0, costUsd: 0 },
  };
}

/** Amounts that a run has used: tools and calls included whose answers do not count. */
export interface Spending {
  readonly tokens: number;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
  readonly timeMs: number;
  /** Ceilings of the run; missing where nothing limits it. */
  readonly budget?: Budget | undefined;
}

/** Returns the spending of a run from its output, which a file may hold in any form; `undefined` where it tells none. */
export function spendingOf(output: unknown): Spending | undefined {
  const { usage, costUsd, elapsedMs, metadata } = (output ?? {}) as Partial<OrchestrationOutput>;
  const tokens = amount(usage?.totalTokens);
  const timeMs = amount(elapsedMs);
  if (tokens === undefined || timeMs === undefined) return undefined;
  const { budget } = metadata ?? {};
  return { tokens, costUsd: amount(costUsd) ?? null, timeMs, ...(budget && { budget: ceilingsIn(budget) }) };
}

/** Returns the ceilings that are numbers. */
function ceilingsIn({ tokens, costUsd, timeMs }: Budget): Budget {
  return { tokens: amount(tokens), costUsd: amount(costUsd), timeMs: amount(timeMs) };
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? value : undefined;
}

/** What each stopping rule found, for people. */
const ruleWords: Readonly<Record<Exclude<StoppingRuleName, "auto" | "none"> | "target", string>> = {
  epsilon: "the answers are alike enough",
  horizon: "the answers left are very unlikely to change the consensus",
  lossless: "the answers left cannot change the consensus",
  beta: "the lead of the consensus is very likely no chance",
  certified: "the votes are strong evidence against a tie",
  target: "the confidence that was asked for is reached",
};

function ruleIn({ earlyStopReason = "" }: StopFacts): keyof typeof ruleWords | undefined {
  const name = /^([a-z]+) after \d+ of \d+(?::|$)/.exec(earlyStopReason)?.[1];
  return name !== undefined && Object.hasOwn(ruleWords, name) ? (name as keyof typeof ruleWords) : undefined;
}

type StopFacts = Pick<EvidenceBundle["meta"], "earlyStopReason">;

/** True where a stopping rule ended the bundle before K, and not a limit, a failure or a cancellation. */
export function isStoppedByRule(meta: StopFacts): boolean {
  return ruleIn(meta) !== undefined;
}

/** Reason why a bundle has no more answers, for people. */
export interface StopReason {
  readonly title: string;
  readonly words: string;
  /** The rule and its numbers, as the bundle has them. */
  readonly detail?: string | undefined;
}

/** Says for people why a bundle has no more answers. */
export function describeStop(meta: StopFacts & Pick<EvidenceBundle["meta"], "k">): StopReason {
  const { earlyStopReason, k } = meta;
  const rule = ruleIn(meta);
  if (rule !== undefined) {
    const isOutOfReach = rule === "target" && earlyStopReason?.includes("out of reach");
    const words = isOutOfReach ? "no further answers could reach the confidence that was asked for" : ruleWords[rule];
    return { title: "Stopped here because", words, detail: earlyStopReason };
  }
  if (earlyStopReason === undefined || earlyStopReason === "")
    return { title: "Asked to the end:", words: `all ${counted(k, "answer")} were asked for` };
  if (earlyStopReason === "budget") return { title: "Cut off:", words: "the budget had no room for a further answer" };
  if (earlyStopReason === "time") return { title: "Cut off:", words: "the time of the run was over" };
  if (/^all of the first \d+ answers differ$/.test(earlyStopReason))
    return { title: "Stopped here because", words: earlyStopReason };
  return { title: "Cut off:", words: earlyStopReason };
}

/** True for a call that brought no answer at all: it is no answer that is not valid. */
export function isFailedCall({ valid, data, json }: Replicate): boolean {
  return !valid && (json ?? data ?? null) === null;
}

/** Number of calls that brought no answer, in words. */
export function showFailedCalls(count: number): string {
  return `${counted(count, "call")} failed`;
}

function tokensOf(replicates: readonly Replicate[]): number | undefined {
  // A reused answer was paid for by an earlier run.
  const used = replicates.flatMap(({ usage, reused }) => (reused ? 0 : (usage?.totalTokens ?? [])));
  return used.length === 0 ? undefined : used.reduce((sum, tokens) => sum + tokens, 0);
}

function costOf(replicates: readonly Replicate[]): number | null {
  return replicates.reduce<number | null>((sum, { costUsd }) => addCost(sum, costUsd ?? null), 0);
}

/** The models that gave valid answers; without a valid answer, those that were asked. */
export function modelsOf(bundle: Pick<EvidenceBundle, "meta" | "replicates">): string {
  return calibrationKeyOf(bundle).model || bundle.meta.model;
}

/** For each replicate, the place of the value that it gave among the values of a field. */
function rankByReplicate({ values }: Disagreement): ReadonlyMap<string, number> {
  return new Map(values.flatMap(({ replicateIds }, rank) => replicateIds.map((id) => [id, rank] as const)));
}

/** A time that may be short. */
export function showElapsed(ms: number): string {
  return ms < 1000 ? `${showCount(Math.round(ms))} ms` : showDuration(ms);
}

/** The replicates that the summary is of: where a stronger model was asked, only its own. */
export function votingReplicates({
  meta,
  replicates,
}: Pick<EvidenceBundle, "meta" | "replicates">): readonly Replicate[] {
  const replaced = new Set(meta.escalations?.flatMap(({ replicateIds }) => replicateIds));
  return replaced.size === 0 ? replicates : replicates.filter(({ id }) => !replaced.has(id));
}

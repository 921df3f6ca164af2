import { atOnce, type Slices, visiting } from "../../core/slices.ts";
import { createJobCalibration, type JobCalibration } from "../../evidence/job-calibration.ts";
import { hasConfidence, noConfidence, showShare } from "../progress/format.ts";
import type { Answer } from "./answer.ts";
import { type LabelLine, labelOf, type Verdict } from "./labels.ts";

/** An answer with a verdict on all of it. */
export interface JudgedAnswer {
  readonly answer: Answer;
  readonly isRight: boolean;
}

/**
 * Mean confidence that everything in an answer is right, and its mean squared error where that is known. One answer without
 * labels has no confidence, and counts in none.
 */
interface Figures {
  readonly ofAll: number | undefined;
  readonly ofJudged: number | undefined;
  readonly error: number | undefined;
}

/** Change that labels make to the confidence of one job. */
export interface Effect {
  readonly name: string;
  readonly judged: readonly JudgedAnswer[];
  readonly before: Figures;
  readonly after: Figures;
  /** The labels correct the confidence: there are enough, and cross-validation says that they help. */
  readonly isUsed: boolean;
  /** Labels that it takes at least. */
  readonly fewest: number;
}

const fewest = 10;
const folds = 5;

/** Computes what labels change, for each job that has one: its confidence with them beside the one without. */
export function effectsOf(all: readonly Answer[], labels: ReadonlyMap<string, LabelLine>): Effect[] {
  return atOnce(effecting(atOnce(observingJobs(all)), labels));
}

/** Answers of one job, and their confidence without labels. */
export interface ObservedJob {
  readonly answers: readonly Answer[];
  readonly observed: JobCalibration;
  /** One answer of each kind of votes, and how many have these: their confidence is the same. */
  readonly kinds: readonly { readonly answer: Answer; readonly count: number }[];
  /** Mean confidence without labels. */
  readonly before: number | undefined;
}

/** Groups answers by their job, in slices. Labels change none of it. */
export function* observingJobs(all: readonly Answer[]): Slices<ObservedJob[]> {
  const jobs: ObservedJob[] = [];
  for (const answers of Map.groupBy(all, ({ job }) => job).values()) {
    const observed = createJobCalibration();
    const kinds = new Map<string, { readonly answer: Answer; count: number }>();
    yield* visiting(answers, (answer) => {
      observed.observe(answer.votes);
      const votes = JSON.stringify(answer.votes);
      const kind = kinds.get(votes) ?? { answer, count: 0 };
      kinds.set(votes, kind);
      kind.count++;
    });
    const known = [...kinds.values()];
    jobs.push({ answers, observed, kinds: known, before: yield* averaging(known, observed) });
  }
  return jobs;
}

/** Computes what labels change in each job that has one, in slices. */
export function* effecting(jobs: readonly ObservedJob[], labels: ReadonlyMap<string, LabelLine>): Slices<Effect[]> {
  const effects: Effect[] = [];
  for (const job of jobs) {
    const effect = yield* effectingOn(job, labels);
    if (effect) effects.push(effect);
  }
  return effects;
}

function* effectingOn(
  { answers, observed, kinds, before }: ObservedJob,
  labels: ReadonlyMap<string, LabelLine>,
): Slices<Effect | undefined> {
  const labelled = answers.flatMap((answer) => {
    const { label = null } = labelOf(labels, answer) ?? {};
    return label === null ? [] : [{ answer, label }];
  });
  const judged = labelled.flatMap(({ answer, label }) => {
    const isRight = verdictOnAll(answer.votes.fields, label);
    return isRight === undefined ? [] : [{ answer, isRight }];
  });
  if (judged.length === 0) return undefined;
  const calibrated = (given: typeof labelled) => {
    const job = createJobCalibration().merge(observed);
    for (const { answer, label } of given) job.label(answer.votes, label);
    return job;
  };
  const withAll = calibrated(labelled);
  const withOthers = Array.from({ length: folds }, (_, fold) =>
    calibrated(labelled.filter(({ answer }) => foldOf(answer, labelled) !== fold)),
  );
  const foldFor = (answer: Answer) => withOthers[foldOf(answer, labelled)] as JobCalibration;
  const [{ answer: first }] = judged as [JudgedAnswer];
  const isUsed = withAll.numbers(first.votes).confidenceBasis.kind === "labels";
  return {
    name: nameOf(first),
    judged,
    before: { ofAll: before, ...figures(judged, observed, () => observed) },
    after: { ofAll: isUsed ? yield* averaging(kinds, withAll) : before, ...figures(judged, withAll, foldFor) },
    isUsed,
    fewest,
  };
}

/** Says what labels are worth. */
export function describeWorth({ judged, before, after, isUsed, fewest }: Effect): string {
  if (isUsed)
    return `Squared error of the confidence, 0 is best: ${showMean(before.error)} without labels, ${showMean(after.error)} with them, on answers that they did not learn from.`;
  return judged.length < fewest
    ? `Confidence is corrected from ${fewest} labels on: ${fewest - judged.length} more.`
    : "The labels would not make the confidence better on answers that they did not learn from, so it stays as it is.";
}

/** A mean confidence, or a dash where there is none. */
export function showMean(share: number | undefined): string {
  return share === undefined ? noConfidence : showShare(share);
}

/** Verdict on all of an answer; `undefined` where some of its fields were not judged. */
export function verdictOnAll(fields: object, label: Exclude<Verdict, null>): boolean | undefined {
  if (typeof label === "boolean") return label;
  const isWhole = Object.keys(fields).every((field) => Object.hasOwn(label, field));
  const hasWrong = Object.values(label).includes(false);
  return hasWrong ? false : isWhole ? true : undefined;
}

function foldOf(answer: Answer, labelled: readonly { readonly answer: Answer }[]): number {
  return labelled.findIndex((each) => each.answer === answer) % folds;
}

function figures(
  judged: readonly JudgedAnswer[],
  job: JobCalibration,
  jobFor: (answer: Answer) => JobCalibration,
): Omit<Figures, "ofAll"> {
  return {
    ofJudged: meanConfidence(
      judged.map(({ answer }) => answer),
      job,
    ),
    error: mean(
      judged.flatMap(({ answer, isRight }) =>
        confidenceIn(jobFor(answer), answer).map((confidence) => (confidence - Number(isRight)) ** 2),
      ),
    ),
  };
}

function* averaging(kinds: ObservedJob["kinds"], job: JobCalibration): Slices<number | undefined> {
  let [sum, total] = [0, 0];
  yield* visiting(kinds, ({ answer, count }) => {
    const [confidence] = confidenceIn(job, answer);
    if (confidence === undefined) return;
    sum += confidence * count;
    total += count;
  });
  return total === 0 ? undefined : sum / total;
}

function meanConfidence(answers: readonly Answer[], job: JobCalibration): number | undefined {
  return mean(answers.flatMap((answer) => confidenceIn(job, answer)));
}

/** The confidence that everything in an answer is right; nothing where nothing tells. */
function confidenceIn(job: JobCalibration, { votes }: Answer): number[] {
  const { allRight, confidenceBasis } = job.numbers(votes);
  return hasConfidence({ confidenceBasis }) ? [allRight] : [];
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function nameOf({ job }: Answer): string {
  const [task, model] = JSON.parse(job) as [string, string];
  return `${task}, ${model}`;
}

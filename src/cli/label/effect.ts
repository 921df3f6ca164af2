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
  return [...Map.groupBy(all, ({ job }) => job).values()].flatMap((answers) => {
    const labelled = answers.flatMap((answer) => {
      const { label = null } = labelOf(labels, answer) ?? {};
      return label === null ? [] : [{ answer, label }];
    });
    const judged = labelled.flatMap(({ answer, label }) => {
      const isRight = verdictOnAll(answer.votes.fields, label);
      return isRight === undefined ? [] : [{ answer, isRight }];
    });
    if (judged.length === 0) return [];
    const observed = createJobCalibration();
    for (const { votes } of answers) observed.observe(votes);
    const calibrated = (given: typeof labelled) => {
      const job = createJobCalibration().merge(observed);
      for (const { answer, label } of given) job.label(answer.votes, label);
      return job;
    };
    const withAll = calibrated(labelled);
    const withOthers = Array.from({ length: folds }, (_, fold) =>
      calibrated(labelled.filter(({ answer }) => foldOf(answer, labelled) !== fold)),
    );
    const [{ answer: first }] = judged as [JudgedAnswer];
    return [
      {
        name: nameOf(first),
        judged,
        before: figures(answers, judged, observed, () => observed),
        after: figures(answers, judged, withAll, (answer) => withOthers[foldOf(answer, labelled)] as JobCalibration),
        isUsed: withAll.numbers(first.votes).confidenceBasis.kind === "labels",
        fewest,
      },
    ];
  });
}

/** Says what labels are worth. */
export function describeWorth({ judged, before, after, isUsed, fewest }: Effect): string {
  if (isUsed)
    return `Mean squared error of the confidence: ${showMean(before.error)} without labels, ${showMean(after.error)} with them (cross-validated).`;
  return judged.length < fewest
    ? `Confidence is corrected from ${fewest} labels on: ${fewest - judged.length} more.`
    : "The labels would not make the confidence better (cross-validated), so it stays as it is.";
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
  all: readonly Answer[],
  judged: readonly JudgedAnswer[],
  job: JobCalibration,
  jobFor: (answer: Answer) => JobCalibration,
): Figures {
  const confidenceIn = (by: JobCalibration, { votes }: Answer): number[] => {
    const { allRight, confidenceBasis } = by.numbers(votes);
    return hasConfidence({ confidenceBasis }) ? [allRight] : [];
  };
  return {
    ofAll: mean(all.flatMap((answer) => confidenceIn(job, answer))),
    ofJudged: mean(judged.flatMap(({ answer }) => confidenceIn(job, answer))),
    error: mean(
      judged.flatMap(({ answer, isRight }) =>
        confidenceIn(jobFor(answer), answer).map((confidence) => (confidence - Number(isRight)) ** 2),
      ),
    ),
  };
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function nameOf({ job }: Answer): string {
  const [task, model] = JSON.parse(job) as [string, string];
  return `${task}, ${model}`;
}

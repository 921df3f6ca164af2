import * as v from "valibot";
import type { BundleSummary, FieldSummary } from "../contract/bundle.ts";
import { declareOptions, type OptionsInput, resolveOptions, wholeNumber } from "../core/options.ts";
import { atOnce, type Slices } from "../core/slices.ts";
import {
  byShortKey,
  checkedData,
  type FieldVotesData,
  type JobCalibrationData,
  sizesOfShortKey,
} from "./internal/job-calibration-data.ts";
import {
  answersOf,
  eachVote,
  fieldAt,
  isSizes,
  isYesOrNo,
  type JobVotes,
  meanLogprob,
  patternOf,
  productOf,
  sizesOfField,
  votesOf,
  wholeSizes,
} from "./internal/summary-votes.ts";
import { setOwn } from "./internal/values.ts";
import { assertVerdict, readVerdicts } from "./internal/verdict.ts";
import { type Judged, type Vote, VoteJob } from "./internal/vote-job.ts";
import { type GroupSizes, stepsOfVector, VoteModel } from "./internal/vote-model.ts";

export const jobCalibrationOptions = declareOptions("JobCalibrationOptions", "createJobCalibration", {
  /**
   * Number of possible answers, such as the values of an enum; fewer than three tell nothing. A summary of `summarize` with
   * `choices` says it of each field by itself. Default: unknown.
   */
  options: v.optional(wholeNumber({ minimum: 1, unit: "answers" })),
});

/** Facts that a job calibration may know of the answers. */
export interface JobCalibrationOptions extends OptionsInput<typeof jobCalibrationOptions> {}

export type { FieldVotesData, GroupSizes, JobCalibrationData, JobVotes };

/** Numbers of a summary that a job calibration gives. */
export type JobNumbers = Pick<BundleSummary, "confidence" | "weakest" | "allRight" | "confidenceBasis"> & {
  /** Confidence by JSON pointer. */
  readonly fields: Readonly<Record<string, number>>;
};

/** Learns from the bundles of one job, without labels, how far their votes can be trusted. */
export interface JobCalibration {
  /** Number of bundles with a valid sample. */
  readonly bundles: number;
  /** Number of labels. */
  readonly labels: number;
  /**
   * Counts the votes of a bundle: a summary, or the sizes of the groups of equal answers, that of the consensus first.
   * `null`, and a summary without a valid answer, count for nothing.
   */
  observe(bundle: JobVotes | GroupSizes | null): void;
  /**
   * Probability that the consensus of an observed bundle is right, given all bundles so far; of an object the weighted mean of its
   * fields. `null` without a valid answer.
   */
  confidence(bundle: JobVotes | GroupSizes | null): number | null;
  /** All numbers of a summary: of its fields, of the whole, and what they rest on. */
  numbers(summary: JobVotes): JobNumbers;
  /**
   * Keeps if a bundle was right: as a whole, or by JSON pointer. From ten labels on they correct the confidence, where
   * cross-validation says that they make it no worse.
   */
  label(bundle: JobVotes | GroupSizes, correct: boolean | Readonly<Record<string, boolean>>): void;
  /** Adds all that another one counted. */
  merge(other: { toJSON(): JobCalibrationData }): JobCalibration;
  /** Counts of the vectors: the whole state. */
  toJSON(): JobCalibrationData;
  /** Replaces all counts by what `toJSON` gave. */
  fromJSON(data: JobCalibrationData): JobCalibration;
}

/**
 * Learns how far votes can be trusted from the bundles of a job themselves: bundles of one task, model, schema and K. Right
 * samples agree, wrong ones scatter or collide, and the vectors of a whole job say how much of each there is. It cannot see
 * errors that all samples share: ten to thirty labels repair that.
 *
 * @returns an empty one; numbers do not depend on the order of what is observed and labelled
 * @throws InvalidOptionsError where the options cannot be used
 *
 * @example
 * ```ts
 * const job = createJobCalibration();
 * for (const sizes of [[5], [5], [4, 1], [5], [2, 2, 1]]) job.observe(sizes);
 * job.confidence([5]); // 0.926
 * job.confidence([2, 2, 1]); // 0.357
 * ```
 */
export function createJobCalibration(options: JobCalibrationOptions = {}): JobCalibration {
  return new FieldJobs(options);
}

/** Fields that get a job of their own; further ones share one, so that answers with keys of their own cannot fill the memory. */
const mostFields = 256;
const otherFields = "/…";

/**
 * Job: one `VoteJob` for each field of the answers of a job, and one for whole answers (`""`).
 * Boundary: reads summaries; `VoteJob` computes.
 */
export class FieldJobs implements JobCalibration {
  readonly #choices: number | undefined;
  #jobs = new Map<string, VoteJob>();

  constructor(options: JobCalibrationOptions) {
    this.#choices = resolveOptions(jobCalibrationOptions, options).options;
  }

  get bundles(): number {
    return this.#jobs.get("")?.bundles ?? 0;
  }

  get labels(): number {
    return Math.max(0, ...[...this.#jobs.values()].map((job) => job.labels));
  }

  snapshot(): FieldJobs {
    const copy = new FieldJobs({ options: this.#choices });
    for (const [pattern, job] of this.#jobs) copy.#jobs.set(pattern, job.snapshot());
    return copy;
  }

  observe(bundle: JobVotes | GroupSizes | null): void {
    atOnce(this.observing(bundle));
  }

  /**
   * `observe`, in slices; the bundle counts once all of it was read.
   *
   * @returns what it counted, for `takeBack`
   */
  *observing(bundle: JobVotes | GroupSizes | null): Slices<readonly Counted[]> {
    const same = new Map<string, Counted>();
    for (const { pointer, sizes, choices } of eachVote(bundle)) {
      yield 2 + sizes.length / 16;
      this.#jobAt(pointer, choices);
      const pattern = this.#keyOf(pointer);
      const key = `${sizes.join()} ${pattern}`;
      const counted = same.get(key) ?? { pattern, sizes, fields: 0 };
      same.set(key, counted);
      counted.fields++;
    }
    const all = [...same.values()];
    for (const { pattern, sizes, fields } of all) this.#jobs.get(pattern)?.observe(sizes, fields);
    return all;
  }

  /** Takes back what a bundle counted. */
  takeBack(counted: readonly Counted[]): void {
    for (const { pattern, sizes, fields } of counted) this.#jobs.get(pattern)?.observe(sizes, -fields);
  }

  confidence(bundle: JobVotes | GroupSizes | null): number | null {
    const votes = votesOf(bundle);
    if (votes.length === 0 || bundle === null) return null;
    if (!isSizes(bundle)) return this.numbers(bundle).confidence;
    return this.#jobAt("").judge(votes[0] as Vote).confidence;
  }

  numbers(summary: JobVotes): JobNumbers {
    return atOnce(this.#numbers(summary, (job, vote) => job.judge(vote), 0));
  }

  /** Numbers of a summary that is not observed yet, counted with those that are. */
  numbersOfNext(summary: JobVotes): JobNumbers {
    return atOnce(this.numberingNext(summary));
  }

  /** `numbersOfNext`, in slices. */
  numberingNext(summary: JobVotes): Slices<JobNumbers> {
    return this.#numbers(summary, (job, vote) => job.judgeNext(vote), 1);
  }

  /**
   * Returns the highest confidence of a summary that is not observed yet, in which the votes on every field are of these sizes.
   *
   * @param choices number of possible answers of the fields of the schema; the fields known so far where there are none
   */
  highestOfNext(sizes: GroupSizes, choices: Readonly<Record<string, number | undefined>>): number {
    const known = [...this.#jobs.keys()].filter((pattern) => pattern !== "");
    const named = Object.keys(choices).length > 0 ? Object.keys(choices) : known;
    const distribution = sizes.map((support) => ({ value: undefined, support }));
    // A single answer is never surer than where its tokens are.
    const logprobs = sizes.join() === "1" ? [undefined, 0] : [undefined];
    const highest = logprobs.map((logprob) => {
      const votes = (named.length > 0 ? named : [""]).map((pointer) => {
        const field = { distribution, support: sizes[0] ?? 0, choices: choices[pointer], logprob };
        return [pointer, field as FieldSummary] as const;
      });
      const isWholeScaled = votes.length > 1 && this.#jobs.get("")?.isScaled;
      if (isWholeScaled) return this.numbersOfNext({ fields: Object.fromEntries(votes), groups: sizes }).confidence;
      return Math.max(...votes.map((vote) => this.numbersOfNext({ fields: Object.fromEntries([vote]) }).confidence));
    });
    return Math.max(...highest);
  }

  /** @param count -1 takes a label back */
  label(bundle: JobVotes | GroupSizes, correct: boolean | Readonly<Record<string, boolean>>, count: 1 | -1 = 1): void {
    assertVerdict(bundle, correct);
    const verdictOn = readVerdicts(bundle, correct);
    for (const { pointer, shown, choices, logprob } of votesOf(bundle)) {
      const isRight = verdictOn(pointer);
      if (isRight !== undefined) this.#jobAt(pointer, choices).label(shown, isRight ? [count, 0] : [0, count], logprob);
    }
  }

  merge(other: { toJSON(): JobCalibrationData }): this {
    this.#add(checkedData(other.toJSON()));
    return this;
  }

  toJSON(): JobCalibrationData {
    const fields: Record<string, FieldVotesData> = {};
    for (const pattern of [...this.#jobs.keys()].sort()) {
      const job = this.#jobs.get(pattern) as VoteJob;
      const labels = job.labels > 0 && { labels: byShortKey(job.labelled()) };
      const told = job.labelledLogprobs();
      const logprobs = told.length > 0 && { logprobs: Object.fromEntries(told) };
      const options = job.choices !== undefined && { options: job.choices };
      if (job.bundles + job.labels > 0)
        setOwn(fields, pattern, { ...options, bundles: byShortKey(job.vectors()), ...labels, ...logprobs });
    }
    return { version: 1, fields };
  }

  fromJSON(data: JobCalibrationData): this {
    const checked = checkedData(data);
    this.#jobs = new Map();
    this.#add(checked);
    return this;
  }

  #add({ fields }: JobCalibrationData): void {
    for (const [pattern, { options, bundles, labels = {}, logprobs = {} }] of Object.entries(fields)) {
      const job = this.#jobAt(pattern, options);
      for (const [key, count] of Object.entries(bundles)) job.observe(sizesOfShortKey(key), count);
      for (const [key, counts] of Object.entries(labels)) job.label(sizesOfShortKey(key), counts);
      for (const [logprob, counts] of Object.entries(logprobs)) job.labelLogprob(Number(logprob), counts);
    }
  }

  *#numbers(summary: JobVotes, compute: (job: VoteJob, vote: Vote) => Judged, further: 0 | 1): Slices<JobNumbers> {
    const { judge, counts } = eachOnce(compute);
    const pointers = Object.keys(summary.fields);
    const fields: Record<string, number> = {};
    let [weights, weakestLabelled] = [0, 1];
    let [isScaled, isGuess] = [true, false];
    let [computed, answers] = [0, 0];
    const judged: { pointer: string; weight: number; confidence: number; isLabelled: boolean }[] = [];
    const logprobs: (number | undefined)[] = [];
    yield pointers.length / 6;
    for (const pointer of pointers) {
      yield 4 + stepsOfVector * (counts.computed - computed);
      computed = counts.computed;
      const field = fieldAt(summary, pointer);
      const sizes = sizesOfField(field);
      const job = this.#jobAt(pointer, field.choices);
      const { weight = 1, likeness, logprob } = field;
      const { confidence, isLabelled } = sizes
        ? judge(job, { sizes, likeness, logprob })
        : { confidence: 0, isLabelled: job.isScaled };
      judged.push({ pointer, weight, confidence, isLabelled });
      logprobs.push(logprob);
      answers = Math.max(answers, answersOf(field));
      weights += weight;
      if (isLabelled) weakestLabelled = Math.min(weakestLabelled, confidence);
      isScaled &&= isLabelled;
      isGuess ||= !isLabelled && (isYesOrNo(field) || this.#choices === 2);
    }
    yield pointers.length / 4;
    const whole = this.#jobAt("");
    const sizes = wholeSizes(summary);
    const ofWhole = sizes && judge(whole, { sizes, logprob: meanLogprob(logprobs) });
    // A field is right wherever the whole is: labels of the whole say more of it than its votes alone.
    const least = pointers.length > 1 && ofWhole?.isLabelled ? Math.min(weakestLabelled, ofWhole.confidence) : 0;
    let [weighted, weakest] = [0, pointers.length === 0 ? 0 : 1];
    const confidences: number[] = [];
    for (const { pointer, weight, confidence: own, isLabelled } of judged) {
      const confidence = isLabelled ? own : Math.max(own, least);
      setOwn(fields, pointer, confidence);
      weighted += weight * confidence;
      weakest = Math.min(weakest, confidence);
      confidences.push(confidence);
    }
    const mean = weights > 0 ? weighted / weights : 0;
    const allRight = pointers.length === 1 ? mean : Math.min(weakest, ofWhole?.confidence ?? productOf(confidences));
    // Labels of whole answers say how often the whole is right, and nothing of a mean.
    const isWholeScaled = pointers.length > 1 && (ofWhole?.isLabelled ?? whole.isScaled);
    const isLabelled = answers > 0 && (isWholeScaled || isScaled);
    return {
      fields,
      confidence: isWholeScaled ? allRight : mean,
      weakest,
      allRight,
      confidenceBasis: {
        kind: isLabelled ? "labels" : answers > 1 ? "job" : "none",
        bundles: this.bundles + (answers > 0 ? further : 0),
        labels: this.labels,
        calibrated: isLabelled || (answers > 1 && !isGuess),
      },
    };
  }

  #jobAt(pointer: string, choices?: number): VoteJob {
    const key = this.#keyOf(pointer);
    const known = this.#jobs.get(key);
    if (known) return known;
    const job = new VoteJob(VoteModel.of(key === otherFields ? undefined : (this.#choices ?? choices)));
    this.#jobs.set(key, job);
    return job;
  }

  #keyOf(pointer: string): string {
    const pattern = patternOf(pointer);
    return this.#jobs.has(pattern) || this.#jobs.size < mostFields ? pattern : otherFields;
  }
}

/** Equal votes that a bundle counted, in a job of a pattern. */
export interface Counted {
  readonly pattern: string;
  readonly sizes: GroupSizes;
  fields: number;
}

/** Judges equal votes of a job once: most fields of a long answer have the same few. */
function eachOnce(compute: (job: VoteJob, vote: Vote) => Judged) {
  const known = new Map<VoteJob, Map<string, Judged>>();
  const counts = { computed: 0 };
  const judge: typeof compute = (job, vote) => {
    const own = known.get(job) ?? new Map<string, Judged>();
    known.set(job, own);
    const key = [vote.sizes.join(), vote.likeness, job.labels > 0 && vote.logprob].join(" ");
    const found = own.get(key);
    if (found !== undefined) return found;
    counts.computed++;
    const judged = compute(job, vote);
    own.set(key, judged);
    return judged;
  };
  return { judge, counts };
}

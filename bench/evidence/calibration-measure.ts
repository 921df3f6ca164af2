import {
  createJobCalibration,
  createStoppingRule,
  type GroupSizes,
  type JudgedConfidence,
  type StoppingRuleOptions,
} from "../../src/evidence.ts";
import type { CalibrationSet, GroupedQuestion } from "./calibration-sets.ts";
import { shuffled } from "./orders.ts";

/** A bundle: its votes, and if its consensus is right. */
export interface Vote {
  readonly sizes: GroupSizes;
  readonly correct: boolean;
}

/** Orders of the samples of each question. */
export const orderCount = 20;

/**
 * Bundles of a set in one order: all K samples, or as many as the default rule asks for. Questions with fewer than K samples,
 * and bundles without a valid one, are left out.
 */
export function votesOf(set: CalibrationSet, k: number, order: number, rule: "none" | "auto"): Vote[] {
  return set.questions.flatMap((question, at) => {
    if (question.groups.length < k) return [];
    const samples = shuffled(question.groups, order * 100_003 + at).slice(0, k);
    const taken = rule === "none" ? k : stopsAfter(samples, k);
    return voteOf(question, samples.slice(0, taken));
  });
}

function voteOf({ right }: GroupedQuestion, samples: readonly (number | null)[]): Vote[] {
  const groups = new Map<number, { size: number; reached: number }>();
  for (const [at, group] of samples.entries())
    if (group !== null) groups.set(group, { size: (groups.get(group)?.size ?? 0) + 1, reached: at });
  const ranked = [...groups].sort(([, a], [, b]) => b.size - a.size || a.reached - b.reached);
  const [consensus] = ranked;
  return consensus ? [{ sizes: ranked.map(([, { size }]) => size), correct: right.has(consensus[0]) }] : [];
}

/** Verdicts of the default rule after answers, by their groups as they appeared. */
const verdicts = new Map<string, boolean>();

function stopsAfter(samples: readonly (number | null)[], k: number): number {
  const names = new Map<number, number>();
  let seen = `${k}:`;
  for (let count = 1; count <= samples.length; count++) {
    const group = samples[count - 1] as number | null;
    if (group !== null && !names.has(group)) names.set(group, names.size);
    seen += `${group === null ? "-" : names.get(group)},`;
    const known = verdicts.get(seen) ?? verdictAfter(samples.slice(0, count), { k });
    verdicts.set(seen, known);
    if (known) return count;
  }
  return samples.length;
}

function verdictAfter(samples: readonly (number | null)[], options: StoppingRuleOptions): boolean {
  const rule = createStoppingRule(options);
  let isOver = false;
  for (const sample of samples) isOver = rule.observe(sample, { valid: sample !== null }).stop;
  return isOver;
}

/** Says how confident to be of the bundles of a job. */
export type Method = (votes: readonly Vote[], order: number) => JudgedConfidence[];

/** `(a + 1) / (n + d + 1)` of a votes, n valid samples, d answers: the confidence of releases before. */
export const formerly: Method = (votes) =>
  votes.map(({ sizes, correct }) => ({
    confidence: ((sizes[0] as number) + 1) / (sum(sizes) + sizes.length + 1),
    correct,
  }));

export const shareOfVotes: Method = (votes) =>
  votes.map(({ sizes, correct }) => ({ confidence: (sizes[0] as number) / sum(sizes), correct }));

/** Each bundle alone, as a single question is judged. */
export const alone: Method = (votes) =>
  votes.map(({ sizes, correct }) => {
    const job = createJobCalibration();
    job.observe(sizes);
    return { confidence: job.confidence(sizes) as number, correct };
  });

/** The whole job, with so many labels; those that were labelled are not judged. */
export function byJob(labels: number): Method {
  return (votes, order) => {
    const job = createJobCalibration();
    for (const { sizes } of votes) job.observe(sizes);
    const drawn = shuffled([...votes.keys()], 7_000_003 + order);
    const labelled = new Set(drawn.slice(0, labels));
    for (const at of labelled) job.label((votes[at] as Vote).sizes, (votes[at] as Vote).correct);
    return votes.flatMap(({ sizes, correct }, at) =>
      labelled.has(at) ? [] : [{ confidence: job.confidence(sizes) as number, correct }],
    );
  };
}

/** The share that was right among so many labels, for every bundle. */
export function baseRate(labels: number): Method {
  return (votes, order) => {
    const drawn = shuffled([...votes.keys()], 7_000_003 + order);
    const labelled = new Set(drawn.slice(0, labels));
    const right = [...labelled].filter((at) => (votes[at] as Vote).correct).length;
    const confidence =
      labels === 0 ? votes.filter(({ correct }) => correct).length / votes.length : right / labelled.size;
    return votes.flatMap(({ correct }, at) => (labelled.has(at) ? [] : [{ confidence, correct }]));
  };
}

function sum(sizes: GroupSizes): number {
  return sizes.reduce((total, size) => total + size, 0);
}

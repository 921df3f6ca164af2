import { seededRandom } from "../../core/random.ts";
import { calibrationError } from "../../evidence/calibration.ts";
import { createJobCalibration } from "../../evidence/job-calibration.ts";
import type { Replayed } from "./replay.ts";
import type { Truth } from "./truth.ts";

/** Number with the range in which it lies in 95 of 100 samples of inputs. */
export interface Measured {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A question that was asked under one setting. */
export interface JudgedQuestion extends Replayed {
  readonly isRight: boolean;
}

/** Figures of one setting over all inputs. */
export interface Measures {
  readonly inputs: number;
  readonly accuracy: Measured;
  /** Answers asked for an input, on average. */
  readonly samples: number;
  readonly tokens: number;
  /** Dollars for an input, on average; `null` where a price is not known. */
  readonly costUsd: number | null;
  /** Seconds for an input, on average, where nothing had to wait; `null` where answers were there already. */
  readonly seconds: number | null;
  /** Distance of confidence and accuracy; `null` at K = 1, where there is no evidence. */
  readonly calibrationError: Measured | null;
}

/** 97.5 % quantile of the normal distribution. */
const z = 1.959964;
const resamples = 400;

export function measure(questions: readonly JudgedQuestion[], truths: readonly Truth[], k: number): Measures {
  const inputs = questions.length;
  const prices = questions.map(({ costUsd }) => costUsd);
  const times = questions.map(({ elapsedMs }) => elapsedMs);
  return {
    inputs,
    accuracy: shareOf(questions.filter(({ isRight }) => isRight).length, inputs),
    samples: mean(questions.map(({ answers }) => answers)),
    tokens: mean(questions.map(({ tokens }) => tokens)),
    costUsd: prices.includes(null) ? null : mean(prices as number[]),
    seconds: times.includes(null) ? null : mean(times as number[]) / 1_000,
    calibrationError: k === 1 ? null : measuredCalibration(questions, truths),
  };
}

/** A share with its Wilson interval (Wilson 1927), which holds for few inputs, and near 0 and 1, too. */
export function shareOf(count: number, total: number): Measured {
  if (total === 0) return { value: 0, low: 0, high: 1 };
  const share = count / total;
  const middle = (share + z ** 2 / (2 * total)) / (1 + z ** 2 / total);
  const half = (z / (1 + z ** 2 / total)) * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2));
  return { value: share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** Difference of two settings over the same inputs, input by input: what both got right or wrong says nothing of it. */
export function difference(one: readonly boolean[], other: readonly boolean[]): Measured {
  const differences = one.map((isRight, index) => Number(isRight) - Number(other[index]));
  const value = mean(differences);
  const variance = mean(differences.map((each) => (each - value) ** 2));
  const half = z * Math.sqrt(variance / Math.max(1, differences.length));
  return { value, low: value - half, high: value + half };
}

/** Confidence as a job over these inputs would tell it, without labels. Its interval is that of a bootstrap. */
function measuredCalibration(questions: readonly JudgedQuestion[], truths: readonly Truth[]): Measured | null {
  const job = createJobCalibration();
  for (const { summary } of questions) job.observe(summary);
  const judged = questions
    .filter(({ summary }) => summary.validCount > 0)
    .map(({ summary, isRight }) => ({ confidence: confidenceIn(job.numbers(summary), truths), correct: isRight }));
  if (judged.length === 0) return null;
  const random = seededRandom(1);
  const errors = Array.from({ length: resamples }, () =>
    calibrationError(judged.map(() => judged[Math.floor(random.next() * judged.length)] as (typeof judged)[number])),
  ).sort((a, b) => a - b);
  const at = (share: number) => errors[Math.round(share * (resamples - 1))] as number;
  return { value: calibrationError(judged), low: at(0.025), high: at(0.975) };
}

type Numbers = ReturnType<ReturnType<typeof createJobCalibration>["numbers"]>;

/** Returns the confidence of the one field that is judged, else that of the whole answer: that all of it is right. */
function confidenceIn({ fields, confidence, allRight }: Numbers, truths: readonly Truth[]): number {
  const [truth] = truths;
  if (truths.length > 1) return allRight;
  return (truth && fields[truth.pointer]) ?? confidence;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length);
}

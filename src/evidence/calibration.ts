import * as v from "valibot";
import type { BundleSummary } from "../contract/bundle.ts";
import { assertUsable, InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { type CoefficientPrior, fitLogistic, logisticProbability } from "./internal/logistic-regression.ts";

/** Fewer labels than this say too little: the label-free confidence stays. */
export const fewestLabels = 30;
const folds = 10;
/** Label-free confidence is taken as it is until labels say otherwise; tasks differ most in the shift. */
const slopePrior: CoefficientPrior = { mean: 1, deviation: 1 };
const shiftPrior: CoefficientPrior = { mean: 0, deviation: 2 };
const tokenPrior: CoefficientPrior = { mean: 0, deviation: 0.5 };
/** Token counts further out than this many deviations say no more than that. */
const furthestDeviation = 3;
/** Keeps log-odds finite. */
const smallestOdds = 1e-6;

/** Turns the confidence of summaries of one task, model and schema into one learnt from labels. */
export interface Calibration {
  /** The probability that the consensus is right; 0 without a valid replicate. */
  confidence(summary: ConfidenceSignals): number;
  /** The fit as plain data, for `calibrationFromJSON`. */
  toJSON(): CalibrationData;
}

/** A calibration as JSON keeps it. */
export interface CalibrationData {
  version: 1;
  /** Slope of the log-odds of the label-free confidence. */
  slope: number;
  /** Added to them. */
  shift: number;
  /** Number of labelled examples it is from. */
  n: number;
  /** Effect of tokens, if the examples have them: `slope` per standard deviation of their logarithm from its mean. */
  tokens?: { slope: number; mean: number; deviation: number };
  /** Expected calibration error, in [0, 1], over the examples: of the label-free confidence, and cross-validated after. */
  calibrationError?: { before: number; after: number };
}

/** Part of a summary that a calibration reads. */
export type ConfidenceSignals = Pick<BundleSummary, "confidence" | "meanTotalTokens">;

/** A summary, or what a calibration reads of it, and whether its consensus was right. */
export interface LabelledSummary {
  readonly summary: ConfidenceSignals;
  readonly correct: boolean;
}

/**
 * Learns from labelled summaries of one task, model and schema how far its confidence can be trusted: Platt scaling (Platt
 * 1999) of the log-odds of the label-free confidence, with normal priors at slope 1 and shift 0, and the logarithm of
 * `meanTotalTokens` as a second signal. With fewer than 30 examples the label-free confidence stays.
 *
 * @param examples one per summary; the order does not matter to the fit
 * @throws InvalidOptionsError for what is not a labelled summary
 *
 * @example
 * ```ts
 * const calibration = fitCalibration(judged); // [{ summary, correct: true }, …]
 * calibration.confidence(summary); // 0.93
 * const saved = JSON.stringify(calibration);
 * ```
 */
export function fitCalibration(examples: readonly LabelledSummary[]): Calibration {
  assertUsable(Array.isArray(examples), "examples", examples, "a list of { summary, correct }");
  for (const [index, example] of examples.entries()) {
    const isLabelled = typeof example?.correct === "boolean" && typeof example.summary?.confidence === "number";
    assertUsable(
      isLabelled,
      `examples[${index}]`,
      example,
      "{ summary, correct }: a bundle's summary, and true or false",
    );
  }
  const n = examples.length;
  if (n < fewestLabels) return calibrationFromJSON({ version: 1, slope: slopePrior.mean, shift: shiftPrior.mean, n });
  const before = examples.map(({ summary, correct }) => ({ confidence: summary.confidence, correct }));
  const after = Array.from({ length: folds }, (_, fold) => judgeFold(examples, fold)).flat();
  return calibrationFromJSON({
    version: 1,
    ...fitScaling(examples),
    n,
    calibrationError: { before: calibrationError(before), after: calibrationError(after) },
  });
}

/**
 * A calibration that was kept as JSON.
 *
 * @throws InvalidOptionsError where it is not the data of a calibration, or of a version not known here
 */
export function calibrationFromJSON(data: CalibrationData): Calibration {
  const result = v.safeParse(calibrationData, data);
  if (!result.success) throw new InvalidOptionsError(result.issues.map(describeIssue));
  const kept = result.output as CalibrationData;
  return { confidence: (summary) => rescale(summary, kept), toJSON: () => structuredClone(kept) };
}

const number = v.pipe(v.number("a number"), v.finite("a finite number"));
const calibrationData = v.object(
  {
    version: v.literal(1, "1: another version needs another release of this package"),
    slope: number,
    shift: number,
    n: number,
    tokens: v.optional(v.object({ slope: number, mean: number, deviation: number }, "{ slope, mean, deviation }")),
    calibrationError: v.optional(v.object({ before: number, after: number }, "{ before, after }")),
  },
  "what toJSON of a calibration gave",
);

function describeIssue(issue: v.BaseIssue<unknown>): OptionIssue {
  const path = v.getDotPath(issue);
  return { path: path ? `calibration.${path}` : "calibration", given: issue.input, allowed: issue.message };
}

/** Learnt scaling of log-odds and tokens to new log-odds. */
type Scaling = Pick<CalibrationData, "slope" | "shift" | "tokens">;

function fitScaling(examples: readonly LabelledSummary[]): Scaling {
  const tokens = spreadOf(examples.flatMap(({ summary }) => logTokens(summary) ?? []));
  const labels = examples.map(({ correct }) => correct);
  const rows = examples.map(({ summary }) => signals(summary, tokens));
  const priors = [slopePrior, shiftPrior, tokenPrior];
  let [slope, shift, tokenSlope] = fitLogistic(rows, labels, priors) as Signals;
  if (slope < 0) {
    // No number of labels makes more votes speak against an answer: without the votes, then.
    const withoutVotes = rows.map(([, ...others]) => [0, ...others]);
    [slope, shift, tokenSlope] = [0, ...fitLogistic(withoutVotes, labels, priors).slice(1)] as Signals;
  }
  return { slope, shift, ...(tokens && { tokens: { slope: tokenSlope, ...tokens } }) };
}

/** Returns the confidences that a scaling gives to examples it has not seen. */
function judgeFold(examples: readonly LabelledSummary[], fold: number): JudgedConfidence[] {
  const scaling = fitScaling(examples.filter((_, index) => index % folds !== fold));
  return examples
    .filter((_, index) => index % folds === fold)
    .map(({ summary, correct }) => ({ confidence: rescale(summary, scaling), correct }));
}

function rescale(summary: ConfidenceSignals, { slope, shift, tokens }: Scaling): number {
  if (summary.confidence === 0) return 0;
  return logisticProbability([slope, shift, tokens?.slope ?? 0], signals(summary, tokens));
}

/** One for each coefficient: log-odds, the constant, tokens in deviations from the mean. */
type Signals = [number, number, number];

function signals(summary: ConfidenceSignals, tokens: TokenSpread | undefined): Signals {
  const confidence = Math.min(1 - smallestOdds, Math.max(smallestOdds, summary.confidence));
  const logged = logTokens(summary);
  const deviations = tokens === undefined || logged === undefined ? 0 : (logged - tokens.mean) / tokens.deviation;
  const bounded = Math.max(-furthestDeviation, Math.min(furthestDeviation, deviations));
  return [Math.log(confidence / (1 - confidence)), 1, bounded];
}

interface TokenSpread {
  readonly mean: number;
  readonly deviation: number;
}

function logTokens({ meanTotalTokens }: ConfidenceSignals): number | undefined {
  return meanTotalTokens !== undefined && meanTotalTokens > 0 ? Math.log(meanTotalTokens) : undefined;
}

/** Mean and standard deviation; none where all values are equal. */
function spreadOf(values: readonly number[]): TokenSpread | undefined {
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return deviation > 0 ? { mean, deviation } : undefined;
}

/** A confidence, and whether what it was said of was right. */
export interface JudgedConfidence {
  readonly confidence: number;
  readonly correct: boolean;
}

/**
 * Expected calibration error: how far confidence and accuracy are apart, in ten bins of equal width, each counted by its
 * size (Guo et al. 2017).
 *
 * @returns from 0 to 1; `NaN` of nothing
 */
export function calibrationError(judged: readonly JudgedConfidence[], bins = 10): number {
  const excess = new Array<number>(bins).fill(0);
  for (const { confidence, correct } of judged) {
    const bin = Math.min(bins - 1, Math.floor(confidence * bins));
    excess[bin] = (excess[bin] as number) + confidence - Number(correct);
  }
  return excess.reduce((sum, each) => sum + Math.abs(each), 0) / judged.length;
}

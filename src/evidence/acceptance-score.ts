import { assertUsable, InvalidOptionsError } from "../core/errors.ts";
import { type CoefficientPrior, fitLogistic, logisticProbability } from "./internal/logistic-regression.ts";

/**
 * Signals of one bundle that tell right answers from wrong ones. A signal that is missing says nothing of its bundle, so
 * bundles with different signals stand in one order.
 */
export interface AcceptanceSignals {
  /**
   * Confidence of the votes, calibrated by the job and without its labels, in [0, 1]; `null` where there is no valid answer.
   * Labels that correct it are labels that fit the score.
   */
  readonly votes: number | null;
  /** Share of the samples of the consensus that the user's `check` found sound, in [0, 1]. */
  readonly check?: number;
  /** Share of the verifier's answers that say "right", in [0, 1]. */
  readonly verifier?: number;
  /** Share of the second model's answers that agree with the consensus, in [0, 1]. */
  readonly secondModel?: number;
  /** Mean log-probability, or another confidence of tokens, of the consensus; only its place among the job's bundles counts. */
  readonly logprob?: number;
}

/** Names of the signals. */
export type AcceptanceSignal = keyof AcceptanceSignals;

/**
 * Weights without labels. `votes` multiplies the log-odds of the confidence; `check`, `verifier` and `secondModel` are added
 * where their share is 1, taken off where it is 0, and say nothing at one half; `logprob` counts for each standard deviation
 * from the job's mean. They are round: a verdict of weight 1 is right about as often as a verifier of AUROC 80, and the half
 * for log-probabilities is what recorded answers showed.
 */
export const acceptanceWeights: Readonly<Record<AcceptanceSignal, number>> = {
  votes: 1,
  check: 1,
  verifier: 1,
  secondModel: 1,
  logprob: 0.5,
};

/** Scores of the bundles of a job, and what they are. */
export interface AcceptanceScores {
  /**
   * `ranking`: fixed weights. The scores say which bundle is surer, and are no probability. `fitted`: weights learnt from
   * labels; the scores are estimates of a probability.
   */
  readonly kind: "ranking" | "fitted";
  /** One a bundle, in [0, 1], higher is surer; `null` where there is no valid answer. */
  readonly scores: readonly (number | null)[];
  readonly weights: Readonly<Record<AcceptanceSignal, number>>;
  /** Added to the weighted signals; 0 for a ranking. */
  readonly shift: number;
  /** Labels that the weights were fitted to; the bundles they are of may not certify. */
  readonly labels: number;
  /** Mean logarithmic loss of the labelled bundles: with fixed weights and a fitted shift, and fitted. Each is scored without its label. */
  readonly loss?: { readonly fixed: number; readonly fitted: number };
}

/** Fewer labels than this leave the fixed weights. */
const fewestLabels = 20;
const folds = 5;
/** Labels move the weights from the fixed ones, signal by signal. */
const weightDeviation = 0.5;
const shiftPrior: CoefficientPrior = { mean: 0, deviation: 2 };
/** Keeps log-odds finite, and one unanimous vote from outweighing all other signals. */
const smallestOdds = 1e-3;
/** Log-probabilities further out than this many deviations say no more than that. */
const furthestDeviation = 3;
const names = ["votes", "check", "verifier", "secondModel", "logprob"] as const satisfies readonly AcceptanceSignal[];
const fixedWeights = names.map((name) => acceptanceWeights[name]);

/**
 * Scores the bundles of a job by all signals they have. Without labels, the log-odds of the votes and the other signals are
 * added with fixed weights (`acceptanceWeights`): a ranking. From 20 labels on, a logistic regression of the labels with
 * normal priors at these weights (a ridge towards them) takes their place, unless the fixed weights predict labels better that
 * they have not seen. Labelled bundles are scored by a fit without them (cross-fitting, five folds).
 *
 * Labels given here fit, and may not certify: see `acceptAnswers`, which keeps the two apart.
 *
 * @param bundles one for each input of the job
 * @param labels beside each bundle `true` (right), `false` (wrong) or `null` (not labelled); none where left out
 * @throws InvalidOptionsError for a signal out of its range, or labels that do not stand beside the bundles
 *
 * @example
 * ```ts
 * const { kind, scores } = scoreAcceptance([
 *   { votes: 0.9, verifier: 1 },
 *   { votes: 0.9, verifier: 0 },
 *   { votes: 0.7 },
 * ]);
 * kind; // "ranking": the first is the surest, then the third
 * ```
 */
export function scoreAcceptance(
  bundles: readonly AcceptanceSignals[],
  labels: readonly (boolean | null | undefined)[] = [],
): AcceptanceScores {
  assertSignals(bundles);
  assertLabelsBeside(labels, bundles.length);
  const rows = rowsOf(bundles);
  const labelled = rows.flatMap((row, index) => {
    const correct = labels[index];
    return row && typeof correct === "boolean" ? [{ row, index, correct }] : [];
  });
  if (labelled.length < fewestLabels) return scored("ranking", [...fixedWeights, 0], rows, new Map(), labelled.length);

  const without = (learn: typeof fitWeights) => {
    const known = new Map<number, number>();
    for (let fold = 0; fold < folds; fold++) {
      const coefficients = learn(labelled.filter((_, at) => at % folds !== fold));
      for (const [at, { row, index }] of labelled.entries())
        if (at % folds === fold) known.set(index, logisticProbability(coefficients, row));
    }
    return known;
  };
  const [byShift, byWeights] = [without(fitShift), without(fitWeights)];
  const lossOf = (known: ReadonlyMap<number, number>) => {
    const losses = labelled.map(({ index, correct }) => {
      const probability = known.get(index) as number;
      return -Math.log(correct ? probability : 1 - probability);
    });
    return losses.reduce((sum, each) => sum + each, 0) / losses.length;
  };
  const loss = { fixed: lossOf(byShift), fitted: lossOf(byWeights) };
  const [learn, known] = loss.fitted < loss.fixed ? [fitWeights, byWeights] : [fitShift, byShift];
  return { ...scored("fitted", learn(labelled), rows, known, labelled.length), loss };
}

interface LabelledRow {
  readonly row: readonly number[];
  readonly correct: boolean;
}

function fitWeights(labelled: readonly LabelledRow[]): number[] {
  const correct = labelled.map((each) => each.correct);
  // A signal that no labelled bundle has keeps its weight, and is no column.
  const given = [...names.keys()].filter((at) => labelled.some(({ row }) => row[at] !== 0));
  const coefficients = [...fixedWeights, 0];
  for (let kept = given; ; ) {
    const priors = kept.map((at) => ({ mean: fixedWeights[at] as number, deviation: weightDeviation }));
    const rows = labelled.map(({ row }) => [...kept.map((at) => row[at] as number), 1]);
    const fitted = fitLogistic(rows, correct, [...priors, shiftPrior]);
    // No signal speaks against an answer by being better: one that seems to is left out.
    const sound = kept.filter((_, place) => (fitted[place] as number) >= 0);
    if (sound.length === kept.length) {
      for (const at of given) coefficients[at] = 0;
      for (const [place, at] of kept.entries()) coefficients[at] = fitted[place] as number;
      coefficients[names.length] = fitted.at(-1) as number;
      return coefficients;
    }
    kept = sound;
  }
}

function fitShift(labelled: readonly LabelledRow[]): number[] {
  // The fixed sum of the signals is one feature with a slope of its own: the order is kept, the level is learnt.
  const sums = labelled.map(({ row }) =>
    fixedWeights.reduce((sum, weight, at) => sum + weight * (row[at] as number), 0),
  );
  const [slope, shift] = fitLogistic(
    sums.map((sum) => [sum, 1]),
    labelled.map(({ correct }) => correct),
    [{ mean: 1, deviation: weightDeviation }, shiftPrior],
  ) as [number, number];
  return [...fixedWeights.map((weight) => Math.max(0, slope) * weight), shift];
}

function scored(
  kind: AcceptanceScores["kind"],
  coefficients: readonly number[],
  rows: readonly (readonly number[] | null)[],
  known: ReadonlyMap<number, number>,
  labels: number,
): AcceptanceScores {
  const weights = Object.fromEntries(names.map((name, at) => [name, coefficients[at]]));
  return {
    kind,
    scores: rows.map((row, index) => known.get(index) ?? (row && logisticProbability(coefficients, row))),
    weights: weights as Record<AcceptanceSignal, number>,
    shift: coefficients.at(-1) as number,
    labels,
  };
}

/** Features of each bundle, 0 where a signal is missing, and a last one of 1 for the shift. */
function rowsOf(bundles: readonly AcceptanceSignals[]): (number[] | null)[] {
  const tokens = bundles.flatMap(({ logprob }) => logprob ?? []);
  const mean = tokens.reduce((sum, each) => sum + each, 0) / tokens.length;
  const deviation = Math.sqrt(tokens.reduce((sum, each) => sum + (each - mean) ** 2, 0) / tokens.length);
  const standardised = (logprob: number | undefined) => {
    if (logprob === undefined || !(deviation > 0)) return 0;
    return Math.max(-furthestDeviation, Math.min(furthestDeviation, (logprob - mean) / deviation));
  };
  const signed = (share: number | undefined) => (share === undefined ? 0 : 2 * share - 1);
  return bundles.map(({ votes, check, verifier, secondModel, logprob }) => {
    if (votes === null) return null;
    const odds = Math.max(smallestOdds, Math.min(1 - smallestOdds, votes));
    const logOdds = Math.log(odds / (1 - odds));
    return [logOdds, signed(check), signed(verifier), signed(secondModel), standardised(logprob), 1];
  });
}

function assertSignals(bundles: readonly AcceptanceSignals[]): void {
  assertUsable(Array.isArray(bundles), "bundles", bundles, "a list of the signals of each bundle");
  for (const [index, bundle] of bundles.entries()) {
    const path = `bundles[${index}]`;
    assertUsable(typeof bundle === "object" && bundle !== null, path, bundle, "the signals of a bundle: { votes, … }");
    const { votes, logprob } = bundle;
    assertUsable(
      votes === null || isShare(votes),
      `${path}.votes`,
      votes,
      "a number from 0 to 1, or null without an answer",
    );
    for (const name of ["check", "verifier", "secondModel"] as const)
      assertUsable(
        bundle[name] === undefined || isShare(bundle[name]),
        `${path}.${name}`,
        bundle[name],
        "a number from 0 to 1",
      );
    const isUsable = logprob === undefined || Number.isFinite(logprob);
    assertUsable(isUsable, `${path}.logprob`, logprob, "a finite number");
  }
}

function isShare(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 1;
}

function assertLabelsBeside(labels: readonly unknown[], count: number): void {
  assertUsable(Array.isArray(labels), "labels", labels, "a list of true, false and null, one beside each bundle");
  const message = `labels has ${labels.length} entries and bundles has ${count}. Give one beside each bundle: null where there is no label.`;
  if (labels.length > 0 && labels.length !== count)
    throw new InvalidOptionsError([{ path: "labels", given: labels.length, allowed: "", message }]);
  const index = labels.findIndex((label) => label !== null && label !== undefined && typeof label !== "boolean");
  assertUsable(index === -1, `labels[${index}]`, labels[index], "true, false, or null where there is no label");
}

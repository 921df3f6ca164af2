/** Prior of a coefficient: a normal distribution. */
export interface CoefficientPrior {
  readonly mean: number;
  readonly deviation: number;
}

/** Steps after which Newton's method has long arrived, in three dimensions. */
const mostSteps = 50;
const smallestStep = 1e-9;

/**
 * The most probable coefficients of a logistic regression: the maximum of the likelihood and the priors, by Newton's
 * method. The maximum is unique, for the priors make the problem strictly concave.
 *
 * @param rows the features of each example, one per prior
 */
export function fitLogistic(
  rows: readonly (readonly number[])[],
  labels: readonly boolean[],
  priors: readonly CoefficientPrior[],
): number[] {
  let coefficients = priors.map(({ mean }) => mean);
  for (let step = 0; step < mostSteps; step++) {
    const { gradient, curvature } = slopesAt(coefficients, rows, labels, priors);
    const change = solve(curvature, gradient);
    const largest = Math.max(...change.map(Math.abs));
    const damping = Math.min(1, 1 / largest);
    coefficients = coefficients.map((value, at) => value - damping * (change[at] as number));
    if (largest < smallestStep) break;
  }
  return coefficients;
}

/** The probability that a logistic regression gives to an example. */
export function logisticProbability(coefficients: readonly number[], features: readonly number[]): number {
  const sum = features.reduce((total, feature, at) => total + feature * (coefficients[at] as number), 0);
  return 1 / (1 + Math.exp(-sum));
}

/** First and second derivatives of the negative logarithm of likelihood and priors. */
function slopesAt(
  coefficients: readonly number[],
  rows: readonly (readonly number[])[],
  labels: readonly boolean[],
  priors: readonly CoefficientPrior[],
): { gradient: number[]; curvature: number[][] } {
  const gradient = priors.map(({ mean, deviation }, at) => ((coefficients[at] as number) - mean) / deviation ** 2);
  const curvature = priors.map(({ deviation }, at) => priors.map((_, other) => (at === other ? deviation ** -2 : 0)));
  for (const [index, features] of rows.entries()) {
    const probability = logisticProbability(coefficients, features);
    const excess = probability - Number(labels[index]);
    const spread = probability * (1 - probability);
    for (const [at, feature] of features.entries()) {
      gradient[at] = (gradient[at] as number) + excess * feature;
      const row = curvature[at] as number[];
      for (const [other, second] of features.entries()) row[other] = (row[other] as number) + spread * feature * second;
    }
  }
  return { gradient, curvature };
}

/** Solves a small system of a positive definite matrix by elimination. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, at) => [...row, right[at] as number]);
  for (const [at, pivot] of rows.entries()) {
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = (row[at] as number) / (pivot[at] as number);
      for (const [column, value] of pivot.entries()) row[column] = (row[column] as number) - factor * value;
    }
  }
  return rows.map((row, at) => (row[rows.length] as number) / (row[at] as number));
}

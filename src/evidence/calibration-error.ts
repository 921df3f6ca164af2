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

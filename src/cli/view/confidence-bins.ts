/** Questions whose consensus was about equally sure. */
export interface ConfidenceBin {
  /** Confidences from this one on, up to the next bin. */
  readonly from: number;
  readonly count: number;
  readonly meanConfidence: number;
  readonly rightShare: number;
}

/** An answer with a verdict. */
interface Judged {
  readonly confidence: number;
  readonly isRight: boolean;
}

/** Bins of equal width over [0, 1]; empty ones are left out. */
export function confidenceBins(answered: readonly Judged[], binCount = 5): ConfidenceBin[] {
  const bins = Array.from({ length: binCount }, (): Judged[] => []);
  for (const one of answered) bins[Math.min(binCount - 1, Math.floor(one.confidence * binCount))]?.push(one);
  return bins.flatMap((members, index) =>
    members.length === 0
      ? []
      : {
          from: index / binCount,
          count: members.length,
          meanConfidence: mean(members.map(({ confidence }) => confidence)),
          rightShare: mean(members.map((one) => Number(one.isRight))),
        },
  );
}

/** Expected calibration error: the mean gap between confidence and share of right answers (Naeini 2015; Guo 2017). */
export function calibrationError(bins: readonly ConfidenceBin[]): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return bins.reduce((sum, bin) => sum + (bin.count / total) * Math.abs(bin.meanConfidence - bin.rightShare), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import type { BundleSummary } from "../../../contract/bundle.ts";
import { type ConfidenceBin, confidenceBins } from "../../demo/calibration.ts";

/** A confidence without labels, and what labels make of it. */
export interface LearntConfidence {
  readonly confidence: number;
  readonly learnt: number;
}

/** What labels say of confidences. */
export interface CalibrationCurve {
  /** Labelled bundles by their confidence without labels; empty bins are left out. */
  readonly bins: readonly ConfidenceBin[];
  /** The learnt confidence over all others, at the mean number of tokens. */
  readonly curve: readonly LearntConfidence[];
  readonly bundle: LearntConfidence;
}

export const binWidth = 0.1;
const curvePoints = 100;

export function calibrationCurve({ labels, calibration }: StoredCalibration, summary: BundleSummary): CalibrationCurve {
  const judged = labels.map(({ confidence, correct }) => ({ confidence, isRight: correct }));
  const learnt = (confidence: number) => ({ confidence, learnt: calibration.confidence({ confidence }) });
  return {
    bins: confidenceBins(judged, Math.round(1 / binWidth)),
    curve: Array.from({ length: curvePoints - 1 }, (_, index) => learnt((index + 1) / curvePoints)),
    bundle: { confidence: summary.confidence, learnt: calibration.confidence(summary) },
  };
}

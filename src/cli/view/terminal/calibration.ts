import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { describeCalibration } from "../../feedback/describe-calibration.ts";
import { toColumns } from "../../progress/columns.ts";
import { showCount, showShare } from "../../progress/format.ts";
import { binWidth, calibrationCurve } from "../facts/calibration-curve.ts";
import { bar } from "./bar.ts";
import type { Paper } from "./paper.ts";

const barColumns = 20;

/** How often bundles that were as sure turned out right, and what that makes of this one. */
export function showCalibration({ summary }: EvidenceBundle, stored: StoredCalibration, { colors }: Paper): string[] {
  const { bins } = calibrationCurve(stored, summary);
  const rows = bins.map(({ from, count, meanConfidence, rightShare }) => [
    `${showShare(from)} to ${showShare(from + binWidth)}`,
    showCount(count),
    showShare(meanConfidence),
    `${showShare(rightShare)}  ${colors.green(bar(rightShare, barColumns))}`,
  ]);
  return [
    ...toColumns([["confidence", "labels", "mean", "right"].map(colors.dim), ...rows]),
    colors.dim(describeCalibration(stored)),
  ];
}

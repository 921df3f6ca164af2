import { calibrationError, type JudgedConfidence } from "../../src/evidence.ts";
import { mean } from "./table.ts";

/** How good confidences are, each in [0, 1]. */
export interface ConfidenceScores {
  /** The chance that a right answer has the higher confidence of a right and a wrong one, ties half. */
  readonly auroc: number;
  /** Expected calibration error, ten bins. */
  readonly ece: number;
  /** Mean squared error. */
  readonly brier: number;
  /** Mean error of the answers that are kept, over all shares that can be kept (area under risk and coverage). */
  readonly aurc: number;
  /** Share right of the most confident half, and four fifths. */
  readonly rightAtHalf: number;
  readonly rightAtFourFifths: number;
}

export function scoresOf(judged: readonly JudgedConfidence[]): ConfidenceScores {
  const kept = rightByCoverage(judged);
  return {
    auroc: auroc(judged),
    ece: calibrationError(judged),
    brier: mean(judged.map(({ confidence, correct }) => (confidence - Number(correct)) ** 2)),
    aurc: 1 - mean(kept),
    rightAtHalf: kept[Math.ceil(kept.length * 0.5) - 1] as number,
    rightAtFourFifths: kept[Math.ceil(kept.length * 0.8) - 1] as number,
  };
}

export function meanScores(scores: readonly ConfidenceScores[]): ConfidenceScores {
  const names = Object.keys(scores[0] as ConfidenceScores) as (keyof ConfidenceScores)[];
  return Object.fromEntries(
    names.map((name) => [name, mean(scores.map((each) => each[name]))]),
  ) as unknown as ConfidenceScores;
}

function auroc(judged: readonly JudgedConfidence[]): number {
  let [rankSum, rights, below] = [0, 0, 0];
  for (const level of levels(judged)) {
    const right = level.filter(({ correct }) => correct).length;
    rankSum += right * (below + (level.length - right) / 2);
    rights += right;
    below += level.length - right;
  }
  return rankSum / (rights * below);
}

/** Share right of the most confident 1, 2, … answers; within a level each counts as the level does. */
function rightByCoverage(judged: readonly JudgedConfidence[]): number[] {
  const kept: number[] = [];
  let right = 0;
  for (const level of levels(judged).reverse()) {
    const share = level.filter(({ correct }) => correct).length / level.length;
    for (const _ of level) {
      right += share;
      kept.push(right / (kept.length + 1));
    }
  }
  return kept;
}

/** Groups of equal confidence, rising. */
function levels(judged: readonly JudgedConfidence[]): JudgedConfidence[][] {
  const groups = Map.groupBy(judged, ({ confidence }) => confidence);
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}

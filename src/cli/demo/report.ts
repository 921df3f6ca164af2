import { toColumns } from "../progress/columns.ts";
import { percent, showCount, showShare } from "../progress/format.ts";
import type { Score } from "./answered.ts";
import { type ConfidenceBin, calibrationError } from "./calibration.ts";

/** What asking as often as needed gives, beside one answer and beside always K. */
export function scoreTable(score: Score, fixed: Score, k: number): string[] {
  const perQuestion = ({ answerCount, questionCount }: Score) => (answerCount / questionCount).toFixed(2);
  return toColumns([
    ["", "right", "answers a question", "answers"],
    ["  one answer", percent(fixed.rightShareOfSingleAnswers), "1.00", showCount(fixed.questionCount)],
    [`  consensus of always ${k}`, percent(fixed.rightShare), perQuestion(fixed), showCount(fixed.answerCount)],
    ["  consensus, as many as needed", percent(score.rightShare), perQuestion(score), showCount(score.answerCount)],
  ]);
}

/** How often the consensus was right, by how sure it was. */
export function calibrationTable(bins: readonly ConfidenceBin[]): string[] {
  const rows = bins.map(({ from, count, meanConfidence, rightShare }) => [
    `  ${showShare(from)} to ${showShare(from + 0.2)}`,
    showCount(count),
    showShare(meanConfidence),
    showShare(rightShare),
  ]);
  const table = toColumns([["  confidence", "questions", "mean", "right"], ...rows]);
  return [
    ...table,
    `  Mean gap between confidence and share right: ${(calibrationError(bins) * 100).toFixed(1)} points.`,
  ];
}

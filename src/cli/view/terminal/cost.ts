import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { toColumns } from "../../progress/columns.ts";
import { counted, percent, showCount, showUsd } from "../../progress/format.ts";
import { type Expense, fixedKCost } from "../facts/fixed-k-cost.ts";
import { bar } from "./bar.ts";
import type { Paper } from "./paper.ts";

const barColumns = 20;

/** What was asked, beside what always asking K times would have taken. */
export function showCost(bundle: EvidenceBundle, { colors }: Paper): string[] {
  const cost = fixedKCost(bundle);
  if (!cost) return [];
  const { actual, fixed } = cost;
  const most = Math.max(actual.answers, fixed.answers);
  const row = (name: string, expense: Expense, color: (text: string) => string) => [
    name,
    color(bar(expense.answers / most, barColumns).padEnd(barColumns)),
    counted(expense.answers, "answer"),
    expense.tokens === undefined ? "" : `${showCount(expense.tokens)} tokens`,
    showUsd(expense.costUsd),
  ];
  const saved = 1 - actual.answers / fixed.answers;
  return [
    ...toColumns([row("asked", actual, colors.green), row(`always ${fixed.answers}`, fixed, colors.dim)]),
    ...(saved > 0
      ? [colors.dim(`${percent(saved)} fewer answers. The second line is ${fixed.answers} times the mean answer.`)]
      : []),
  ];
}

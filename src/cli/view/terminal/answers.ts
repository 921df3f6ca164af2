import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";
import { toColumns } from "../../progress/columns.ts";
import { counted, cut, showOnLine, showShare } from "../../progress/format.ts";
import { confidenceTrace } from "../facts/confidence-trace.ts";
import { type Deviation, deviations } from "../facts/deviations.ts";
import { bar } from "./bar.ts";
import type { Paper } from "./paper.ts";
import { showVote } from "./show-vote.ts";

const mostRows = 40;
const barColumns = 16;

/** The answers in their order, and how far the consensus could be trusted after each. */
export function showAnswers(bundle: EvidenceBundle, { colors, columns }: Paper): string[] {
  const { points, isExact } = confidenceTrace(bundle, mostRows);
  const deviationsOf = deviations(bundle.summary);
  const rows = points.map(({ replicate, confidence }) => [
    replicate.id,
    colors.green(bar(confidence, barColumns).padEnd(barColumns)),
    showShare(confidence),
    answerOf(replicate, deviationsOf(replicate), Math.max(12, columns - barColumns - 20), colors),
  ]);
  const total = points.at(-1)?.count ?? 0;
  return [
    ...toColumns(rows),
    ...(total > points.length ? [colors.dim(`${points.length} of ${counted(total, "answer")}.`)] : []),
    ...(isExact ? [] : [colors.dim("By votes: the bundle does not tell how it compared its answers.")]),
  ];
}

function answerOf(
  replicate: Replicate,
  deviations: readonly Deviation[] | undefined,
  columns: number,
  colors: Paper["colors"],
): string {
  if (!replicate.valid) return colors.red(cut(`invalid: ${showOnLine(replicate.quality.errors[0] ?? "")}`, columns));
  if (!deviations) return cut(showOnLine(replicate.data), columns);
  if (deviations.length === 0) return colors.dim("as the consensus");
  return cut(deviations.map(({ path, vote }) => `${showOnLine(path)} ${showVote(vote)}`).join(", "), columns);
}

import type { BundleSummary, Replicate } from "../../contract/bundle.ts";
import { toColumns } from "./columns.ts";
import { answersOf, cut, showOnLine, showShare, showUsd } from "./format.ts";
import type { RunState } from "./run-state.ts";
import type { Terminal } from "./terminal.ts";

/** The narrowest column of answers that still says something. */
const leastAnswerLength = 20;
/** What the other columns take. */
const otherColumns = 32;

/** The replicates of one run, how each of them voted, and what they come to. */
export function replicateTable(run: RunState, { colors, columns }: Terminal): string[] {
  const { replicates, summary } = run;
  const answerLength = Math.max(leastAnswerLength, columns - otherColumns);
  const rows = [...replicates].map(([id, replicate]) =>
    replicate === "asked"
      ? [`  ${id}`, colors.dim("asked"), ""]
      : [`  ${id}`, answerOf(replicate, answerLength, colors), replicate.valid ? votesOf(id, summary) : ""],
  );
  const table = toColumns([["  replicate", "answer", "votes"].map((title) => colors.dim(title)), ...rows]);
  if (!summary) return table;
  const consensus =
    summary.validCount === 0 ? colors.red("none") : colors.bold(cut(showOnLine(summary.consensus), answerLength));
  return [...table, `  ${colors.green("consensus")}  ${consensus}`, `             ${factsOf(run, summary)}`];
}

function factsOf({ replicates, source, costUsd }: RunState, summary: BundleSummary): string {
  const { confidence, calibratedConfidence = confidence, stability } = summary;
  const answers = source ? `${answersOf(replicates.size, source)}, ` : "";
  return `${answers}confidence ${showShare(calibratedConfidence)}, stability ${showShare(stability)}, ${showUsd(costUsd)}`;
}

function answerOf(replicate: Replicate, length: number, colors: Terminal["colors"]): string {
  if (replicate.valid) return cut(showOnLine(replicate.data), length);
  return colors.red(cut(`no valid answer: ${showOnLine(replicate.quality.errors[0] ?? "")}`, length));
}

/** How many answers say the same: in the only field, or in how many of the fields the replicate is with the majority. */
function votesOf(id: string, summary: BundleSummary | undefined): string {
  if (!summary) return "";
  const supports = Object.keys(summary.fields).map((path) => supportOf(id, path, summary));
  if (supports.length === 1) return `${supports[0]?.support ?? 0} of ${summary.validCount}`;
  return `${supports.filter(({ isMajority }) => isMajority).length} of ${supports.length} fields with the majority`;
}

function supportOf(id: string, path: string, summary: BundleSummary): { support: number; isMajority: boolean } {
  const disagreement = summary.disagreements.find((candidate) => candidate.path === path);
  if (!disagreement) return { support: summary.validCount, isMajority: true };
  const index = disagreement.values.findIndex(({ replicateIds }) => replicateIds.includes(id));
  return { support: disagreement.values[index]?.support ?? 0, isMajority: index === 0 };
}

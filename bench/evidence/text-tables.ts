import { sameAnswer } from "../../src/evidence.ts";
import { casesOf } from "./cases.ts";
import { summaryOf } from "./consensus.ts";
import type { DataSet } from "./data-set.ts";
import { scoresOf } from "./metrics.ts";
import { shuffled } from "./orders.ts";
import { ourRow, ourRules } from "./stopping-rows.ts";
import { measureStopping, stoppingCells, stoppingColumns } from "./stopping-table.ts";
import { mean, percent, type Table } from "./table.ts";

/** Votes on answers that are the same, ties by likeness, beside a vote on equal texts. */
export function textTable(set: DataSet, ks: readonly number[], orders: number): Table {
  return {
    title: `${set.name}: free text`,
    note: "Share right of one sample, of the most frequent text, and of the most frequent answer, of tied ones the one closest to all; then how well confidence tells right from wrong, ours and the share of the votes.",
    columns: ["samples", "one", "exact vote", "same answer", "AUROC", "AUROC of the share", "ECE", "ECE of the share"],
    rows: ks.map((k) => {
      const cases = Array.from({ length: orders }, (_, order) => casesOf(set, k, order)).flat(2);
      const ours = scoresOf(cases.map(({ summary, correct }) => ({ confidence: summary.confidence, correct })));
      const share = scoresOf(cases.map(({ majorityShare, correct }) => ({ confidence: majorityShare, correct })));
      const right = mean(cases.map(({ correct }) => Number(correct)));
      const shares = [voteRight(set, 1, orders), voteRight(set, k, orders), right];
      return [k, ...[...shares, ours.auroc, share.auroc, ours.ece, share.ece].map((each) => percent(each))];
    }),
  };
}

function voteRight(set: DataSet, k: number, orders: number): number {
  const rights = set.questions.flatMap(({ samples, gold }, at) =>
    Array.from({ length: orders }, (_, order) =>
      set.score(set.consensus(shuffled(samples, order * 100_003 + at).slice(0, k)), gold),
    ),
  );
  return mean(rights);
}

/** Stopping where answers that are the same vote as one, and not equal texts. The peers know equal texts only. */
export function textStoppingTable(set: DataSet, k: number, orders: number): Table {
  const compare = { text: true };
  const bySame: DataSet = {
    ...set,
    consensus: (samples) => summaryOf(samples, compare).consensus ?? undefined,
    match: isSame,
  };
  return {
    title: `${set.name}: stopping on the same answer, at most ${k} samples`,
    note: `${set.questions.length} questions, ${orders} orders. The same answer, as \`sameAnswer\` has it.`,
    columns: stoppingColumns,
    rows: ourRules.map((rule) =>
      stoppingCells(rule.name, k, measureStopping(bySame, ourRow(rule, compare), k, orders)),
    ),
  };
}

function isSame(answer: unknown, wanted: unknown): number {
  if (typeof answer !== "string" || typeof wanted !== "string") return 0;
  return Number(sameAnswer(answer, wanted));
}

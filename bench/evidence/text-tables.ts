import { clusterTexts } from "../../src/evidence.ts";
import { casesOf } from "./cases.ts";
import { summaryOf } from "./consensus.ts";
import type { DataSet } from "./data-set.ts";
import { scoresOf } from "./metrics.ts";
import { shuffled } from "./orders.ts";
import { ourRow, ourRules } from "./stopping-rows.ts";
import { measureStopping, stoppingCells, stoppingColumns } from "./stopping-table.ts";
import { mean, percent, type Table } from "./table.ts";

/** What clusters of texts gain over a vote on equal texts. */
export function textTable(set: DataSet, ks: readonly number[], orders: number): Table {
  return {
    title: `${set.name}: free text`,
    note: "Share right of one sample, of the most frequent text, and of the medoid of the largest cluster; then how well confidence tells right from wrong, ours and the share of the largest cluster.",
    columns: ["samples", "one", "exact vote", "clusters", "AUROC", "AUROC of the share", "ECE", "ECE of the share"],
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

/** Stopping where clusters vote, and not equal texts. The peers know no clusters. */
export function textStoppingTable(set: DataSet, k: number, orders: number): Table {
  const compare = { text: true };
  const clustered: DataSet = {
    ...set,
    consensus: (samples) => summaryOf(samples, compare).consensus ?? undefined,
    match: sameCluster,
  };
  return {
    title: `${set.name}: stopping on clusters, at most ${k} samples`,
    note: `${set.questions.length} questions, ${orders} orders. The same answer is a text of the same cluster.`,
    columns: stoppingColumns,
    rows: ourRules.map((rule) =>
      stoppingCells(rule.name, k, measureStopping(clustered, ourRow(rule, compare), k, orders)),
    ),
  };
}

function sameCluster(answer: unknown, wanted: unknown): number {
  if (typeof answer !== "string" || typeof wanted !== "string") return 0;
  return Number(clusterTexts([answer, wanted]).clusters.length === 1);
}

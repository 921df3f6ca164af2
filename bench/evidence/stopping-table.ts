import type { DataSet, Sample } from "./data-set.ts";
import { shuffled } from "./orders.ts";
import { peers } from "./peers.ts";
import { ourRow, ourRules, rememberingRow, type StoppingRow } from "./stopping-rows.ts";
import { mean, percent, points, type Table } from "./table.ts";

export interface StoppingResult {
  readonly samples: number;
  /** Share right. */
  readonly right: number;
  /** Against the answer of all k. */
  readonly change: number;
  readonly same: number;
}

export const stoppingColumns = ["rule", "mean samples", "fewer", "right %", "change", "same answer %"];

/** How many samples each rule takes, and what that does to the answers. */
export function stoppingTable(set: DataSet, k: number, orders: number): Table {
  const ours = set.kind === "objects" ? ourRules.map((rule) => ourRow(rule)) : ourRules.map(rememberingRow);
  const unit = set.kind === "objects" ? " Right and same count fields." : "";
  return {
    title: `${set.name}: stopping, at most ${k} samples`,
    note: `${set.questions.length} questions, ${orders} orders. Change, in points, and same answer are against all ${k}.${unit}`,
    columns: stoppingColumns,
    rows: [...ours, ...peers, ...fixedRows(k)].map((row) =>
      stoppingCells(row.name, k, measureStopping(set, row, k, orders)),
    ),
  };
}

export function stoppingCells(name: string, k: number, { samples, right, change, same }: StoppingResult): string[] {
  const cells = [name, samples.toFixed(2), `${(k / samples).toFixed(2)}x`];
  return [...cells, percent(right), points(change), percent(same)];
}

export function measureStopping(set: DataSet, row: StoppingRow, k: number, orders: number): StoppingResult {
  const runs = set.questions.flatMap(({ samples, gold }, question) =>
    Array.from({ length: orders }, (_, order) => {
      const all = shuffled(samples, order * 100_003 + question).slice(0, k);
      const heard = listen(row, k, all);
      const [answer, answerOfAll] = [set.consensus(heard), set.consensus(all)];
      const [right, rightOfAll] = [set.score(answer, gold), set.score(answerOfAll, gold)];
      const same = answerOfAll === undefined ? Number(answer === undefined) : set.match(answer, answerOfAll);
      return { samples: heard.length, right, change: right - rightOfAll, same };
    }),
  );
  const meanOf = (part: keyof StoppingResult) => mean(runs.map((run) => run[part]));
  return { samples: meanOf("samples"), right: meanOf("right"), change: meanOf("change"), same: meanOf("same") };
}

/** The samples that a rule hears before it stops. */
function listen(row: StoppingRow, k: number, samples: readonly Sample[]): readonly Sample[] {
  const stops = row.start(k);
  const end = samples.findIndex(stops);
  return end < 0 ? samples : samples.slice(0, end + 1);
}

function fixedRows(k: number): StoppingRow[] {
  return [3, 5, 10, 20, 40]
    .filter((count) => count <= k)
    .map((count) => ({ name: count === k ? `all ${k}` : `first ${count}`, start: () => stopAfter(count) }));
}

function stopAfter(count: number): () => boolean {
  let heard = 0;
  return () => ++heard >= count;
}

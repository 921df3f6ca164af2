import { summaryOf } from "./consensus.ts";
import type { DataSet } from "./data-set.ts";
import { shuffled } from "./orders.ts";
import { exactly, ourRow, ourRules, rememberingRow } from "./stopping-rows.ts";
import type { Table } from "./table.ts";

/** Tries the shortcuts of the stopping tables against the code that they stand for, on every question once. */
export function checkMemory(set: DataSet, k: number): Table {
  const sequences = set.questions.map(({ samples }, question) => shuffled(samples, 7_000_003 + question).slice(0, k));
  const rules = ourRules.map((rule) => {
    const [real, remembering] = [ourRow(rule, exactly), rememberingRow(rule)];
    const differing = sequences.filter((samples) => {
      const [one, other] = [real.start(k), remembering.start(k)];
      return samples.some((sample) => one(sample) !== other(sample));
    });
    return [`verdicts of ${rule.name}`, sequences.length, differing.length];
  });
  const differing = sequences.filter(
    (samples) => (summaryOf(samples, exactly).consensus ?? undefined) !== set.consensus(samples),
  );
  return {
    title: `${set.name}: shortcuts of this benchmark against the real code, ${k} samples`,
    columns: ["what", "sequences", "that differ"],
    rows: [...rules, ["plurality against summarize", sequences.length, differing.length]],
  };
}

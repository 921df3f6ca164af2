import { alignLists } from "./lists.ts";
import type { FieldRules } from "./rules.ts";
import { ValueTable } from "./value-table.ts";

/** A table of answers, the items of their lists moved to where they meet. */
export function tableOf(values: readonly unknown[], rules: FieldRules): ValueTable {
  const table = new ValueTable(rules);
  for (const value of rules.movesListItems ? alignLists(values, rules) : values) table.add(value);
  return table;
}

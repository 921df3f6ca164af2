/**
 * Job: say what a row has at a field, and show an answer by the value that its rows have there.
 */

import { type Answer, filledList, filledObject, Whole } from "./agreement.ts";
import { canonicalText } from "./canonical-text.ts";
import type { Field } from "./field.ts";
import type { ValueTable } from "./value-table.ts";
import { absent, isContainer, isList, jsonForm, MovedList, plainValue } from "./values.ts";

/** An answer as it is shown: in place of "a list" or "an object" the one that most of its rows have, or that of a row. */
export function shownAs(answer: Answer, table: ValueTable, field: Field, row?: number): Answer {
  if (answer.leaf !== filledList && answer.leaf !== filledObject) return answer;
  return {
    ...answer,
    leaf: new Whole(plainValue(valueAt(table, row ?? commonestRow(answer.rows, table, field), field))),
  };
}

function commonestRow(rows: readonly number[], table: ValueTable, field: Field): number {
  const counts = new Map<string, { row: number; count: number }>();
  for (const row of rows) {
    const text = canonicalText(valueAt(table, row, field), field.rules);
    const known = counts.get(text);
    if (known) known.count++;
    else counts.set(text, { row, count: 1 });
  }
  return [...counts.values()].reduce((best, next) => (next.count > best.count ? next : best)).row;
}

/** Value of a row at a field. */
export function valueAt({ answers, root }: ValueTable, row: number, field: Field): unknown {
  const steps: (string | number)[] = [];
  for (let at: Field = field; at.parent; at = at.parent) steps.push(at.segment);
  let value: unknown = field === root || steps.length > 0 ? answers[row] : absent;
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const form = jsonForm(value);
    if (!isContainer(form) || isList(form) !== (typeof step === "number")) return absent;
    const container = form instanceof MovedList ? form.items : form;
    if (!Object.hasOwn(container, step)) return absent;
    value = (container as { readonly [key: string | number]: unknown })[step];
    if (value === undefined && typeof step === "number") value = null;
  }
  const form = jsonForm(value);
  return form === absent && field === root ? null : form;
}

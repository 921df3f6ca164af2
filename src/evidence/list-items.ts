import type { Field } from "./field.ts";
import { codeIn, RowDistances } from "./row-distance.ts";
import type { FieldRules } from "./rules.ts";
import { ValueTable } from "./value-table.ts";

/** The items of several lists. Equal items have one number. */
export class ListItems {
  /** The numbers of the items of each list. */
  readonly lists: readonly (readonly number[])[];
  /** The lists, as indices, in an order that only their content decides: what is given most often comes first. */
  readonly order: readonly number[];
  readonly #distances: RowDistances;

  /** @param rules those of the items */
  constructor(lists: readonly (readonly unknown[])[], rules: FieldRules) {
    const values = lists.flat();
    const table = new ValueTable(rules);
    for (const value of values) table.add(value);
    this.#distances = new RowDistances(table.fields);
    const texts = values.map((_, row) => textOf(table.fields, row));
    const numberOf = new Map<string, number>();
    texts.forEach((text, row) => {
      if (!numberOf.has(text)) numberOf.set(text, row);
    });
    const listTexts = split(texts, lists);
    this.lists = listTexts.map((list) => list.map((text) => numberOf.get(text) as number));
    this.order = byFrequency(listTexts.map((list) => list.join("\n")));
  }

  /** How alike two items are, in [0, 1]. */
  likeness(a: number, b: number): number {
    return a === b ? 1 : 1 - this.#distances.between(codeIn(a), codeIn(b));
  }
}

/** What a row says, as a text that equal rows share. */
function textOf(fields: readonly Field[], row: number): string {
  const said = fields.filter((field) => field.codes[row] !== 0);
  const parts = said.map((field) => {
    const leaf = field.leaves[field.codes[row] as number];
    return JSON.stringify([field.pointer, typeof leaf, Array.isArray(leaf) ? "[]" : String(leaf)]);
  });
  return parts.sort().join();
}

function split<T>(items: readonly T[], lists: readonly (readonly unknown[])[]): T[][] {
  let end = 0;
  return lists.map(({ length }) => {
    end += length;
    return items.slice(end - length, end);
  });
}

/** The indices of texts: frequent ones first, then by the text itself. */
function byFrequency(texts: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const countOf = (index: number) => counts.get(texts[index] as string) as number;
  const compareTexts = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  return Array.from(texts.keys()).sort(
    (a, b) => countOf(b) - countOf(a) || compareTexts(texts[a] as string, texts[b] as string),
  );
}

import { assign } from "./assignment.ts";
import type { Field } from "./field.ts";
import { codeIn, RowDistances } from "./row-distance.ts";
import type { FieldRules } from "./rules.ts";
import { ValueTable } from "./value-table.ts";
import { absent, canonicalLeaf, circularAnswer, deepestNesting, isContainer, jsonForm } from "./values.ts";

/** Lists further inside meet by position: each depth compares whole items, so that all depths take its square. */
const deepestAlignment = 32;

/** One pointer, in the answers that have it: where each keeps its value. */
interface Column {
  readonly rules: FieldRules;
  readonly depth: number;
  readonly places: readonly Place[];
}

interface Place {
  readonly holder: Record<string | number, unknown>;
  readonly key: string | number;
}

/**
 * Copies of answers in which the items of lists stand where they meet, as the rules of each list say; where an answer
 * lacks an item there is a hole that counts as absent. Outer lists are settled before those inside.
 *
 * @throws InvalidOptionsError where an answer contains itself
 */
function alignLists(values: readonly unknown[], rules: FieldRules): unknown[] {
  const answers = [...values];
  const holder = answers as unknown as Record<number, unknown>;
  const open: Column[] = [{ rules, depth: 0, places: answers.map((_, key) => ({ holder, key })) }];
  for (let column = open.pop(); column; column = open.pop()) {
    if (column.depth > deepestNesting) throw circularAnswer(values);
    for (const inner of alignColumn(column)) open.push(inner);
  }
  return answers;
}

/** Puts copies in place of the lists and objects of a column, and gives the columns below. */
function alignColumn({ rules, depth, places }: Column): Column[] {
  const below = new Map<string | number, Place[]>();
  const lists: { readonly place: Place; readonly items: readonly unknown[] }[] = [];
  for (const place of places) {
    const form = jsonForm(place.holder[place.key]);
    if (Array.isArray(form)) lists.push({ place, items: form });
    else if (isContainer(form)) putCopy(place, { ...form } as Record<string, unknown>, below);
  }
  const aligned = alignItems(
    lists.map(({ items }) => items),
    rules,
    depth,
  );
  lists.forEach(({ place }, index) => {
    putCopy(place, aligned[index] as unknown as Record<number, unknown>, below);
  });
  return Array.from(below, ([key, inner]) => ({ rules: rules.below(key), depth: depth + 1, places: inner }));
}

function putCopy(place: Place, copy: Record<string | number, unknown>, below: Map<string | number, Place[]>): void {
  place.holder[place.key] = copy;
  const keys = Array.isArray(copy) ? copy.keys() : Object.keys(copy);
  for (const key of keys) {
    const places = below.get(key);
    if (places) places.push({ holder: copy, key });
    else below.set(key, [{ holder: copy, key }]);
  }
}

function alignItems(lists: readonly (readonly unknown[])[], rules: FieldRules, depth: number): unknown[][] {
  const groups = groupItems(lists, rules, depth);
  if (!groups) return lists.map((list) => [...list]);
  const placeOf = placesOf(groups);
  return lists.map((list, index) => {
    const aligned = new Array<unknown>(list.length === 0 ? 0 : placeOf.length).fill(absent);
    list.forEach((item, position) => {
      aligned[placeOf[groups[index]?.[position] as number] as number] = item;
    });
    return aligned;
  });
}

/** The groups of items that meet; undefined where they meet by position. */
function groupItems(lists: readonly (readonly unknown[])[], rules: FieldRules, depth: number): ItemGroups | undefined {
  if (lists.length === 0 || rules.lists === "position") return undefined;
  if (rules.lists !== "align") return groupByKey(lists, rules.lists.key);
  return depth > deepestAlignment ? undefined : groupByLikeness(new ListItems(lists, rules.below(0)));
}

/**
 * The place of each group in the aligned lists: first those that at least half of the lists have, so that their places
 * are those in the consensus; by mean position; of equal ones the first group.
 *
 * @param groups the group of each item, by list
 */
function placesOf(groups: ItemGroups): number[] {
  const found: { lists: number; positions: number; group: number }[] = [];
  for (const list of groups) {
    list.forEach((group, position) => {
      found[group] ??= { lists: 0, positions: 0, group };
      found[group].lists++;
      found[group].positions += position;
    });
  }
  const isRare = ({ lists }: { lists: number }) => Number(2 * lists < groups.length);
  const ordered = [...found].sort(
    (a, b) => isRare(a) - isRare(b) || a.positions / a.lists - b.positions / b.lists || a.group - b.group,
  );
  const placeOf: number[] = [];
  ordered.forEach(({ group }, place) => {
    placeOf[group] = place;
  });
  return placeOf;
}

/** A table of answers, the items of their lists moved to where they meet. */
export function tableOf(values: readonly unknown[], rules: FieldRules): ValueTable {
  const table = new ValueTable(rules);
  for (const value of rules.movesListItems ? alignLists(values, rules) : values) table.add(value);
  return table;
}

/** Items less alike than this do not meet. */
const leastLikeness = 0.5;

/** Lists that differ in more pairs of items than this are not worth the cube of their length: only equal items meet. */
const mostPairs = 250_000;

/** The group of each item, by list: items of one group meet. No list has two items in one group. */
export type ItemGroups = readonly (readonly number[])[];

/** Items meet by the value of a property; of a value that a list has twice, the first with the first. */
function groupByKey(lists: readonly (readonly unknown[])[], key: string): ItemGroups {
  const names = lists.map((list) => {
    const times = new Map<string, number>();
    return list.map((item) => {
      const text = keyText(item, key);
      const time = times.get(text) ?? 0;
      times.set(text, time + 1);
      return `${text} ${time}`;
    });
  });
  const numberOf = new Map([...new Set(names.flat())].sort().map((name, number) => [name, number]));
  return names.map((list) => list.map((name) => numberOf.get(name) as number));
}

/** Items without the property have one text in common. */
function keyText(item: unknown, key: string): string {
  const form = jsonForm(item);
  if (!isContainer(form) || !Object.hasOwn(form, key)) return "";
  const value = jsonForm((form as { readonly [key: string]: unknown })[key]);
  if (isContainer(value)) return "";
  const leaf = canonicalLeaf(value);
  return `${typeof leaf} ${String(leaf)}`;
}

/** The items of a group, and how often each is in it. */
type Members = Map<number, number>;

/**
 * Items meet by likeness: list by list, the most frequent list first, those that are equal, then those of the assignment
 * with the greatest likeness in sum; an item is as like a group as it is like its members on average.
 */
function groupByLikeness(items: ListItems): ItemGroups {
  const members: Members[] = [];
  const groups: number[][] = [];
  for (const index of items.order) {
    const list = items.lists[index] as readonly number[];
    const found = matchEqual(list, members);
    matchAlike(items, list, members, found);
    groups[index] = list.map((item, position) => {
      const group = found[position] ?? members.push(new Map()) - 1;
      const own = members[group] as Members;
      own.set(item, (own.get(item) ?? 0) + 1);
      return group;
    });
  }
  return groups;
}

function matchEqual(list: readonly number[], members: readonly Members[]): (number | undefined)[] {
  const groupsWith = new Map<number, number[]>(list.map((item) => [item, []]));
  for (let group = members.length - 1; group >= 0; group--) {
    for (const item of (members[group] as Members).keys()) groupsWith.get(item)?.push(group);
  }
  const taken = new Set<number>();
  return list.map((item) => {
    const candidates = groupsWith.get(item) as number[];
    let group = candidates.pop();
    while (group !== undefined && taken.has(group)) group = candidates.pop();
    if (group !== undefined) taken.add(group);
    return group;
  });
}

/** Fills in the groups of items that are not found yet. */
function matchAlike(
  items: ListItems,
  list: readonly number[],
  members: readonly Members[],
  found: (number | undefined)[],
): void {
  const taken = new Set(found);
  const free = Array.from(members.keys()).filter((group) => !taken.has(group));
  const positions = Array.from(list.keys()).filter((position) => found[position] === undefined);
  if (positions.length === 0 || free.length === 0 || positions.length * free.length > mostPairs) return;
  const costs = positions.map((position) =>
    free.map((group) => costOf(items, list[position] as number, members[group] as Members)),
  );
  assignEither(costs).forEach((column, row) => {
    const isAlike = column >= 0 && (costs[row]?.[column] as number) < 1;
    if (isAlike) found[positions[row] as number] = free[column] as number;
  });
}

/** What it costs that an item joins a group: 1 less its likeness, and 1 where that is too small to join. */
function costOf(items: ListItems, item: number, members: Members): number {
  let [sum, count] = [0, 0];
  for (const [member, times] of members) {
    sum += times * items.likeness(item, member);
    count += times;
  }
  const likeness = sum / count;
  return likeness < leastLikeness ? 1 : 1 - likeness;
}

/** The column of each row; -1 for a row that goes without, where there are more rows than columns. */
function assignEither(costs: readonly (readonly number[])[]): number[] {
  const [first = []] = costs;
  if (costs.length <= first.length) return assign(costs);
  const columnOf = new Array<number>(costs.length).fill(-1);
  assign(first.map((_, column) => costs.map((row) => row[column] as number))).forEach((row, column) => {
    columnOf[row] = column;
  });
  return columnOf;
}

/** The items of several lists. Equal items have one number. */
class ListItems {
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

/**
 * Job: move the items of lists to the places where they meet, before answers are put into a table.
 * Boundary: moves items; list-groups.ts decides which ones meet.
 * Invariants:
 * 1. No list has two items at one place.
 * 2. Which items meet does not depend on the order of the answers.
 * 3. Outer lists are settled before those inside.
 */

import { atOnce, type Slices, visiting } from "../../core/slices.ts";
import type { FieldComparison } from "./field-comparison.ts";
import { groupItems, type ItemGroups } from "./list-groups.ts";
import { type Logprobs, ValueTable } from "./value-table.ts";
import { circularAnswer, deepestNesting, isContainer, MovedList, setOwn, stepsOfNames, unreadForm } from "./values.ts";

/** Lists further inside meet by position: each depth compares whole items, so that all depths take its square. */
export const deepestAlignment = 32;

/** Returns a table of answers, the items of their lists moved to where they meet. */
export function tableOf(...given: Parameters<typeof tabulate>): ValueTable {
  return atOnce(tabulate(...given));
}

/**
 * `tableOf`, in slices.
 *
 * @param logprobs of the leaves of each value
 */
export function* tabulate(
  values: readonly unknown[],
  comparison: FieldComparison,
  logprobs: readonly (Logprobs | undefined)[] = [],
): Slices<ValueTable> {
  const table = new ValueTable(comparison);
  const isMoving = comparison.movesListItems && (yield* anyHoldsList(values));
  const moved = isMoving ? yield* moveItems(values, comparison) : values;
  for (const [row, value] of moved.entries()) yield* table.adding(value, logprobs[row]);
  return table;
}

function* anyHoldsList(values: readonly unknown[]): Slices<boolean> {
  for (const value of values) {
    if (yield* holdsList(value)) return true;
  }
  return false;
}

/** Tells whether a value has a list anywhere inside it. */
export function* holdsList(value: unknown): Slices<boolean> {
  yield 5;
  const open: unknown[] = [value];
  for (let depth = 0; open.length > 0; depth++) {
    if (depth % 1_000 === 999) yield 500;
    const form = unreadForm(open.pop());
    if (Array.isArray(form) && form.length > 0) return true;
    if (!isContainer(form)) continue;
    const names = Object.keys(form);
    yield stepsOfNames(names.length);
    yield* visiting(names, (name) => open.push((form as Readonly<Record<string, unknown>>)[name]));
    if (depth > 10 * deepestNesting) return true;
  }
  return false;
}

/** One pointer, in the answers that have it: where each keeps its value. */
interface Column {
  readonly comparison: FieldComparison;
  readonly depth: number;
  readonly places: readonly Place[];
}

interface Place {
  readonly holder: object;
  readonly key: string | number;
}

/**
 * Copies answers with moved lists in place of lists.
 *
 * @throws InvalidOptionsError where an answer contains itself
 */
function* moveItems(values: readonly unknown[], comparison: FieldComparison): Slices<unknown[]> {
  const answers = [...values];
  const open: Column[] = [{ comparison, depth: 0, places: answers.map((_, key) => ({ holder: answers, key })) }];
  for (let column = open.pop(); column; column = open.pop()) {
    if (column.depth > deepestNesting) throw circularAnswer(values);
    for (const inner of yield* moveColumn(column)) open.push(inner);
  }
  return answers;
}

/** Puts copies in place of the lists and objects of a column. Returns the columns below. */
function* moveColumn({ comparison, depth, places }: Column): Slices<Column[]> {
  const below = new Map<string | number, Place[]>();
  const note = (holder: object, key: string | number) => {
    const known = below.get(key);
    if (known) known.push({ holder, key });
    else below.set(key, [{ holder, key }]);
  };
  const lists: { readonly place: Place; readonly items: readonly unknown[] }[] = [];
  for (const place of places) {
    yield 1;
    const form = unreadForm((place.holder as Record<string | number, unknown>)[place.key]);
    if (!isContainer(form)) continue;
    if (Array.isArray(form)) lists.push({ place, items: form });
    else {
      const copy: Record<string, unknown> = {};
      const keys = Object.keys(form);
      yield stepsOfNames(keys.length);
      yield* visiting(keys, (key) => {
        setOwn(copy, key, (form as Readonly<Record<string, unknown>>)[key]);
        note(copy, key);
      });
      setOwn(place.holder, place.key, copy);
    }
  }
  const content = lists.map(({ items }) => items);
  const groups = depth > deepestAlignment ? undefined : yield* groupItems(content, comparison);
  const placeOf = groups && (yield* placesOf(groups));
  for (const [list, { place, items }] of lists.entries()) {
    const copy: unknown[] = [];
    const at: number[] | undefined = placeOf && [];
    yield* visiting(items, (item, position) => {
      const to = placeOf ? (placeOf[(groups[list] as readonly number[])[position] as number] as number) : position;
      at?.push(to);
      copy[to] = item;
      note(copy, to);
    });
    setOwn(place.holder, place.key, at ? new MovedList(copy, at) : copy);
  }
  const columns: Column[] = [];
  yield* visiting(below, ([key, inner]) =>
    columns.push({ comparison: comparison.below(key), depth: depth + 1, places: inner }),
  );
  return columns;
}

/** Groups beyond this many share places with others of few lists: a table has a column for each place. */
const mostPlaces = 1_000;

/**
 * Returns the place of each group: groups of most lists first, by mean position. Where there are very many groups, those
 * of few lists share places, at most a third of the lists at each, so that none of them leads there.
 *
 * @param groups the group of each item, by list
 */
function* placesOf(groups: ItemGroups): Slices<number[]> {
  const found: { lists: number[]; positions: number; group: number }[] = [];
  for (const [index, list] of groups.entries()) {
    yield* visiting(list, (group, position) => {
      found[group] ??= { lists: [], positions: 0, group };
      found[group].lists.push(index);
      found[group].positions += position;
    });
  }
  const isRare = ({ lists }: { lists: readonly number[] }) => Number(2 * lists.length < groups.length);
  const ordered = [...found].sort(
    (a, b) => isRare(a) - isRare(b) || a.positions / a.lists.length - b.positions / b.lists.length || a.group - b.group,
  );
  const placeOf: number[] = [];
  const isShared = ordered.length > mostPlaces;
  const room = Math.floor(groups.length / 3);
  const open: { place: number; taken: Set<number> }[] = [];
  let places = 0;
  for (const { group, lists } of ordered) {
    yield 1 + (isShared ? open.length / 4 : 0);
    const mayShare = isShared && 2 * lists.length <= room;
    const shared = mayShare
      ? open.find(({ taken }) => taken.size + lists.length <= room && !lists.some((list) => taken.has(list)))
      : undefined;
    const place = shared?.place ?? places++;
    placeOf[group] = place;
    if (shared) {
      for (const list of lists) shared.taken.add(list);
      if (shared.taken.size === room) open.splice(open.indexOf(shared), 1);
    } else if (mayShare) open.push({ place, taken: new Set(lists) });
  }
  return placeOf;
}

import { circularAnswer, deepestNesting } from "./circular.ts";
import { groupByKey, groupByLikeness, type ItemGroups } from "./item-groups.ts";
import { ListItems } from "./list-items.ts";
import type { FieldRules } from "./rules.ts";
import { absent, isContainer, jsonForm } from "./values.ts";

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
export function alignLists(values: readonly unknown[], rules: FieldRules): unknown[] {
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

/**
 * Job: decide which items of several lists are one item: equal ones, then those of one key, then those that are alike.
 * Boundary: knows one pointer's lists; list-alignment.ts finds them and moves the items.
 * Invariants:
 * 1. No list has two items in one group.
 * 2. Groups and their numbers depend on the content of the lists, not on the order in which these come.
 * 3. Equal items meet first. So items that no list has twice are in no two groups.
 */

import { type Slices, visiting } from "../../core/slices.ts";
import type { FieldComparison } from "./field-comparison.ts";
import { type Group, JoinedGroups } from "./joined-groups.ts";
import { ListItems } from "./list-items.ts";
import { joinAlike } from "./list-likeness.ts";

/** Group of each item, by list and position. */
export type ItemGroups = readonly (readonly number[])[];

/** Returns the groups of items that meet; undefined where they meet by position. */
export function* groupItems(
  lists: readonly (readonly unknown[])[],
  comparison: FieldComparison,
): Slices<ItemGroups | undefined> {
  if (lists.length === 0 || comparison.lists === "position") return undefined;
  const items = yield* ListItems.read(lists, comparison.below(0));
  const equal = yield* equalItems(items);
  const joined = yield* JoinedGroups.of(equal.groups);
  if (comparison.lists !== "content") yield* joinByKey(joined, items.propertyTexts(comparison.lists.key));
  else if (lists.length > 1 && (yield* joined.open(lists.length)).length > 1) {
    const key = yield* findKey(items, equal.groups);
    if (key) yield* joinByKey(joined, key);
    yield* joinAlike(joined, items, key !== undefined);
  }
  const numbers = yield* joined.numbering();
  const groups: number[][] = [];
  for (const list of equal.groupOf) {
    const own: number[] = [];
    yield* visiting(list, (group) => own.push(numbers[group] as number));
    groups.push(own);
  }
  return groups;
}

/** Equal items meet; of one that a list has twice, the first with the first. */
function* equalItems({ lists }: ListItems): Slices<{ groups: Group[]; groupOf: number[][] }> {
  /** The groups of each item, by time. */
  const found: NumberedGroup[][] = [];
  const groupOf: NumberedGroup[][] = [];
  for (const [index, list] of lists.entries()) {
    const times = new Map<number, number>();
    const own: NumberedGroup[] = [];
    yield* visiting(list, (item) => {
      const time = times.get(item) ?? 0;
      times.set(item, time + 1);
      found[item] ??= [];
      found[item][time] ??= { lists: [], items: new Map(), number: 0 };
      const group = found[item][time];
      group.lists.push(index);
      group.items.set(item, group.lists.length);
      own.push(group);
    });
    groupOf.push(own);
  }
  const groups: NumberedGroup[] = [];
  for (const ofItem of found)
    yield* visiting(ofItem, (group) => {
      group.number = groups.push(group) - 1;
    });
  const numbers: number[][] = [];
  for (const list of groupOf) {
    const own: number[] = [];
    yield* visiting(list, ({ number }) => own.push(number));
    numbers.push(own);
  }
  return { groups, groupOf: numbers };
}

interface NumberedGroup extends Group {
  number: number;
}

/** Joins groups whose items have one key. */
function* joinByKey(joined: JoinedGroups, keys: readonly string[]): Slices<void> {
  const byKey = new Map<string, number[]>();
  joined.groups.forEach((group, number) => {
    const key = keys[anyOf(group)] as string;
    const known = byKey.get(key);
    if (known) known.push(number);
    else byKey.set(key, [number]);
  });
  for (const groups of byKey.values()) {
    // Of a key that a list has twice: the groups of more lists first, then by content.
    groups.sort((a, b) => (joined.groups[b] as Group).lists.length - (joined.groups[a] as Group).lists.length || a - b);
    for (const [at, group] of groups.entries()) {
      const size = (joined.groups[groups[0] as number] as Group).lists.length;
      let tries = 1;
      for (const other of groups.slice(0, at)) {
        tries++;
        if (joined.find(other) === other && joined.join(other, group)) break;
      }
      yield (tries * (8 + size)) / 16;
    }
  }
}

function anyOf({ items }: Group): number {
  return items.keys().next().value as number;
}

/** Groups of one key are in at least this part of the lists on average, or it is not a key. */
const leastSupport = 0.5;

/** Every property is compared with every other one; of items with more, the first are looked at. */
const mostKeyProperties = 64;

/**
 * Finds the property that tells items apart: every item has it, and no list has a value of it twice. Of several, the one
 * by which the items that meet agree most in their other properties. Returns its text for each item.
 */
function* findKey(items: ListItems, groups: readonly Group[]): Slices<readonly string[] | undefined> {
  const { lists } = items;
  const size = lists.reduce((sum, list) => sum + list.length, 0);
  const names = (yield* items.commonProperties()).slice(0, mostKeyProperties);
  const columns = names.map((name) => items.propertyTexts(name));
  let best: { texts: readonly string[]; agreement: number; distinct: number } | undefined;
  for (const [column, texts] of columns.entries()) {
    yield size / 8;
    const distinct = new Set(lists.flatMap((list) => list.map((item) => texts[item]))).size;
    if (distinct * lists.length * leastSupport > size) continue;
    if (lists.some((list) => new Set(list.map((item) => texts[item])).size < list.length)) continue;
    const others = columns.filter((_, other) => other !== column);
    const agreement = yield* agreementBy(texts, others, groups);
    const isBetter = !best || agreement > best.agreement || (agreement === best.agreement && distinct < best.distinct);
    if (isBetter) best = { texts, agreement, distinct };
  }
  return best?.texts;
}

/** Counts how many items agree with another one of their key in other properties. */
function* agreementBy(
  keys: readonly string[],
  others: readonly (readonly string[])[],
  groups: readonly Group[],
): Slices<number> {
  let agreement = 0;
  for (const texts of others) {
    const votes = new Map<string, Map<string, number>>();
    for (const { items } of groups) {
      yield items.size / 2;
      for (const [item, times] of items) {
        const key = keys[item] as string;
        const own = votes.get(key) ?? new Map<string, number>();
        votes.set(key, own);
        own.set(texts[item] as string, (own.get(texts[item] as string) ?? 0) + times);
      }
    }
    for (const own of votes.values()) agreement += Math.max(...own.values()) - 1;
  }
  return agreement;
}

import { assign } from "./assignment.ts";
import type { ListItems } from "./list-items.ts";
import { canonicalLeaf, isContainer, jsonForm } from "./values.ts";

/** Items less alike than this do not meet. */
const leastLikeness = 0.5;

/** Lists that differ in more pairs of items than this are not worth the cube of their length: only equal items meet. */
const mostPairs = 250_000;

/** The group of each item, by list: items of one group meet. No list has two items in one group. */
export type ItemGroups = readonly (readonly number[])[];

/** Items meet by the value of a property; of a value that a list has twice, the first with the first. */
export function groupByKey(lists: readonly (readonly unknown[])[], key: string): ItemGroups {
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
export function groupByLikeness(items: ListItems): ItemGroups {
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

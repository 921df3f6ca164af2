import { type Slices, visiting } from "../../core/slices.ts";

/** Items that meet, in lists that each have one of them. */
export interface Group {
  /** Lists that have an item here, rising. */
  readonly lists: number[];
  /** Number of lists that have each item, by the item's number. */
  readonly items: Map<number, number>;
}

/** Groups of which some have been joined. */
export class JoinedGroups {
  readonly groups: readonly Group[];
  /** Group that each group was joined to; itself if it was not. */
  readonly #joinedTo: number[];

  private constructor(groups: readonly Group[], joinedTo: number[]) {
    this.groups = groups;
    this.#joinedTo = joinedTo;
  }

  static *of(groups: readonly Group[]): Slices<JoinedGroups> {
    const joinedTo: number[] = [];
    yield* visiting(groups, (_, number) => joinedTo.push(number));
    return new JoinedGroups(groups, joinedTo);
  }

  /** The groups that stand for themselves and are not in all of the lists. */
  *open(lists: number): Slices<number[]> {
    const open: number[] = [];
    yield* visiting(this.groups, (group, number) => {
      if (this.#joinedTo[number] === number && group.lists.length < lists) open.push(number);
    });
    return open;
  }

  find(group: number): number {
    let root = group;
    while (this.#joinedTo[root] !== root) root = this.#joinedTo[root] as number;
    this.#joinedTo[group] = root;
    return root;
  }

  /** Joins two groups, unless a list has an item in each. Returns whether they are one now. */
  join(one: number, other: number): boolean {
    const [a, b] = [this.find(one), this.find(other)].sort((x, y) => x - y) as [number, number];
    if (a === b) return true;
    const [into, from] = [this.groups[a] as Group, this.groups[b] as Group];
    if (shareList(into.lists, from.lists)) return false;
    for (const list of from.lists) into.lists.push(list);
    into.lists.sort((x, y) => x - y);
    for (const [item, times] of from.items) into.items.set(item, (into.items.get(item) ?? 0) + times);
    this.#joinedTo[b] = a;
    return true;
  }

  /** Number of the group that each group is in now. */
  *numbering(): Slices<number[]> {
    const numberOf = new Map<number, number>();
    const numbers: number[] = [];
    yield* visiting(this.groups, (_, group) => {
      const root = this.find(group);
      const known = numberOf.get(root) ?? numberOf.size;
      numberOf.set(root, known);
      numbers.push(known);
    });
    return numbers;
  }
}

/** Tells if two rising lists have a number in common. */
export function shareList(a: readonly number[], b: readonly number[]): boolean {
  for (let [at, other] = [0, 0]; at < a.length && other < b.length; ) {
    const [one, two] = [a[at] as number, b[other] as number];
    if (one === two) return true;
    if (one < two) at++;
    else other++;
  }
  return false;
}

import { atOnce, type Slices } from "../../core/slices.ts";
import type { Features } from "./item-parts.ts";
import { type Group, type JoinedGroups, shareList } from "./joined-groups.ts";
import type { ListItems } from "./list-items.ts";

/** Groups less alike than this are not joined. */
const leastLikeness = 0.5;

/** Limit of pairs of groups above which they are joined greedily, by what they have in common. */
const mostPairs = 60_000;

/** Rows times rows times columns of one assignment, at most. */
const mostSteps = 4_000_000;

/** A leaf that more groups than this share tells them apart from no other. */
const mostSharing = 40;

/**
 * Joins groups that are not in all lists by likeness: list by list, by the assignment with the greatest likeness in sum;
 * greedily where that would take too long. Groups that have an item of one list each are never joined.
 *
 * @param isKeyed whether the groups differ in a key, so that half of their leaves is not enough
 */
export function* joinAlike(joined: JoinedGroups, items: ListItems, isKeyed: boolean): Slices<void> {
  const open = yield* joined.open(items.lists.length);
  const least = isKeyed ? leastLikeness + 1e-9 : leastLikeness;
  const rounds = yield* roundsOf(joined, open, items);
  if (isAssignable(rounds)) yield* assignRounds(joined, items, rounds, least);
  else yield* joinGreedily(joined, items, open, least);
}

/** The open groups by the first of the lists that have them. What is given most often comes first. */
function* roundsOf({ groups }: JoinedGroups, open: readonly number[], { lists }: ListItems): Slices<number[][]> {
  const texts: string[] = [];
  for (const list of lists) {
    texts.push(list.join());
    yield 1 + list.length / 8;
  }
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const order = Array.from(texts.keys()).sort((a, b) => {
    const [one, other] = [texts[a] as string, texts[b] as string];
    return (counts.get(other) as number) - (counts.get(one) as number) || (one < other ? -1 : Number(one > other));
  });
  const rankOf: number[] = [];
  order.forEach((list, rank) => {
    rankOf[list] = rank;
  });
  const rounds = new Map<number, number[]>();
  for (const group of open) {
    const { lists } = groups[group] as Group;
    yield 1 + lists.length / 32;
    const first = lists.reduce((least, list) => Math.min(least, rankOf[list] as number), Number.POSITIVE_INFINITY);
    const round = rounds.get(first);
    if (round) round.push(group);
    else rounds.set(first, [group]);
  }
  return [...rounds].sort(([a], [b]) => a - b).map(([, round]) => round);
}

function isAssignable(rounds: readonly (readonly number[])[]): boolean {
  let [before, pairs, steps] = [0, 0, 0];
  for (const { length } of rounds) {
    pairs += before * length;
    const [rows, columns] = length < before ? [length, before] : [before, length];
    steps += rows * rows * columns;
    before += length;
  }
  return pairs <= mostPairs && steps <= mostSteps;
}

function* assignRounds(
  joined: JoinedGroups,
  items: ListItems,
  rounds: readonly (readonly number[])[],
  least: number,
): Slices<void> {
  const before: number[] = [];
  for (const round of rounds) {
    const left = [...round];
    const costs: number[][] = [];
    for (const group of left) {
      const row: number[] = [];
      for (const other of before) {
        row.push(yield* costOf(joined, items, [group, other], least));
      }
      costs.push(row);
    }
    (yield* assignEither(costs)).forEach((column, row) => {
      const isAlike = column >= 0 && (costs[row]?.[column] as number) < 1;
      if (isAlike) joined.join(before[column] as number, left[row] as number);
    });
    for (const group of left) if (joined.find(group) === group) before.push(group);
  }
}

/** Cost of joining two groups: 1 less their likeness, and 1 where they must not be joined. */
function* costOf(
  { groups }: JoinedGroups,
  items: ListItems,
  pair: readonly [number, number],
  least: number,
): Slices<number> {
  yield 1;
  const [one, other] = pair.map((group) => groups[group]) as [Group, Group];
  if (shareList(one.lists, other.lists)) return 1;
  let [sum, count] = [0, 0];
  for (const [item, times] of one.items) {
    for (const [member, often] of other.items) {
      sum += times * often * (yield* items.likeness(item, member));
      count += times * often;
    }
  }
  return sum < least * count ? 1 : 1 - sum / count;
}

/** Joins the most alike first, of groups that share a leaf which few groups have. */
function* joinGreedily(joined: JoinedGroups, items: ListItems, open: readonly number[], least: number): Slices<void> {
  const itemOf = new Map(open.map((group) => [group, commonest(joined.groups[group] as Group)]));
  const pairs: { one: number; other: number; likeness: number }[] = [];
  for (const [one, other] of yield* sharingPairs(joined, items, itemOf)) {
    const likeness = yield* items.likeness(itemOf.get(one) as number, itemOf.get(other) as number);
    if (likeness >= least) pairs.push({ one, other, likeness });
  }
  pairs.sort((a, b) => b.likeness - a.likeness || a.one - b.one || a.other - b.other);
  yield pairs.length;
  for (const { one, other } of pairs) {
    joined.join(one, other);
    yield 1;
  }
}

/** @param itemOf by open group, the item that stands for it */
function* sharingPairs(
  joined: JoinedGroups,
  items: ListItems,
  itemOf: ReadonlyMap<number, number>,
): Slices<[number, number][]> {
  const sharing = new Map<string, number[]>();
  const numberOf = new Map<unknown, number>();
  for (const [group, item] of itemOf) {
    yield 5;
    for (const name of leafNames(items.features(item), numberOf)) {
      const known = sharing.get(name);
      if (known) known.push(group);
      else sharing.set(name, [group]);
    }
  }
  const found = new Set<number>();
  const size = joined.groups.length;
  const rarest = [...sharing.values()].filter(({ length }) => length > 1 && length <= mostSharing);
  rarest.sort(
    (a, b) => a.length - b.length || (a[0] as number) - (b[0] as number) || (a[1] as number) - (b[1] as number),
  );
  for (const groups of rarest) {
    if (found.size > mostPairs) break;
    yield (groups.length * groups.length) / 16;
    groups.forEach((group, at) => {
      for (const other of groups.slice(0, at)) found.add(other * size + group);
    });
  }
  return Array.from(found, (pair) => [Math.floor(pair / size), pair % size]);
}

function leafNames(features: Features, numberOf: Map<unknown, number>): Set<string> {
  const names = new Set<string>();
  for (const [place, codes] of features) {
    const number = numberOf.get(place) ?? numberOf.size;
    numberOf.set(place, number);
    for (const code of codes) names.add(`${number} ${place.textOf(code)}`);
  }
  return names;
}

/** The item that most lists have; of equal ones the lowest. */
function commonest({ items }: Group): number {
  return [...items].reduce((best, next) =>
    next[1] > best[1] || (next[1] === best[1] && next[0] < best[0]) ? next : best,
  )[0];
}

/** Returns the column of each row; -1 for a row that goes without, where there are more rows than columns. */
function* assignEither(costs: readonly (readonly number[])[]): Slices<number[]> {
  const [first = []] = costs;
  if (costs.length <= first.length) return yield* assigning(costs);
  const columnOf = new Array<number>(costs.length).fill(-1);
  const rowOf = yield* assigning(first.map((_, column) => costs.map((row) => row[column] as number)));
  rowOf.forEach((row, column) => {
    columnOf[row] = column;
  });
  return columnOf;
}

/**
 * Returns the assignment of rows to columns, each at most once, with the least total cost: the Hungarian method (Kuhn 1955) by
 * shortest augmenting paths (Jonker and Volgenant 1987), in O(rows² columns).
 *
 * @param costs by row, then by column; no more rows than columns
 * @returns the column of each row
 */
export function assign(costs: readonly (readonly number[])[]): number[] {
  return atOnce(assigning(costs));
}

function* assigning(costs: readonly (readonly number[])[]): Slices<number[]> {
  const assignment = new Assignment(costs);
  for (let row = 1; row <= costs.length; row++) yield* assignment.give(row);
  return assignment.columns();
}

/** Rows and columns count from 1; column 0 stands for the row that looks for a column, row 0 for no row. */
class Assignment {
  readonly #costs: readonly (readonly number[])[];
  readonly #width: number;
  readonly #rowPrice: number[];
  readonly #columnPrice: number[];
  readonly #rowOf: number[];

  constructor(costs: readonly (readonly number[])[]) {
    this.#costs = costs;
    this.#width = (costs[0]?.length ?? 0) + 1;
    this.#rowPrice = zeros(costs.length + 1);
    this.#columnPrice = zeros(this.#width);
    this.#rowOf = zeros(this.#width);
  }

  /** Gives a row a column: others move along the cheapest path that ends at a free one. */
  *give(row: number): Slices<void> {
    this.#rowOf[0] = row;
    const cameFrom = zeros(this.#width);
    const slack = zeros(this.#width).fill(Number.POSITIVE_INFINITY);
    const reached = new Set<number>();
    let column = 0;
    do {
      reached.add(column);
      this.#lookFrom(column, reached, slack, cameFrom);
      column = this.#nearest(reached, slack);
      this.#reprice(slack[column] as number, reached, slack);
      yield this.#width / 16;
    } while (this.#rowOf[column] !== 0);
    while (column !== 0) {
      const previous = cameFrom[column] as number;
      this.#rowOf[column] = this.#rowOf[previous] as number;
      column = previous;
    }
  }

  columns(): number[] {
    const columnOf = zeros(this.#costs.length);
    for (let column = 1; column < this.#width; column++) {
      const row = this.#rowOf[column] as number;
      if (row > 0) columnOf[row - 1] = column - 1;
    }
    return columnOf;
  }

  #lookFrom(from: number, reached: ReadonlySet<number>, slack: number[], cameFrom: number[]): void {
    const row = this.#rowOf[from] as number;
    const costs = this.#costs[row - 1] as readonly number[];
    for (let column = 1; column < this.#width; column++) {
      if (reached.has(column)) continue;
      const price = (this.#rowPrice[row] as number) + (this.#columnPrice[column] as number);
      const reduced = (costs[column - 1] as number) - price;
      if (reduced >= (slack[column] as number)) continue;
      slack[column] = reduced;
      cameFrom[column] = from;
    }
  }

  #nearest(reached: ReadonlySet<number>, slack: readonly number[]): number {
    let nearest = 0;
    for (let column = 1; column < this.#width; column++) {
      if (!reached.has(column) && (slack[column] as number) < (slack[nearest] as number)) nearest = column;
    }
    return nearest;
  }

  /** Keeps what is reached tight, and brings the rest nearer by as much. */
  #reprice(step: number, reached: ReadonlySet<number>, slack: number[]): void {
    for (let column = 0; column < this.#width; column++) {
      if (reached.has(column)) {
        raise(this.#rowPrice, this.#rowOf[column] as number, step);
        raise(this.#columnPrice, column, -step);
      } else raise(slack, column, -step);
    }
  }
}

function raise(numbers: number[], index: number, by: number): void {
  numbers[index] = (numbers[index] as number) + by;
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}

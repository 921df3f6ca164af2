import type { Slices } from "../../core/slices.ts";
import type { Field } from "./field.ts";
import type { Leaf } from "./values.ts";

export type Tolerance = number | { readonly absolute: number };

/** Distance of two numbers, in tolerances: up to 1 they are one value. */
export function toleranceSteps(a: number, b: number, tolerance: Tolerance): number {
  const gap = Math.abs(a - b);
  if (gap === 0) return 0;
  const allowed = typeof tolerance === "number" ? tolerance * Math.max(Math.abs(a), Math.abs(b)) : tolerance.absolute;
  return gap <= Number.MAX_VALUE ? gap / allowed : Number.POSITIVE_INFINITY;
}

/**
 * Groups of numbers in which any two are within the tolerance: complete-link agglomeration (Sørensen 1948) of the sorted
 * values, the closest two groups first, of equally close ones the lowest. Gives the codes of each group, in rising order of
 * value.
 */
export function* groupingWithinTolerance(field: Field, tolerance: Tolerance): Slices<number[][]> {
  const codes = finiteCodes(field);
  const numbers = codes.map((code) => Number(field.leaves[code]));
  yield codes.length;
  const order = Array.from(codes.keys()).sort((a, b) => (numbers[a] as number) - (numbers[b] as number));
  const sorted = order.map((at) => numbers[at] as number);
  /** End of the group that starts at a place; 0 where none does. */
  const endOf = Uint32Array.from(sorted.keys(), (at) => at + 1);
  /** Start of the group that ends before a place. */
  const startOf = Uint32Array.from({ length: sorted.length + 1 }, (_, at) => Math.max(0, at - 1));
  const neighbours = new Neighbours();
  const offer = (start: number, middle: number, end: number) => {
    const steps = toleranceSteps(sorted[start] as number, sorted[end - 1] as number, tolerance);
    if (steps <= 1) neighbours.add({ start, middle, end, steps });
  };
  for (let middle = 1; middle < sorted.length; middle++) {
    offer(middle - 1, middle, middle + 1);
    if (middle % 64 === 0) yield 64;
  }
  for (let next = neighbours.take(); next; next = neighbours.take()) {
    yield 2;
    const { start, middle, end } = next;
    if (endOf[start] !== middle || endOf[middle] !== end) continue;
    endOf[start] = end;
    endOf[middle] = 0;
    startOf[end] = start;
    if (start > 0) offer(startOf[start] as number, start, end);
    if (end < sorted.length) offer(start, end, endOf[end] as number);
  }
  const groups: number[][] = [];
  for (let start = 0; start < sorted.length; start = endOf[start] as number) {
    groups.push(order.slice(start, endOf[start]).map((at) => codes[at] as number));
    yield 1;
  }
  return groups;
}

/** Two groups next to each other: values from `start` to before `middle`, and from there to before `end`. */
interface Pair {
  readonly start: number;
  readonly middle: number;
  readonly end: number;
  /** Distance of their outermost values, in tolerances. */
  readonly steps: number;
}

/** Pairs of groups, the closest first, of equally close ones the lowest: a binary heap (Williams 1964). */
class Neighbours {
  readonly #pairs: Pair[] = [];

  add(pair: Pair): void {
    let at = this.#pairs.push(pair) - 1;
    while (at > 0 && isBefore(pair, this.#pairs[(at - 1) >> 1] as Pair)) {
      this.#pairs[at] = this.#pairs[(at - 1) >> 1] as Pair;
      at = (at - 1) >> 1;
    }
    this.#pairs[at] = pair;
  }

  take(): Pair | undefined {
    const [first] = this.#pairs;
    const last = this.#pairs.pop();
    if (last === undefined || this.#pairs.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below + 1 < this.#pairs.length && isBefore(this.#pairs[below + 1] as Pair, this.#pairs[below] as Pair))
        below++;
      if (below >= this.#pairs.length || !isBefore(this.#pairs[below] as Pair, last)) break;
      this.#pairs[at] = this.#pairs[below] as Pair;
      at = below;
    }
    this.#pairs[at] = last;
    return first;
  }
}

function isBefore(a: Pair, b: Pair): boolean {
  return a.steps < b.steps || (a.steps === b.steps && a.start < b.start);
}

function finiteCodes(field: Field): number[] {
  return Array.from(field.leaves.keys()).filter((code) => isFiniteNumber(field.leaves[code]));
}

function isFiniteNumber(leaf: Leaf | undefined): boolean {
  return (typeof leaf === "number" || typeof leaf === "bigint") && Number.isFinite(Number(leaf));
}

/** The middle value of a group sorted by value, each counted by its votes; the lower of two, so that it is an answer. */
export function median(field: Field, codes: readonly number[]): Leaf {
  const half = codes.reduce((sum, code) => sum + field.votesOf(code), 0) / 2;
  let votes = 0;
  for (const code of codes) {
    votes += field.votesOf(code);
    if (votes >= half) return field.leaves[code] as Leaf;
  }
  throw new RangeError("The median of no values does not exist.");
}

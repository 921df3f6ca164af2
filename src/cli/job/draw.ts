import { seededRandom } from "../../core/random.ts";
import type { Input } from "../input/input.ts";

/** Seed of a draw that names none: the same inputs give the same sample on every machine. */
export const firstSeed = 1;

/**
 * Draws inputs evenly. A larger draw of the same seed holds the smaller one, so that a job can go on with it.
 *
 * @param count of all inputs
 * @returns indexes of `size` of them, or of all
 */
export function drawSample(count: number, size: number, seed: number): ReadonlySet<number> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  return new Set(inOrder(indexes, (index) => index, seed).slice(0, size));
}

/** Gives the inputs in an order that a seed decides. Holds all of them. */
export async function* inRandomOrder(inputs: AsyncIterable<Input>, seed: number): AsyncGenerator<Input> {
  const all: Input[] = [];
  for await (const input of inputs) all.push(input);
  yield* inOrder(all, ({ index }) => index, seed);
}

function inOrder<T>(items: readonly T[], indexOf: (item: T) => number, seed: number): T[] {
  const drawn = items.map((item) => {
    const index = indexOf(item);
    return { item, index, rank: seededRandom(Math.imul(seed, 0x9e3779b1) ^ index).next() };
  });
  return drawn.toSorted((one, other) => one.rank - other.rank || one.index - other.index).map(({ item }) => item);
}

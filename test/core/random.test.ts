import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createId, seededRandom, systemRandom } from "../../src/core/random.ts";

const draw = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe("seeded randomness", () => {
  test("repeats itself for a seed, and lies in [0, 1)", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const numbers = draw(seed, 50);
        expect(draw(seed, 50)).toEqual(numbers);
        expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
      }),
    );
  });

  test("gives the numbers on every machine that it gave on the first", () => {
    expect(draw(7, 3)).toEqual(draw(7 + 2 ** 32, 3));
    expect(draw(1, 4).map((number) => number * 2 ** 32)).toEqual([1580013426, 350525680, 3524174333, 3011703609]);
  });

  test("is even, and neighbouring seeds have nothing in common", () => {
    const buckets = Array.from({ length: 20 }, () => 0);
    for (const number of draw(42, 20_000)) buckets[Math.floor(number * 20)]!++;
    // Chi-squared with 19 degrees of freedom: above 43.8 once in a thousand seeds.
    expect(buckets.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)).toBeLessThan(43.8);
    const [a, b] = [draw(1, 5_000), draw(2, 5_000)];
    const correlation = a.reduce((sum, x, index) => sum + (x - 0.5) * (b[index]! - 0.5), 0) / 5_000 / (1 / 12);
    expect(Math.abs(correlation)).toBeLessThan(0.05);
  });
});

describe("an id", () => {
  test("is unique, and repeatable where the randomness is", () => {
    const ids = Array.from({ length: 10_000 }, () => createId());
    expect(new Set(ids).size).toBe(10_000);
    const random = seededRandom(3);
    const seeded = Array.from({ length: 10_000 }, () => createId(random));
    expect(new Set(seeded).size).toBe(10_000);
    expect(createId(seededRandom(3))).toBe(seeded[0]);
    expect(seeded.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
  });
});

test("the process's own randomness does not repeat itself", () => {
  const numbers = Array.from({ length: 100 }, () => systemRandom.next());
  expect(new Set(numbers).size).toBe(100);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
});

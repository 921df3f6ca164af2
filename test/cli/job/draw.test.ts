import { describe, expect, test } from "vitest";
import { drawSample, inRandomOrder } from "../../../src/cli/job/draw.ts";

describe("drawSample", () => {
  test("draws each input as often as any other, over many seeds", () => {
    const counts = new Array<number>(10).fill(0);
    const draws = 4000;
    for (let seed = 0; seed < draws; seed++) for (const index of drawSample(10, 3, seed)) counts[index]!++;
    const expected = (draws * 3) / 10;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(27.9); // 9 degrees of freedom, p = 0.001
  });

  test("draws the same for one seed, and a larger draw holds the smaller", () => {
    const [small, large] = [drawSample(1000, 10, 7), drawSample(1000, 100, 7)];
    expect(drawSample(1000, 10, 7)).toEqual(small);
    expect(small.isSubsetOf(large)).toBe(true);
    expect(drawSample(1000, 10, 8)).not.toEqual(small);
  });

  test("draws all where there are fewer", () => {
    expect([...drawSample(3, 10, 1)].toSorted()).toEqual([0, 1, 2]);
    expect(drawSample(0, 10, 1).size).toBe(0);
  });
});

test("inRandomOrder gives every input once, in the order of its seed", async () => {
  async function* inputs() {
    for (let index = 0; index < 50; index++) yield { index, request: index, place: `in:${index + 1}` };
  }
  const order = async (seed: number) => {
    const found: number[] = [];
    for await (const { index } of inRandomOrder(inputs(), seed)) found.push(index);
    return found;
  };
  const first = await order(1);
  expect(first.toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
  expect(first).not.toEqual([...Array(50).keys()]);
  expect(await order(1)).toEqual(first);
  expect(await order(2)).not.toEqual(first);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addCost,
  addSpent,
  addUsage,
  completeUsage,
  nothingSpent,
  toSpent,
  type Usage,
  zeroUsage,
} from "../../src/contract/usage.ts";

const tokens = fc.nat({ max: 1_000_000 });
const anyUsage: fc.Arbitrary<Usage> = fc
  .record(
    {
      input: tokens,
      output: tokens,
      cachedInputTokens: tokens,
      cacheWriteInputTokens: tokens,
      reasoningTokens: tokens,
      estimated: fc.constant(true),
      requests: fc.nat({ max: 9 }),
    },
    { requiredKeys: ["input", "output"] },
  )
  .map(({ input, output, ...rest }) => ({
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
    ...rest,
  }));

/** A usage that says how many requests it stands for, as every sum does. */
const counted = (usage: Usage): Usage => ({ ...usage, requests: usage.requests ?? 1 });

describe("the sum of usages", () => {
  test("does not depend on their order or grouping, and nothing adds nothing", () => {
    fc.assert(
      fc.property(anyUsage, anyUsage, anyUsage, (a, b, c) => {
        expect(addUsage(a, b)).toEqual(addUsage(b, a));
        expect(addUsage(addUsage(a, b), c)).toEqual(addUsage(a, addUsage(b, c)));
        expect(addUsage(a, zeroUsage())).toEqual(counted(a));
      }),
    );
  });

  test("keeps the total the sum of its parts, and changes neither usage", () => {
    fc.assert(
      fc.property(anyUsage, anyUsage, (a, b) => {
        const sum = addUsage(Object.freeze(a), Object.freeze(b));
        expect(sum.totalTokens).toBe(sum.inputTokens + sum.outputTokens);
        expect(sum.estimated ?? false).toBe((a.estimated ?? false) || (b.estimated ?? false));
      }),
    );
  });

  test("of two failed attempts is theirs, once", () => {
    const attempts = [
      { inputTokens: 2, outputTokens: 3, totalTokens: 5 },
      { inputTokens: 5, outputTokens: 7, totalTokens: 12 },
    ];
    expect(attempts.reduce(addUsage, zeroUsage())).toEqual({
      inputTokens: 7,
      outputTokens: 10,
      totalTokens: 17,
      requests: 2,
    });
  });
});

describe("the sum of costs", () => {
  test("is unknown as soon as one of them is", () => {
    expect(addCost(0.25, 0.5)).toBe(0.75);
    expect(addCost(0, null)).toBeNull();
    expect(addCost(null, null)).toBeNull();
  });

  test("starts from nothing spent, which cannot be changed", () => {
    const spent = { usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2, requests: 1 }, costUsd: 0.1 };
    expect(addSpent(nothingSpent, spent)).toEqual(spent);
    expect(Object.isFrozen(nothingSpent) && Object.isFrozen(nothingSpent.usage)).toBe(true);
  });
});

describe("usage that leaves something out", () => {
  test.each([
    [
      { inputTokens: 3, outputTokens: 7 },
      { inputTokens: 3, outputTokens: 7, totalTokens: 10 },
    ],
    [
      { inputTokens: 3, totalTokens: 10 },
      { inputTokens: 3, outputTokens: 7, totalTokens: 10 },
    ],
    [
      { outputTokens: 7, totalTokens: 10 },
      { inputTokens: 3, outputTokens: 7, totalTokens: 10 },
    ],
    [{ totalTokens: 10 }, { inputTokens: 10, outputTokens: 0, totalTokens: 10, estimated: true }],
    [{ outputTokens: 7 }, { inputTokens: 0, outputTokens: 7, totalTokens: 7, estimated: true }],
    [{ requests: 2 }, { inputTokens: 0, outputTokens: 0, totalTokens: 0, requests: 2, estimated: true }],
  ])("%o follows from what there is, and is marked as estimated where it does not", (given, whole) => {
    expect(completeUsage(given as Usage)).toEqual(whole);
    const leftOut = [undefined, null, Number.NaN].map((nothing) => ({
      ...{ inputTokens: nothing, outputTokens: nothing, totalTokens: nothing },
      ...given,
    }));
    for (const usage of leftOut) expect(toSpent(usage as Usage, 1)).toEqual({ usage: whole, costUsd: 1 });
  });

  test("that leaves nothing out is the same", () => {
    const usage = { inputTokens: 3, outputTokens: 7, totalTokens: 12 };
    expect(completeUsage(usage)).toBe(usage);
  });

  test.each([{ inputTokens: -1 }, { outputTokens: "7" }, { totalTokens: Infinity }, "many"])(
    "%o is refused: it cannot be counted",
    (usage) => {
      expect(() => toSpent(usage as never, 0)).toThrow(/cannot be counted/);
    },
  );
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../../src/core/nearest.ts";

describe("the edit distance", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });

  it("is a metric", () => {
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });

  it("lies between the difference of the lengths and the longer one", () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });

  it.each([
    ["kitten", "sitting", 3],
    ["", "abc", 3],
    ["budget", "budgte", 2],
  ])("of %j and %j is %i", (a, b, distance) => expect(editDistance(a, b)).toBe(distance));
});

describe("the nearest name", () => {
  const known = ["maxParallel", "timeoutMs", "budget", "idempotencyKey"];

  it.each([
    ["maxParalel", "maxParallel"],
    ["max_parallel", "maxParallel"],
    ["TIMEOUTMS", "timeoutMs"],
    ["timeout", "timeoutMs"],
    ["bugdet", "budget"],
    ["temperature", undefined],
    ["", undefined],
    ["x".repeat(10_000), undefined],
  ])("to %j is %j", (written, expected) => expect(nearest(written, known)).toBe(expected));

  it("to a known name is that name", () => {
    for (const name of known) expect(nearest(name, known)).toBe(name);
    expect(nearest("anything", [])).toBeUndefined();
  });
});

import { describe, expect, test } from "vitest";
import { nearest } from "../../src/core/nearest.ts";

describe("the nearest name", () => {
  const known = ["maxParallel", "timeoutMs", "budget", "idempotencyKey"];

  test.each([
    ["maxParalel", "maxParallel"],
    ["max_parallel", "maxParallel"],
    ["TIMEOUTMS", "timeoutMs"],
    ["timeout", "timeoutMs"],
    ["bugdet", "budget"],
    ["temperature", undefined],
    ["", undefined],
    ["x".repeat(10_000), undefined],
  ])("to %j is %j", (written, expected) => expect(nearest(written, known)).toBe(expected));

  test("to a known name is that name", () => {
    for (const name of known) expect(nearest(name, known)).toBe(name);
    expect(nearest("anything", [])).toBeUndefined();
  });
});

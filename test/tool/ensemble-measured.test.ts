import { describe, expect, test } from "vitest";
import { type EnsembleRow, measureEnsemble } from "../../bench/ensemble/measure.ts";

// The small end of `npm run verify:long -- --only ensemble`.
const measured = async (correlation: number) => {
  const rows = (await measureEnsemble(correlation, 100, 3)).filter(({ stopping }) => stopping === "none");
  return rows as [EnsembleRow, EnsembleRow];
};

describe("two models that take turns, against one with as many calls", () => {
  test("are right more often where their errors are independent, and claim no more than that", async () => {
    const [one, two] = await measured(0);
    expect(two.calls).toBe(one.calls);
    expect(two.right).toBeGreaterThan(one.right + 0.04);
    expect(two.confidence).toBeLessThan(two.right);
  });

  test("are as right as one where they err alike, and claim no more than one", async () => {
    const [one, two] = await measured(1);
    expect(Math.abs(two.right - one.right)).toBeLessThan(0.04);
    expect(two.confidence).toBeLessThan(one.confidence + 0.04);
  });
});

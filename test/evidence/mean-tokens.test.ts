import { describe, expect, test } from "vitest";
import { summarize } from "../../src/evidence/summary.ts";

function meanTokens(replicates: readonly { data: unknown; tokens?: number; valid?: boolean }[]): number | undefined {
  return summarize(
    replicates.map(({ data, tokens, valid = true }, at) => ({
      id: `r${at + 1}`,
      data,
      quality: { valid },
      usage: tokens === undefined ? undefined : { totalTokens: tokens },
    })),
  ).meanTotalTokens;
}

describe("meanTotalTokens", () => {
  test("is the mean of the replicates that voted for the consensus", () => {
    expect(
      meanTokens([
        { data: "a", tokens: 100 },
        { data: "b", tokens: 900 },
        { data: "a", tokens: 300 },
      ]),
    ).toBe(200);
  });

  test("counts a replicate by how many of its fields agree", () => {
    const replicates = [
      { data: { x: 1, y: 1 }, tokens: 100 },
      { data: { x: 1, y: 1 }, tokens: 100 },
      { data: { x: 1, y: 2 }, tokens: 600 },
    ];
    expect(meanTokens(replicates)).toBe((2 * 100 + 2 * 100 + 600) / 5);
  });

  test("leaves out replicates that are invalid or do not say what they used", () => {
    expect(meanTokens([{ data: "a", tokens: 100 }, { data: "a" }, { data: "a", tokens: 700, valid: false }])).toBe(100);
  });

  test("is absent where nobody says", () => {
    expect(meanTokens([{ data: "a" }, { data: "a" }])).toBeUndefined();
    expect(meanTokens([])).toBeUndefined();
  });
});

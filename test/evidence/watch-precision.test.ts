import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { watchPrecision } from "../../src/evidence/watch-precision.ts";

const options = { precision: 0.95 };
/** Labels of which this share is right. */
function labelsOf(count: number, share: number, seed: number): boolean[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.next() < share);
}

describe("watchPrecision", () => {
  test("ever withdraws a certificate that just holds in at most 1 - confidence of all jobs", () => {
    for (const confidence of [0.9, 0.8]) {
      const watches = Array.from({ length: 500 }, (_, seed) =>
        watchPrecision(labelsOf(300, 0.95, seed), { precision: 0.95, confidence }),
      );
      const withdrawn = watches.filter(({ verdict }) => verdict === "contradicted").length;
      expect(withdrawn / 500).toBeLessThanOrEqual(1 - confidence);
      expect(withdrawn).toBeGreaterThan(0);
    }
  });

  test("says a fall of 20 points from the first label on, and one in the middle", () => {
    const median = (good: number) => {
      const delays = Array.from({ length: 101 }, (_, seed) => {
        const labels = [...labelsOf(good, 0.97, seed + 1_000), ...labelsOf(400, 0.75, seed)];
        const { after } = watchPrecision(labels, options);
        return after === null ? Number.POSITIVE_INFINITY : after - good;
      });
      return delays.sort((a, b) => a - b)[50];
    };
    expect(median(0)).toBeLessThanOrEqual(25);
    expect(median(100)).toBeLessThanOrEqual(60);
  });

  test("keeps the label at which it was contradicted first", () => {
    const labels = [...new Array<boolean>(6).fill(false), ...new Array<boolean>(500).fill(true)];
    const { verdict, after, wealth, wrongLabels } = watchPrecision(labels, options);
    expect({ verdict, wrongLabels }).toEqual({ verdict: "contradicted", wrongLabels: 6 });
    expect(after).toBeLessThanOrEqual(6);
    expect(wealth).toBeLessThan(10);
  });

  test("holds without labels", () => {
    expect(watchPrecision([], options)).toEqual({
      verdict: "holds",
      after: null,
      wealth: 1,
      labels: 0,
      wrongLabels: 0,
    });
  });

  test("refuses what is no label, no share", () => {
    expect(() => watchPrecision([1 as never], options)).toThrow("labels[0]");
    expect(() => watchPrecision([], { precision: 1 })).toThrow("precision");
    expect(() => watchPrecision([], { precision: 0.9, confidence: 0 })).toThrow("confidence");
  });
});

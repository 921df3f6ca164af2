import { describe, expect, test } from "vitest";
import {
  keptLeadProbability,
  lastingLeadProbability,
} from "../../../../src/evidence/internal/stopping/lead-probability.ts";

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}

/** B(a, b) for whole numbers. */
function betaFunction(a: number, b: number): number {
  return 1 / ((a + b - 1) * choose(a + b - 2, a - 1));
}

describe("keptLeadProbability", () => {
  test("equals the sum of the beta-binomial distribution, term by term", () => {
    for (let first = 0; first <= 12; first++) {
      for (let second = 0; second <= first; second++) {
        for (let left = 0; left <= 14; left++) {
          let sum = 0;
          for (let x = 0; x <= left; x++) {
            const term = choose(left, x) * betaFunction(x + first + 1, left - x + second + 1);
            if (first + x >= second + left - x) sum += term / betaFunction(first + 1, second + 1);
          }
          expect(keptLeadProbability(first, second, left)).toBeCloseTo(sum, 10);
        }
      }
    }
  });

  test("stays a probability for ten thousand replicates", () => {
    for (const [first, second, left] of [
      [1, 0, 9999],
      [5000, 4999, 1],
      [3000, 2900, 4100],
      [0, 0, 10_000],
    ] as const) {
      const probability = keptLeadProbability(first, second, left);
      expect(probability).toBeGreaterThanOrEqual(0.5);
      expect(probability).toBeLessThanOrEqual(1);
    }
  });
});

describe("lastingLeadProbability", () => {
  test("is one half for a tie and the known posterior of a unanimous vote", () => {
    for (let votes = 0; votes < 30; votes++) {
      expect(lastingLeadProbability(votes, votes)).toBeCloseTo(0.5, 12);
      expect(lastingLeadProbability(votes, 0)).toBeCloseTo(1 - 0.5 ** (votes + 1), 12);
    }
  });

  test("equals the integral of the beta density above one half", () => {
    const steps = 20_000;
    for (const [first, second] of [
      [3, 1],
      [7, 4],
      [12, 11],
    ] as const) {
      let area = 0;
      for (let step = 0; step < steps; step++) {
        const p = 0.5 + (step + 0.5) / (2 * steps);
        area += (p ** first * (1 - p) ** second) / (2 * steps);
      }
      expect(lastingLeadProbability(first, second)).toBeCloseTo(area / betaFunction(first + 1, second + 1), 7);
    }
  });
});

import { describe, expect, test } from "vitest";
import type { FieldState } from "../../../../src/evidence/internal/stopping/field-rule.ts";
import { certified } from "../../../../src/evidence/internal/stopping/stopping-judges.ts";

const state = (first: number, second: number, distinct = 2): FieldState => ({
  first,
  second,
  distinct,
  valid: first + second,
  seen: first + second,
  left: 100,
});

/** The evidence itself: the margin at an error of 1 is its logarithm. */
const evidence = (a: number, b: number) => Math.exp(certified(1).margin(state(Math.max(a, b), Math.min(a, b))));

describe("certified", () => {
  test("weighs evidence that is a martingale under a tie, so that one may look after every replicate", () => {
    for (let a = 0; a <= 20; a++) {
      for (let b = 0; b <= 20; b++) {
        const next = (evidence(a + 1, b) + evidence(a, b + 1)) / 2;
        expect(next / evidence(a, b)).toBeCloseTo(1, 9);
      }
    }
  });

  test("is wrong at most as often as its error says on fair coins, however long it may look", () => {
    const error = 0.05;
    const rule = certified(error);
    const tosses = 200;
    let alive = new Map([[0, 1]]);
    let stopped = 0;
    for (let seen = 1; seen <= tosses; seen++) {
      const next = new Map<number, number>();
      for (const [heads, probability] of alive) {
        for (const now of [heads, heads + 1]) {
          const leader = Math.max(now, seen - now);
          if (rule.margin(state(leader, seen - leader)) >= 0) stopped += probability / 2;
          else next.set(now, (next.get(now) ?? 0) + probability / 2);
        }
      }
      alive = next;
    }
    expect(stopped).toBeLessThanOrEqual(error);
    expect(stopped).toBeGreaterThan(error / 10);
  });

  test("asks for more evidence where there are more answers to be wrong with", () => {
    expect(certified(0.05).margin(state(9, 0, 2))).toBeGreaterThan(certified(0.05).margin(state(9, 0, 5)));
  });
});

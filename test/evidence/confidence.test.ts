import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldConfidence, textConfidence } from "../../src/evidence/internal/field-summary.ts";

/** Counts that a vote can have: the winner has most, and every other answer at least one. */
const vote = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }))
  .map(([votes, distinct]) => ({ votes, distinct, valid: votes + (distinct - 1) }));

describe("fieldConfidence", () => {
  test("is (votes + 1) / (valid + distinct + 1)", () => {
    expect(fieldConfidence({ votes: 5, valid: 5, distinct: 1 })).toBeCloseTo(6 / 7, 12);
    expect(fieldConfidence({ votes: 3, valid: 5, distinct: 3 })).toBeCloseTo(4 / 9, 12);
  });

  test("is 0 without a valid replicate", () => {
    expect(fieldConfidence({ votes: 0, valid: 0, distinct: 0 })).toBe(0);
  });

  test("lies within (0, 1), rises with votes, falls with answers", () => {
    fc.assert(
      fc.property(vote, ({ votes, valid, distinct }) => {
        const confidence = fieldConfidence({ votes, valid, distinct });
        expect(confidence).toBeGreaterThan(0);
        expect(confidence).toBeLessThan(1);
        expect(fieldConfidence({ votes: votes + 1, valid: valid + 1, distinct })).toBeGreaterThan(confidence);
        expect(fieldConfidence({ votes, valid, distinct: distinct + 1 })).toBeLessThan(confidence);
      }),
    );
  });
});

describe("textConfidence", () => {
  test("is (valid * score + 1/2) / (valid + 1)", () => {
    expect(textConfidence({ score: 1, valid: 5 })).toBeCloseTo(5.5 / 6, 12);
    expect(textConfidence({ score: 0.4, valid: 5 })).toBeCloseTo(2.5 / 6, 12);
  });

  test("is 0 without a valid replicate", () => {
    expect(textConfidence({ score: 0, valid: 0 })).toBe(0);
  });

  test("rises with the score, and with replicates where all are equal", () => {
    expect(textConfidence({ score: 0.9, valid: 5 })).toBeGreaterThan(textConfidence({ score: 0.8, valid: 5 }));
    expect(textConfidence({ score: 1, valid: 6 })).toBeGreaterThan(textConfidence({ score: 1, valid: 5 }));
  });
});

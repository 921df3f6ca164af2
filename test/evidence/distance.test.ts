import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pairwiseDistance } from "../../src/evidence/distance.ts";
import { answers, anyJson, record } from "./support/replicates.ts";

const at = (matrix: (number | null)[][], row: number, column: number) => matrix[row]?.[column] as number;
const between = (a: unknown, b: unknown, options?: Parameters<typeof pairwiseDistance>[1]) =>
  at(pairwiseDistance([a, b], options), 0, 1);

const sentence = fc.array(fc.constantFrom("the", "cat", "sat", "not", "mat", "12"), { maxLength: 6 });
const texts = fc.array(
  sentence.map((words) => words.join(" ")),
  { minLength: 1, maxLength: 6 },
);
const weights = fc.dictionary(
  fc.constantFrom("/severity", "/count", "/tags", "/place", "/place/city"),
  fc.double({ min: 0, max: 3, noNaN: true }),
);

describe("pairwiseDistance", () => {
  test("is symmetric, zero on the diagonal, and in [0, 1]", () => {
    const options = fc.constantFrom({}, { text: true }, { tolerance: 0.5 }, { tolerance: { absolute: 1 } });
    fc.assert(
      fc.property(fc.oneof(answers, texts), options, weights, (values, compare, weigh) => {
        const matrix = pairwiseDistance(values, { ...compare, weights: weigh });
        values.forEach((_, row) => {
          expect(at(matrix, row, row)).toBe(0);
          values.forEach((__, column) => {
            expect(at(matrix, row, column)).toBe(at(matrix, column, row));
            expect(at(matrix, row, column)).toBeGreaterThanOrEqual(0);
            expect(at(matrix, row, column)).toBeLessThanOrEqual(1);
          });
        });
      }),
      { numRuns: 300 },
    );
  });

  test("keeps the triangle inequality for leaves compared exactly, whatever their weights", () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.oneof(record, anyJson), fc.oneof(record, anyJson), fc.oneof(record, anyJson)),
        weights,
        (three, weigh) => {
          const matrix = pairwiseDistance(three, { text: false, weights: weigh });
          expect(at(matrix, 0, 2)).toBeLessThanOrEqual(at(matrix, 0, 1) + at(matrix, 1, 2) + 1e-12);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("is the same for two values compared exactly and by position, whatever else is compared", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(record, anyJson), { minLength: 2, maxLength: 6 }), (values) => {
        const exact = { text: false, lists: "position" } as const;
        expect(at(pairwiseDistance(values, exact), 0, 1)).toBeCloseTo(between(values[0], values[1], exact), 12);
      }),
    );
  });

  test("is the share of the leaves of both that differ", () => {
    expect(between({ a: 1, b: 1 }, { a: 1, b: 2 })).toBe(0.5);
    expect(between({ a: 1 }, { a: 1, b: 2, c: 3 })).toBeCloseTo(2 / 3, 12);
    expect(between([1, 2], [1])).toBe(0.5);
    expect(between([1], { 0: 1 })).toBe(1);
    expect(between({}, [])).toBe(1);
    expect(between(1, "1")).toBe(1);
    expect(between(undefined, null)).toBe(0);
    expect(pairwiseDistance([])).toEqual([]);
  });

  test("puts numbers with a tolerance between 0 and 1, one half at the tolerance", () => {
    expect(between(10, 10.5, { tolerance: { absolute: 1 } })).toBeCloseTo(0.25, 12);
    expect(between(10, 11, { tolerance: { absolute: 1 } })).toBeCloseTo(0.5, 12);
    expect(between(10, 13, { tolerance: { absolute: 1 } })).toBe(1);
    expect(between(100, 90, { tolerance: 0.1 })).toBeCloseTo(0.5, 12);
    expect(between(0, 0, { tolerance: 0 })).toBe(0);
  });

  test("puts strings at 0 where they give the same answer, and at 1 where they do not, however alike they are", () => {
    expect(between("**Paris**", "Paris.")).toBe(0);
    expect(between("**Paris**", "Paris.", { text: "exact" })).toBe(1);
    expect(between("**Paris**", "Paris.", { text: false })).toBe(1);
    for (const text of [undefined, true, "same", "exact"] as const)
      expect(between("legal", "illegal", { text })).toBe(1);
    const long =
      "The patient was admitted on Monday; the prescribed dose of metformin is 50 mg twice a day with meals.";
    expect(between(long, long.replace("50", "500"))).toBe(1);
    expect(between(long, `${long.slice(0, -1)}!`)).toBe(0);
  });

  test("puts texts of a similarity where that puts them, short ones too", () => {
    const similarity = (a: string, b: string) => Math.min(a.length, b.length) / Math.max(a.length, b.length);
    expect(between("four", "fivefive", { similarity })).toBe(0.5);
    expect(between("four", "fivefive", { similarity, text: "exact" })).toBe(1);
  });

  test("weighs a field, and all below it, as the caller says", () => {
    const [a, b] = [
      { x: 1, deep: { y: 1, z: 1 } },
      { x: 2, deep: { y: 1, z: 1 } },
    ];
    expect(between(a, b, { weights: { "/x": 2 } })).toBe(0.5);
    expect(between(a, b, { weights: { "/deep": 0 } })).toBe(1);
    expect(between(a, b, { weights: { "/deep": 0, "/deep/y": 1 } })).toBe(0.5);
    expect(between(a, b, { weights: { "/x": 0 } })).toBe(0);
  });
});

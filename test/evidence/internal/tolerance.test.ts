import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompareOptions } from "../../../src/contract/bundle-options.ts";
import { toleranceSteps } from "../../../src/evidence/internal/tolerance.ts";
import { summarize } from "../../../src/evidence/summary.ts";
import { replicatesOf } from "../support/replicates.ts";

const fieldOf = (values: readonly unknown[], tolerance: CompareOptions["tolerance"]) =>
  summarize(replicatesOf(values), { tolerance }).fields[""];

describe("a tolerance", () => {
  test("groups numbers within it, and gives the median of the largest group", () => {
    expect(fieldOf([100, 101, 102, 150], { absolute: 2 })).toMatchObject({ value: 101, support: 3 });
    expect(fieldOf([100, 101, 110, 150], 0.1)).toMatchObject({ value: 101, support: 3 });
  });

  test("gives the lower of two middle values, so that the value was an answer", () => {
    expect(fieldOf([10, 11], { absolute: 1 })?.value).toBe(10);
    expect(fieldOf([10, 11, 11], { absolute: 1 })?.value).toBe(11);
  });

  test("joins the closest first, and never two numbers further apart than it", () => {
    expect(fieldOf([0.95, 1.04, 1.05, 1.06, 1.14], { absolute: 0.1 })).toMatchObject({ value: 1.05, support: 4 });
    const numbers = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(numbers, fc.constantFrom(0.1, { absolute: 5 }), (values, tolerance) => {
        const { values: said } = summarize(replicatesOf(values), { tolerance }).disagreements[0] ?? { values: [] };
        for (const { replicateIds } of said) {
          const group = replicateIds.map((id) => values[Number(id.slice(1)) - 1] as number);
          expect(toleranceSteps(Math.min(...group), Math.max(...group), tolerance)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test("leaves everything that is no number compared exactly", () => {
    expect(fieldOf(["1", 1, 1.01, null, Number.NaN], 0.05)?.distribution.map(({ support }) => support)).toEqual([
      2, 1, 1, 1,
    ]);
  });

  test("of zero is equality", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 1.5), { minLength: 1, maxLength: 8 }), (values) => {
        expect(fieldOf(values, 0)?.support).toBe(fieldOf(values, undefined)?.support);
      }),
    );
  });
});

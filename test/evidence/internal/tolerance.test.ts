import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompareOptions } from "../../../src/contract/bundle-options.ts";
import { Field } from "../../../src/evidence/internal/field.ts";
import { FieldComparison } from "../../../src/evidence/internal/field-comparison.ts";
import { groupingWithinTolerance, toleranceSteps } from "../../../src/evidence/internal/tolerance.ts";
import { summarize } from "../../../src/evidence/summary.ts";
import { replicatesOf } from "../support/replicates.ts";

/** The closest two groups are joined until none are within the tolerance. */
function supportsByHand(values: readonly number[], tolerance: number | { absolute: number }): number[] {
  const groups = [...new Set(values)].sort((a, b) => a - b).map((value) => [value]);
  for (;;) {
    const steps = groups.slice(1).map((group, at) => {
      return toleranceSteps(groups[at]?.[0] as number, group.at(-1) as number, tolerance);
    });
    const closest = steps.indexOf(Math.min(...steps));
    if (closest < 0 || (steps[closest] as number) > 1) break;
    groups[closest]?.push(...(groups.splice(closest + 1, 1)[0] as number[]));
  }
  return groups.map((group) => values.filter((value) => group.includes(value)).length).sort((a, b) => b - a);
}

/** Steps of grouping so many numbers. */
function stepsOf(count: number) {
  const field = new Field(FieldComparison.of({}));
  for (let row = 0; row < count; row++) field.record(row, ((row * 7_919) % 1_009) + row / count);
  const work = groupingWithinTolerance(field, { absolute: 3 });
  let [all, longest] = [0, 0];
  for (let next = work.next(); ; next = work.next()) {
    if (next.done) return { all, longest, joined: count - next.value.length };
    all += next.value;
    longest = Math.max(longest, next.value);
  }
}

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

  test("joins as one would by hand", () => {
    const numbers = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 14 });
    fc.assert(
      fc.property(numbers, fc.constantFrom(0.1, 0.5, { absolute: 3 }), (values, tolerance) => {
        const supports = fieldOf(values, tolerance)?.distribution.map(({ support }) => support);
        expect(supports).toEqual(supportsByHand(values, tolerance));
      }),
    );
  });

  test("takes steps in line with the number of values, and pauses between them", () => {
    const [few, many] = [1_000, 4_000].map((count) => stepsOf(count));
    expect(many?.all).toBeLessThan(6 * (few?.all as number));
    expect(many?.longest).toBeLessThanOrEqual(4_100);
    expect(many?.joined).toBeGreaterThan(1_000);
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

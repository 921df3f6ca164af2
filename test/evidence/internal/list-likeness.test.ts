import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assign } from "../../../src/evidence/internal/list-likeness.ts";

function leastCost(costs: readonly (readonly number[])[], taken: ReadonlySet<number> = new Set()): number {
  const [row, ...rest] = costs;
  if (!row) return 0;
  const free = [...row.keys()].filter((column) => !taken.has(column));
  return Math.min(...free.map((column) => (row[column] as number) + leastCost(rest, new Set([...taken, column]))));
}

const cost = fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const matrices = fc
  .integer({ min: 1, max: 6 })
  .chain((columns) => fc.array(fc.array(cost, { minLength: columns, maxLength: columns }), { maxLength: columns }));

describe("assign", () => {
  test("gives every row a column of its own, at the least cost of all ways to do so", () => {
    fc.assert(
      fc.property(matrices, (costs) => {
        const columns = assign(costs);
        expect(new Set(columns).size).toBe(costs.length);
        const total = costs.reduce((sum, row, index) => sum + (row[columns[index] as number] as number), 0);
        expect(total).toBeCloseTo(leastCost(costs), 9);
      }),
      { numRuns: 500 },
    );
  });
});

import type { CompareOptions } from "../contract/bundle-options.ts";
import { FieldComparison } from "./internal/field-comparison.ts";
import { tableOf } from "./internal/list-alignment.ts";
import { RowDistances } from "./internal/row-distance.ts";

/**
 * The distance of every two values: the weighted mean over the fields that at least one of them has (0 equal, 1 not;
 * texts and numbers with a tolerance between).
 *
 * @returns `matrix[i][j]` in [0, 1]; symmetric, zero on the diagonal. The triangle inequality holds where all fields are
 * compared exactly.
 * @throws InvalidOptionsError where the options cannot be used, or a value contains itself
 *
 * @example
 * ```ts
 * pairwiseDistance([{ a: 1, b: 1 }, { a: 1, b: 2 }]); // [[0, 0.5], [0.5, 0]]
 * ```
 */
export function pairwiseDistance(values: readonly unknown[], options?: CompareOptions): (number | null)[][] {
  const table = tableOf(values, FieldComparison.of(options));
  return new RowDistances(table.fields).matrix(table.rows);
}

import { codeIn, RowDistances } from "./row-distance.ts";
import type { ValueTable } from "./value-table.ts";

/** The row whose distances to all others have the least sum; of equal ones the first. */
export function medoidRow({ fields, rows }: ValueTable): number {
  const distances = new RowDistances(fields);
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let row = 0; row < rows; row++) {
    const total = distances.from(codeIn(row), rows).reduce((sum, distance) => sum + distance, 0);
    if (total < least) [best, least] = [row, total];
  }
  return best;
}

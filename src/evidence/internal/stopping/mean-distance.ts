/**
 * Job: know the mean distance of the replicates seen so far, one replicate after the other.
 * Boundary: a distance and nothing else; it asks neither which answer leads nor how many are left.
 * Invariants:
 * 1. `totals[row]` is the sum of the distances of that row to all others.
 * 2. Sums made before a field came, or before list items moved, are not used afterwards.
 */

import type { Slices } from "../../../core/slices.ts";
import type { Field } from "../field.ts";
import { codeIn, RowDistances } from "../row-distance.ts";
import type { ValueTable } from "../value-table.ts";
import { slack } from "./field-rule.ts";

export class MeanDistance {
  #table: ValueTable | undefined;
  #fields = 0;
  #distances = new RowDistances([]);
  #totals: number[] = [];
  #sum = 0;

  /** Takes in the rows that are new in the table. */
  *update(table: ValueTable, fields: readonly Field[]): Slices<void> {
    if (table !== this.#table || fields.length !== this.#fields) {
      this.#table = table;
      this.#fields = fields.length;
      this.#distances = new RowDistances(fields);
      this.#totals = [];
      this.#sum = 0;
    }
    for (let row = this.#totals.length; row < table.rows; row++) {
      this.#add(row);
      yield ((fields.length + 1) * (row + 16)) / 64;
    }
  }

  /** The mean distance of every two rows; 0 of fewer than two. */
  get mean(): number {
    return meanOf(this.#sum, this.#totals.length);
  }

  /** True if two or more rows are this near to each other. */
  isWithin(epsilon: number): boolean {
    return this.#totals.length >= 2 && this.mean <= epsilon + slack;
  }

  /**
   * The fewest further rows with which the mean can come down to `epsilon`; at most `left`. They are taken to be alike,
   * and as near to the others as can be: the leading value of every field, or a row that is there.
   */
  fewestToReach(epsilon: number, left: number): number {
    const rows = this.#totals.length;
    const nearest = this.#totals.reduce((least, total) => Math.min(least, total), this.#totalOfLeaders());
    for (let more = Math.max(1, 2 - rows); more < left; more++) {
      if (meanOf(this.#sum + more * nearest, rows + more) <= epsilon + slack) return more;
    }
    return left;
  }

  #add(row: number): void {
    const distances = this.#distances.from(codeIn(row), row);
    const total = sumOf(distances);
    distances.forEach((distance, other) => {
      this.#totals[other] = (this.#totals[other] as number) + distance;
    });
    this.#totals.push(total);
    this.#sum += total;
  }

  #totalOfLeaders(): number {
    return sumOf(this.#distances.from((field) => field.leader, this.#totals.length));
  }
}

function meanOf(sum: number, rows: number): number {
  return rows < 2 ? 0 : sum / ((rows * (rows - 1)) / 2);
}

function sumOf(numbers: Float64Array): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

import type { Field } from "./field.ts";
import { LeafLikeness } from "./leaf-likeness.ts";

/**
 * Job: say what it costs rows to differ from a leaf in a field: the field's weight times the distance of their leaves.
 * Boundary: a field may learn further leaves between calls; its way of comparing must not change.
 * Invariants:
 * 1. After `addTo`, each sum has grown by the cost of its row, less what `addTo` gives back: the cost common to all.
 * 2. Where leaves are compared exactly, only rows that are unlike most are touched: for all pairs of rows those are few,
 *    whether the rows agree or differ.
 */
export class LeafCosts {
  readonly field: Field;
  readonly #likeness: LeafLikeness | undefined;

  constructor(field: Field) {
    this.field = field;
    this.#likeness = field.isExact ? undefined : new LeafLikeness(field);
  }

  between(a: number, b: number): number {
    if (a === b) return 0;
    const { weight } = this.field.rules;
    return this.#likeness ? weight * (1 - this.#likeness.of(a, b)) : weight;
  }

  /** @param sums by row; may be shorter than the field */
  addTo(sums: Float64Array, code: number): number {
    const { leader, rows, rules } = this.field;
    if (this.#likeness) this.#addEach(sums, code);
    else if (code !== leader) {
      addAt(sums, rows[code] as number[], -rules.weight);
      return rules.weight;
    } else
      rows.forEach((own, other) => {
        if (other !== leader) addAt(sums, own, rules.weight);
      });
    return 0;
  }

  #addEach(sums: Float64Array, code: number): void {
    const { codes, leaves } = this.field;
    const known = new Float64Array(leaves.length).fill(-1);
    for (let row = 0; row < sums.length; row++) {
      const other = codes[row] as number;
      if ((known[other] as number) < 0) known[other] = this.between(code, other);
      sums[row] = (sums[row] as number) + (known[other] as number);
    }
  }
}

/** Adds to the sums of rows. */
export function addAt(sums: Float64Array, rows: readonly number[], cost: number): void {
  for (const row of rows) {
    if (row >= sums.length) return;
    sums[row] = (sums[row] as number) + cost;
  }
}

import type { Field } from "./field.ts";
import { LeafLikeness } from "./leaf-likeness.ts";

/**
 * Job: say what it costs two rows to differ in a field: the field's weight times the distance of their leaves.
 * Boundary: a field may learn further leaves between calls; its way of comparing must not change.
 * Invariants:
 * 1. `from(code)[other]` is that cost, and 0 where the two are equal.
 * 2. What `from` gave is right until the next call.
 */
export class LeafCosts {
  readonly field: Field;
  readonly #likeness: LeafLikeness | undefined;
  #costs = new Float64Array();
  #last = 0;
  #codes = new Int32Array();

  constructor(field: Field) {
    this.field = field;
    this.#likeness = field.isExact ? undefined : new LeafLikeness(field);
  }

  /** The field's codes, by row, as a typed array: sums over rows take half the time. */
  get codes(): Int32Array {
    const { codes } = this.field;
    if (this.#codes.length !== codes.length) this.#codes = Int32Array.from(codes);
    return this.#codes;
  }

  from(code: number): Float64Array {
    const { leaves, rules } = this.field;
    if (this.#costs.length < leaves.length) this.#costs = new Float64Array(2 * leaves.length).fill(rules.weight);
    if (this.#likeness) this.#fill(code, this.#likeness);
    else {
      this.#costs[this.#last] = rules.weight;
      this.#costs[code] = 0;
      this.#last = code;
    }
    return this.#costs;
  }

  #fill(code: number, likeness: LeafLikeness): void {
    const { leaves, rules } = this.field;
    for (let other = 0; other < leaves.length; other++) {
      this.#costs[other] = rules.weight * (1 - likeness.of(code, other));
    }
  }
}

import type { Field } from "./field.ts";
import { leafSimilarity } from "./leaf-similarity.ts";

/**
 * Job: say what it costs two rows to differ in a field: the field's weight times the distance of their leaves.
 * Boundary: a field may learn further leaves between calls; its way of comparing must not change.
 * Invariants:
 * 1. `from(code)[other]` is that cost, and 0 where the two are equal.
 * 2. What `from` gave is right until the next call.
 */
export class LeafCosts {
  readonly field: Field;
  readonly #isExact: boolean;
  /** Of fields compared exactly: everything costs the weight but the code last asked for. */
  #exact = new Float64Array();
  #last = 0;
  /** Of other fields: by code. */
  readonly #known: Float64Array[] = [];

  constructor(field: Field) {
    this.field = field;
    this.#isExact = field.isExact;
  }

  from(code: number): Float64Array {
    return this.#isExact ? this.#exactFrom(code) : this.#similarFrom(code);
  }

  #exactFrom(code: number): Float64Array {
    const { leaves, rules } = this.field;
    if (this.#exact.length < leaves.length) this.#exact = new Float64Array(2 * leaves.length).fill(rules.weight);
    else this.#exact[this.#last] = rules.weight;
    this.#exact[code] = 0;
    this.#last = code;
    return this.#exact;
  }

  #similarFrom(code: number): Float64Array {
    const { leaves, rules } = this.field;
    const known = this.#known[code];
    if (known?.length === leaves.length) return known;
    const costs = Float64Array.from(leaves, (_, other) => {
      const mirrored = known?.[other] ?? this.#known[other]?.[code];
      return mirrored ?? rules.weight * (1 - leafSimilarity(this.field, code, other));
    });
    this.#known[code] = costs;
    return costs;
  }
}

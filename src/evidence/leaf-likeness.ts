import type { Field } from "./field.ts";
import { TextComparison } from "./text/text-comparison.ts";
import { toleranceSteps } from "./tolerance.ts";

/**
 * Job: say how alike two leaves of a field are, in [0, 1]: 1 equal, 0 different; between for texts, and for numbers with
 * a tolerance, which fall to 0 at twice the tolerance. So 0.5 parts one answer from two for both.
 * Boundary: a field may learn further leaves between calls; its way of comparing must not change.
 * Invariants:
 * 1. Symmetric, and 1 for a code and itself.
 * 2. A text is compared once with each before it.
 */
export class LeafLikeness {
  readonly #field: Field;
  readonly #texts = new TextComparison();
  /** By code of a text: how alike it is to the texts of lower codes, by their number. */
  readonly #rows: (Float64Array | undefined)[] = [];
  /** By code of a text: how many texts have lower codes. */
  readonly #numbers: number[] = [];
  #textCount = 0;

  constructor(field: Field) {
    this.#field = field;
  }

  of(a: number, b: number): number {
    if (a === b) return 1;
    const { leaves, isText, rules } = this.#field;
    const [left, right] = [leaves[a], leaves[b]];
    if (isText && typeof left === "string" && typeof right === "string") {
      return rules.similarity ? rules.similarity(left, right) : this.#ofTexts(Math.max(a, b), Math.min(a, b));
    }
    if (rules.tolerance === undefined || typeof left !== "number" || typeof right !== "number") return 0;
    return Math.max(0, 1 - toleranceSteps(left, right, rules.tolerance) / 2);
  }

  #ofTexts(later: number, earlier: number): number {
    for (let code = this.#numbers.length; code <= later; code++) {
      const profile = this.#field.profileOf(code);
      this.#numbers.push(this.#textCount);
      if (!profile) continue;
      this.#rows[code] = this.#texts.add(profile).similarities.slice(0, this.#textCount);
      this.#textCount++;
    }
    return this.#rows[later]?.[this.#numbers[earlier] as number] as number;
  }
}

import type { Field } from "./field.ts";
import { leafSimilarity } from "./leaf-similarity.ts";

/** A row that need not stand in the table: the code of its leaf, by field. */
export type CodeOf = (field: Field) => number;

export function codeIn(row: number): CodeOf {
  return (field) => field.codes[row] ?? 0;
}

/**
 * Distances between rows of a table: the weighted mean over the fields that at least one of the two has. For leaves
 * compared exactly it is a metric: the chance that two rows differ in the first field of a random order (Broder 1997).
 */
export class RowDistances {
  readonly #fields: readonly Field[];
  readonly #similarities = new Map<Field, Map<number, number>>();

  /** @param fields the fields that count */
  constructor(fields: readonly Field[]) {
    this.#fields = fields;
  }

  /** The distances of a row to the first `rows` rows, each in [0, 1]. */
  from(codeOf: CodeOf, rows: number): number[] {
    const differing = new Float64Array(rows);
    const compared = new Float64Array(rows);
    for (const field of this.#fields) this.#add(field, codeOf(field), differing, compared);
    return Array.from(differing, (sum, row) => {
      const total = compared[row] as number;
      return total > 0 ? Math.min(1, sum / total) : 0;
    });
  }

  /** The distances of every two of the first `rows` rows: symmetric, zero on the diagonal. */
  matrix(rows: number): number[][] {
    const matrix = Array.from({ length: rows }, () => new Array<number>(rows).fill(0));
    for (let row = 1; row < rows; row++) {
      this.from(codeIn(row), row).forEach((distance, earlier) => {
        (matrix[row] as number[])[earlier] = distance;
        (matrix[earlier] as number[])[row] = distance;
      });
    }
    return matrix;
  }

  #add(field: Field, code: number, differing: Float64Array, compared: Float64Array): void {
    const { codes, isExact, rules } = field;
    for (let row = 0; row < differing.length; row++) {
      const other = codes[row] as number;
      if (code === 0 && other === 0) continue;
      compared[row] = (compared[row] as number) + rules.weight;
      if (code === other) continue;
      const distance = isExact ? 1 : 1 - this.#similarity(field, code, other);
      differing[row] = (differing[row] as number) + rules.weight * distance;
    }
  }

  #similarity(field: Field, a: number, b: number): number {
    let known = this.#similarities.get(field);
    if (!known) {
      known = new Map();
      this.#similarities.set(field, known);
    }
    const pair = Math.max(a, b) * 0x200_0000 + Math.min(a, b);
    const similarity = known.get(pair) ?? leafSimilarity(field, a, b);
    known.set(pair, similarity);
    return similarity;
  }
}

import type { Field } from "./field.ts";
import { addAt, LeafCosts } from "./leaf-costs.ts";

/** A row, which need not stand in the table: the code of its leaf, by field. */
export type CodeOf = (field: Field) => number;

export function codeIn(row: number): CodeOf {
  return (field) => field.codes[row] as number;
}

/** Less than this part of all weights is what adding and subtracting them leaves of nothing. */
const rounding = 1e-12;

/** Rows made with a fraction are stored as floats from the start, which halves the time of a matrix. */
const someFraction = 0.5;

/**
 * Distances between rows of a table: the weighted mean over the fields that at least one of the two has. For leaves
 * compared exactly it is a metric: the chance that two rows differ in the first of their fields, in a random order of
 * all fields (Broder 1997).
 */
export class RowDistances {
  readonly #costs: readonly LeafCosts[];
  readonly #weight: number;

  /** @param fields the fields that count */
  constructor(fields: readonly Field[]) {
    this.#costs = fields.map((field) => new LeafCosts(field));
    this.#weight = fields.reduce((sum, { rules }) => sum + rules.weight, 0);
  }

  /** The distance of two rows, in [0, 1]. */
  between(a: CodeOf, b: CodeOf): number {
    let [cost, weight] = [0, 0];
    for (const costs of this.#costs) {
      const [own, other] = [a(costs.field), b(costs.field)];
      if (own === 0 && other === 0) continue;
      cost += costs.between(own, other);
      weight += costs.field.rules.weight;
    }
    return this.#share(cost, weight);
  }

  /** The distances of a row to the first `rows` rows of the table, each in [0, 1]. */
  from(codeOf: CodeOf, rows: number): Float64Array {
    const distances = new Float64Array(rows);
    const weights = new Float64Array(rows).fill(this.#weight);
    let common = 0;
    for (const costs of this.#costs) {
      const { field } = costs;
      const code = codeOf(field);
      common += costs.addTo(distances, code);
      if (code === 0) addAt(weights, field.rows[0] as number[], -field.rules.weight);
    }
    for (let row = 0; row < rows; row++) {
      distances[row] = this.#share(common + (distances[row] as number), weights[row] as number);
    }
    return distances;
  }

  /** The distances of every two of the first `rows` rows: symmetric, zero on the diagonal. */
  matrix(rows: number): number[][] {
    const matrix = Array.from({ length: rows }, () => new Array<number>(rows).fill(someFraction));
    for (let row = 0; row < rows; row++) {
      const own = matrix[row] as number[];
      const distances = this.from(codeIn(row), row);
      for (let earlier = 0; earlier < row; earlier++) {
        const distance = distances[earlier] as number;
        own[earlier] = distance;
        (matrix[earlier] as number[])[row] = distance;
      }
      own[row] = 0;
    }
    return matrix;
  }

  #share(cost: number, weight: number): number {
    return cost > rounding * this.#weight ? Math.min(1, cost / weight) : 0;
  }
}

import type { Slices } from "../../core/slices.ts";
import type { Field } from "./field.ts";
import { TextComparison } from "./text/text-comparison.ts";
import { toleranceSteps } from "./tolerance.ts";
import type { ValueTable } from "./value-table.ts";

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

/** Limit of rows above which only the most central ones can be the medoid. */
const mostCandidates = 200;

/**
 * Returns the row whose distances to all others have the least sum; of equal ones the first. Of very many rows, those
 * are compared whose leaves have most votes.
 */
export function* medoidRow({ fields, rows }: ValueTable): Slices<number> {
  const distances = new RowDistances(fields);
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const row of centralRows(fields, rows)) {
    const total = distances.from(codeIn(row), rows).reduce((sum, distance) => sum + distance, 0);
    if (total < least) [best, least] = [row, total];
    yield (fields.length * rows) / 64;
  }
  return best;
}

/** Rows in order, of equal ones the first: all, or the most central ones. */
function centralRows(fields: readonly Field[], rows: number): number[] {
  const all = Array.from({ length: rows }, (_, row) => row);
  if (rows <= mostCandidates) return all;
  const votes = new Float64Array(rows);
  for (const { codes, rows: rowsOf, rules } of fields) {
    for (let row = 0; row < rows; row++) {
      const own = (rowsOf[codes[row] as number] as number[]).length;
      votes[row] = (votes[row] as number) + rules.weight * own;
    }
  }
  const central = all.sort((a, b) => (votes[b] as number) - (votes[a] as number) || a - b).slice(0, mostCandidates);
  return central.sort((a, b) => a - b);
}

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
function addAt(sums: Float64Array, rows: readonly number[], cost: number): void {
  for (const row of rows) {
    if (row >= sums.length) return;
    sums[row] = (sums[row] as number) + cost;
  }
}

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
  #texts: TextComparison | undefined;
  /** Likeness of a text to the texts of lower codes, by code and their number. */
  readonly #rows: (Float64Array | undefined)[] = [];
  /** Number of texts with lower codes, by code. */
  readonly #numbers: number[] = [];
  #textCount = 0;

  constructor(field: Field) {
    this.#field = field;
  }

  of(a: number, b: number): number {
    if (a === b) return 1;
    const { leaves, isText, isBySimilarity, rules } = this.#field;
    const [left, right] = [leaves[a], leaves[b]];
    if ((isText || isBySimilarity) && typeof left === "string" && typeof right === "string") {
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
      this.#texts ??= new TextComparison();
      this.#rows[code] = this.#texts.add(profile).similarities.slice(0, this.#textCount);
      this.#textCount++;
    }
    return this.#rows[later]?.[this.#numbers[earlier] as number] as number;
  }
}

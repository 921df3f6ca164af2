/**
 * The assignment of rows to columns, each at most once, with the least total cost: the Hungarian method (Kuhn 1955) by
 * shortest augmenting paths (Jonker and Volgenant 1987), in O(rows² columns).
 *
 * @param costs by row, then by column; no more rows than columns
 * @returns the column of each row
 */
export function assign(costs: readonly (readonly number[])[]): number[] {
  const assignment = new Assignment(costs);
  for (let row = 1; row <= costs.length; row++) assignment.give(row);
  return assignment.columns();
}

/** Rows and columns count from 1; column 0 stands for the row that looks for a column, row 0 for no row. */
class Assignment {
  readonly #costs: readonly (readonly number[])[];
  readonly #width: number;
  readonly #rowPrice: number[];
  readonly #columnPrice: number[];
  readonly #rowOf: number[];

  constructor(costs: readonly (readonly number[])[]) {
    this.#costs = costs;
    this.#width = (costs[0]?.length ?? 0) + 1;
    this.#rowPrice = zeros(costs.length + 1);
    this.#columnPrice = zeros(this.#width);
    this.#rowOf = zeros(this.#width);
  }

  /** Gives a row a column: others move along the cheapest path that ends at a free one. */
  give(row: number): void {
    this.#rowOf[0] = row;
    const cameFrom = zeros(this.#width);
    const slack = zeros(this.#width).fill(Number.POSITIVE_INFINITY);
    const reached = new Set<number>();
    let column = 0;
    do {
      reached.add(column);
      this.#lookFrom(column, reached, slack, cameFrom);
      column = this.#nearest(reached, slack);
      this.#reprice(slack[column] as number, reached, slack);
    } while (this.#rowOf[column] !== 0);
    while (column !== 0) {
      const previous = cameFrom[column] as number;
      this.#rowOf[column] = this.#rowOf[previous] as number;
      column = previous;
    }
  }

  columns(): number[] {
    const columnOf = zeros(this.#costs.length);
    for (let column = 1; column < this.#width; column++) {
      const row = this.#rowOf[column] as number;
      if (row > 0) columnOf[row - 1] = column - 1;
    }
    return columnOf;
  }

  #lookFrom(from: number, reached: ReadonlySet<number>, slack: number[], cameFrom: number[]): void {
    const row = this.#rowOf[from] as number;
    const costs = this.#costs[row - 1] as readonly number[];
    for (let column = 1; column < this.#width; column++) {
      if (reached.has(column)) continue;
      const price = (this.#rowPrice[row] as number) + (this.#columnPrice[column] as number);
      const reduced = (costs[column - 1] as number) - price;
      if (reduced >= (slack[column] as number)) continue;
      slack[column] = reduced;
      cameFrom[column] = from;
    }
  }

  #nearest(reached: ReadonlySet<number>, slack: readonly number[]): number {
    let nearest = 0;
    for (let column = 1; column < this.#width; column++) {
      if (!reached.has(column) && (slack[column] as number) < (slack[nearest] as number)) nearest = column;
    }
    return nearest;
  }

  /** Keeps what is reached tight, and brings the rest nearer by as much. */
  #reprice(step: number, reached: ReadonlySet<number>, slack: number[]): void {
    for (let column = 0; column < this.#width; column++) {
      if (reached.has(column)) {
        raise(this.#rowPrice, this.#rowOf[column] as number, step);
        raise(this.#columnPrice, column, -step);
      } else raise(slack, column, -step);
    }
  }
}

function raise(numbers: number[], index: number, by: number): void {
  numbers[index] = (numbers[index] as number) + by;
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}

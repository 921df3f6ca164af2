/**
 * Agglomerative clusters by average link (UPGMA: Sokal and Michener 1958): the two clusters whose members are most alike
 * on average become one, as long as that is at least `threshold`. Found by chains of nearest neighbours (Murtagh 1983),
 * so in a time of the square of the items. The lower index wins ties.
 *
 * @param sums n x n, symmetric: the similarities of every two members of two items; overwritten
 * @param weights how many members each item has
 * @returns the items of each cluster
 */
export function averageLink(sums: Float64Array, weights: readonly number[], threshold: number): number[][] {
  const clusters = new Linkage(sums, weights);
  const settled: number[][] = [];
  const chain: number[] = [];
  for (let start = clusters.first(); start !== undefined; start = clusters.first()) {
    chain.push(start);
    while (chain.length > 0) {
      const end = chain.at(-1) as number;
      const previous = chain.at(-2);
      const nearest = clusters.nearest(end, previous);
      if (nearest === undefined || clusters.average(end, nearest) < threshold) {
        settled.push(clusters.take(end));
        chain.pop();
      } else if (nearest === previous) {
        clusters.merge(previous, end);
        chain.length -= 2;
      } else chain.push(nearest);
    }
  }
  return settled;
}

/** Clusters that are not settled yet, each under the index of one of its items. */
class Linkage {
  /** Similarities of every two members of two clusters. */
  readonly #sums: Float64Array;
  readonly #weights: number[];
  readonly #members: (number[] | undefined)[];
  readonly #size: number;
  readonly #open: Set<number>;

  constructor(sums: Float64Array, weights: readonly number[]) {
    this.#size = weights.length;
    this.#sums = sums;
    this.#weights = [...weights];
    this.#members = weights.map((_, item) => [item]);
    this.#open = new Set(weights.keys());
  }

  first(): number | undefined {
    return this.#open.values().next().value;
  }

  average(a: number, b: number): number {
    return this.#sum(a, b) / ((this.#weights[a] as number) * (this.#weights[b] as number));
  }

  /** The cluster most like `a`; of equal ones `preferred`, else the lowest. */
  nearest(a: number, preferred: number | undefined): number | undefined {
    let best = preferred;
    let most = best === undefined ? -1 : this.average(a, best);
    for (const other of this.#open) {
      if (other === a) continue;
      const average = this.average(a, other);
      if (average > most) [best, most] = [other, average];
    }
    return best;
  }

  merge(kept: number, gone: number): void {
    for (const other of this.#open) {
      const sum = this.#sum(kept, other) + this.#sum(gone, other);
      this.#sums[this.#at(kept, other)] = sum;
      this.#sums[this.#at(other, kept)] = sum;
    }
    this.#weights[kept] = (this.#weights[kept] as number) + (this.#weights[gone] as number);
    this.#members[kept]?.push(...this.take(gone));
  }

  /** Takes a cluster out. */
  take(cluster: number): number[] {
    this.#open.delete(cluster);
    return this.#members[cluster] as number[];
  }

  #at(a: number, b: number): number {
    return a * this.#size + b;
  }

  #sum(a: number, b: number): number {
    return this.#sums[this.#at(a, b)] as number;
  }
}

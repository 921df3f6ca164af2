/** Counts of numbers in steps, so that a quantile of any number of them is known to a step. */
export class Histogram {
  readonly #counts = new Map<number, number>();
  readonly #toStep: (value: number) => number;
  #total = 0;

  /** @param toStep a growing function whose whole numbers are the steps */
  constructor(toStep: (value: number) => number) {
    this.#toStep = toStep;
  }

  get count(): number {
    return this.#total;
  }

  add(value: number): void {
    const step = Math.round(this.#toStep(value));
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1);
    this.#total++;
  }

  /** Step of the value below which this share of the values lies. */
  quantile(share: number): number {
    const steps = [...this.#counts].sort(([a], [b]) => a - b);
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (const [step, count] of steps) {
      seen += count;
      if (seen >= wanted) return step;
    }
    return 0;
  }
}

/** The items with the largest ranks; of equal ranks, the ones that came first. */
export class Largest<T> {
  readonly #most: number;
  readonly #ranked: { readonly rank: number; readonly item: T }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** @param toItem makes the item, where it is kept */
  add(rank: number, toItem: () => T): void {
    if (this.#ranked.length === this.#most && !(rank > (this.#ranked.at(-1)?.rank ?? Number.POSITIVE_INFINITY))) return;
    let [from, to] = [0, this.#ranked.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#ranked[middle] as { rank: number }).rank >= rank) from = middle + 1;
      else to = middle;
    }
    this.#ranked.splice(from, 0, { rank, item: toItem() });
    if (this.#ranked.length > this.#most) this.#ranked.pop();
  }

  /** Items by falling rank. */
  get items(): readonly T[] {
    return this.#ranked.map(({ item }) => item);
  }
}

const mostKinds = 1_000;

/** Values by how often they came. Beyond a thousand different ones, new ones are counted together. */
export class MostFrequent<T> {
  readonly #byKey = new Map<string, { readonly value: T; count: number }>();

  /** @param toValue makes the value, where its key is new */
  add(key: string, toValue: () => T): T | undefined {
    const known = this.#byKey.get(key);
    if (known) {
      known.count++;
      return known.value;
    }
    if (this.#byKey.size === mostKinds) return undefined;
    const value = toValue();
    this.#byKey.set(key, { value, count: 1 });
    return value;
  }

  /** Values by falling count; of equal counts, the one that came first. */
  top(most = mostKinds): readonly { readonly value: T; readonly count: number }[] {
    return [...this.#byKey.values()].sort((a, b) => b.count - a.count).slice(0, most);
  }

  get size(): number {
    return this.#byKey.size;
  }
}

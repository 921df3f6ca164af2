/**
 * Job: count what a new item has in common with each item before it, without looking at every two of them.
 * Boundary: symbols are opaque strings.
 * Invariants:
 * 1. A symbol counts as often as both items have it.
 * 2. The time of `add` is one step each for the symbols that the item has, and for the different ones that it shares.
 */
export class OverlapIndex {
  readonly #occurrences = new Map<string, Occurrences>();
  #shared = new Int32Array(64);

  /**
   * Adds an item. Gives, by item before it, how many symbols the two share; until the next one is added.
   *
   * @param item its number, greater than those before
   */
  add(item: number, symbols: readonly string[]): Int32Array {
    if (item > this.#shared.length) this.#shared = new Int32Array(2 * item);
    const shared = this.#shared.fill(0, 0, item);
    for (const { items, times, own } of this.#count(item, symbols)) {
      for (let at = 0; at < items.length; at++) {
        const other = items[at] as number;
        shared[other] = (shared[other] as number) + Math.min(own, times[at] as number);
      }
      items.push(item);
      times.push(own);
    }
    return shared;
  }

  /** The different symbols of an item, each counted. */
  #count(item: number, symbols: readonly string[]): Occurrences[] {
    const found: Occurrences[] = [];
    for (const symbol of symbols) {
      let known = this.#occurrences.get(symbol);
      if (!known) {
        known = { items: [], times: [], own: 0, counted: -1 };
        this.#occurrences.set(symbol, known);
      }
      if (known.counted === item) known.own++;
      else {
        known.counted = item;
        known.own = 1;
        found.push(known);
      }
    }
    return found;
  }
}

/** Where a symbol is. */
interface Occurrences {
  /** The items that have it, and how often each. */
  readonly items: number[];
  readonly times: number[];
  /** How often the item has it that was counted last. */
  own: number;
  counted: number;
}

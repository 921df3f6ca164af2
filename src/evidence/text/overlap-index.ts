/**
 * Job: count what a new item has in common with each item before it, without looking at every two of them.
 * Boundary: symbols are opaque strings.
 * Invariants:
 * 1. A symbol counts as often as both items have it.
 * 2. The time of `add` is what the item shares with all before, and one step each.
 */
export class OverlapIndex {
  readonly #holders = new Map<string, number[]>();
  #size = 0;

  /** Adds an item. Gives, by item before it, how many symbols the two share. */
  add(symbols: readonly string[]): Int32Array {
    const shared = new Int32Array(this.#size);
    for (const symbol of numbered(symbols)) {
      const holders = this.#holders.get(symbol);
      if (!holders) this.#holders.set(symbol, [this.#size]);
      else {
        for (const holder of holders) shared[holder] = (shared[holder] as number) + 1;
        holders.push(this.#size);
      }
    }
    this.#size++;
    return shared;
  }
}

/** The symbols, each repetition made a symbol of its own. */
function numbered(symbols: readonly string[]): string[] {
  const times = new Map<string, number>();
  return symbols.map((symbol) => {
    const time = (times.get(symbol) ?? 0) + 1;
    times.set(symbol, time);
    return time === 1 ? symbol : `${symbol} ${time}`;
  });
}

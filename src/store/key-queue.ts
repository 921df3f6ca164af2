/**
 * Keys in the order in which they came. The first one costs the same to find however many have left: a new walk through
 * a `Set` begins with the places of those, so that this one is never begun anew.
 */
export class KeyQueue {
  readonly #keys = new Set<string>();
  #walk = this.#keys.values();
  #first: string | undefined;

  get first(): string | undefined {
    this.#first ??= this.#next();
    return this.#first;
  }

  /** One that is there keeps its place. */
  add(key: string): void {
    this.#keys.add(key);
  }

  delete(key: string): void {
    this.#keys.delete(key);
    if (key === this.#first) this.#first = undefined;
  }

  clear(): void {
    this.#keys.clear();
    this.#first = undefined;
  }

  #next(): string | undefined {
    const { value, done } = this.#walk.next();
    if (!done) return value;
    // A walk that has come to its end sees nothing of what is added later.
    this.#walk = this.#keys.values();
    return this.#walk.next().value;
  }
}

/** How often something happened, by what it was. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string, times = 1): void {
    this.#counts.set(name, this.of(name) + times);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** A line each, by name. */
  toString(): string {
    const rows = [...this.#counts].toSorted(([a], [b]) => a.localeCompare(b));
    return rows.map(([name, count]) => `${String(count).padStart(9)}  ${name}`).join("\n");
  }
}

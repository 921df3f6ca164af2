import { countTable } from "../count-table.ts";

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
    return countTable(Object.fromEntries(this.#counts));
  }
}

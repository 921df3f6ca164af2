/**
 * Job: hold the runs of a job together under one ceiling of dollars.
 * Boundary: grants a run its part; the run itself keeps to it.
 * Invariants:
 * 1. A run is granted what is left once every run in flight has cost as much as the dearest so far, and never less than that.
 * 2. Before any cost is known, runs start one at a time.
 */
export class JobBudget {
  readonly #limitUsd: number;
  #spentUsd = 0;
  #dearestUsd: number | undefined;
  #inFlightCount = 0;
  #waiting: (() => void)[] = [];

  /** @param limitUsd no ceiling where it is left out */
  constructor(limitUsd: number | undefined) {
    this.#limitUsd = limitUsd ?? Number.POSITIVE_INFINITY;
  }

  /** Counts a run of an earlier start of the job. */
  keep(costUsd: number | null): void {
    this.#spentUsd += costUsd ?? 0;
    this.#dearestUsd = Math.max(this.#dearestUsd ?? 0, costUsd ?? 0);
  }

  /**
   * Waits until one more run may start.
   *
   * @returns the run's part in US dollars, infinite without a ceiling; `undefined` where no further run fits
   */
  async admit(): Promise<number | undefined> {
    while (!this.#hasRoom()) {
      if (this.#inFlightCount === 0) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const grantUsd = this.#leftUsd();
    this.#inFlightCount++;
    return grantUsd;
  }

  settle(costUsd: number | null): void {
    this.#inFlightCount--;
    this.keep(costUsd);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #leftUsd(): number {
    return this.#limitUsd - this.#spentUsd - this.#inFlightCount * (this.#dearestUsd ?? 0);
  }

  #hasRoom(): boolean {
    if (this.#limitUsd === Number.POSITIVE_INFINITY) return true;
    if (this.#dearestUsd === undefined && this.#inFlightCount > 0) return false;
    return this.#leftUsd() > 0 && this.#leftUsd() >= (this.#dearestUsd ?? 0);
  }
}

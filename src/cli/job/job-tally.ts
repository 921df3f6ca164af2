import { addCost } from "../../contract/usage.ts";
import { isFailed, type OutputLine } from "../output/output-line.ts";

/** Facts of a line that count. */
type SettledLine = Pick<OutputLine, "status" | "costUsd">;

/** Progress of a job. */
export class JobTally {
  /** Inputs of the job; `undefined` for a pipe, whose end is not known. */
  totalCount: number | undefined;
  /** Lines that were there from an earlier start. */
  keptCount = 0;
  /** Lines written since the start. */
  settledCount = 0;
  failedCount = 0;
  /** US dollars of all lines and signals. */
  costUsd: number | null = 0;
  /** US dollars of signals; those of unknown price count for nothing. */
  signalsUsd = 0;
  readonly #startedMs: number;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  get doneCount(): number {
    return this.keptCount + this.settledCount;
  }

  keep(line: SettledLine): void {
    this.keptCount++;
    this.#count(line);
  }

  settle(line: SettledLine): void {
    this.settledCount++;
    this.#count(line);
  }

  /** Counts a signal of an answer. */
  paySignal({ costUsd }: { readonly costUsd: number | null }): void {
    this.costUsd = addCost(this.costUsd, costUsd);
    this.signalsUsd += costUsd ?? 0;
  }

  /** Time since the start for each line that the job has. */
  msPerLine(nowMs: number): number {
    return (nowMs - this.#startedMs) / Math.max(1, this.doneCount);
  }

  /** At the pace since the start; `undefined` while it cannot be told. */
  remainingMs(nowMs: number): number | undefined {
    if (this.totalCount === undefined || this.settledCount === 0) return undefined;
    return ((nowMs - this.#startedMs) / this.settledCount) * (this.totalCount - this.doneCount);
  }

  #count(line: SettledLine): void {
    if (isFailed(line)) this.failedCount++;
    this.costUsd = addCost(this.costUsd, line.costUsd);
  }
}

/**
 * Job: hold the runs of a job together under one ceiling of dollars.
 * Boundary: grants each run its part; the run itself keeps to it.
 * Invariants:
 * 1. What was spent and what is granted never exceed the ceiling together.
 * 2. A part is at least what the dearest run so far has cost; the first run is granted everything, unless all start at once.
 */
export class JobBudget {
  readonly #limitUsd: number;
  readonly #concurrency: number;
  readonly #isSharedAtOnce: boolean;
  #spentUsd = 0;
  #grantedUsd = 0;
  #dearestUsd: number | undefined;
  #inFlightCount = 0;
  #waiting: (() => void)[] = [];

  /**
   * @param limitUsd no ceiling where it is `undefined`
   * @param dearestUsd cost of the dearest run, as far as that is known; 0 shares the ceiling from the start
   */
  constructor(limitUsd: number | undefined, concurrency: number, dearestUsd?: number) {
    this.#limitUsd = limitUsd ?? Number.POSITIVE_INFINITY;
    this.#concurrency = concurrency;
    this.#dearestUsd = dearestUsd;
    this.#isSharedAtOnce = dearestUsd !== undefined;
  }

  get isLimited(): boolean {
    return this.#limitUsd !== Number.POSITIVE_INFINITY;
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
    if (this.#limitUsd === Number.POSITIVE_INFINITY) return this.#limitUsd;
    for (;;) {
      const partUsd = this.#nextPartUsd();
      if (partUsd !== undefined) {
        this.#grantedUsd += partUsd;
        this.#inFlightCount++;
        return partUsd;
      }
      if (this.#inFlightCount === 0) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Hears that a part was too small for the first call of its run.
   *
   * @returns true where the next parts are large enough for it, so that the run may ask for another
   */
  raise(partUsd: number, neededUsd: number): boolean {
    if (!this.#isSharedAtOnce || neededUsd <= partUsd) return false;
    this.#dearestUsd = Math.max(this.#dearestUsd ?? 0, neededUsd);
    return true;
  }

  /** Ends a run: what it did not use of its part is there for others. */
  settle(partUsd: number, costUsd: number | null): void {
    if (partUsd === Number.POSITIVE_INFINITY) return;
    this.#inFlightCount--;
    this.#grantedUsd = this.#inFlightCount === 0 ? 0 : this.#grantedUsd - partUsd;
    this.keep(costUsd);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Budget that is left, shared among the runs that there is room for. */
  #nextPartUsd(): number | undefined {
    const leftUsd = this.#limitUsd - this.#spentUsd - this.#grantedUsd;
    if (leftUsd <= 0) return undefined;
    if (this.#dearestUsd === undefined) return leftUsd;
    const shareUsd = leftUsd / Math.max(1, this.#concurrency - this.#inFlightCount);
    const partUsd = Math.max(this.#dearestUsd, shareUsd);
    return partUsd <= leftUsd ? partUsd : undefined;
  }
}

import { addCost } from "../../contract/usage.ts";
import { isFailed, type OutputLine } from "../output/output-line.ts";

/** How far a job is. */
export class JobTally {
  /** Inputs of the job; `undefined` for a pipe, whose end nobody knows. */
  totalCount: number | undefined;
  /** Lines that were there from an earlier start. */
  keptCount = 0;
  /** Lines written since the start. */
  settledCount = 0;
  failedCount = 0;
  costUsd: number | null = 0;
  readonly #startedMs: number;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  get doneCount(): number {
    return this.keptCount + this.settledCount;
  }

  keep(line: OutputLine): void {
    this.keptCount++;
    this.#count(line);
  }

  settle(line: OutputLine): void {
    this.settledCount++;
    this.#count(line);
  }

  /** At the pace since the start; `undefined` while nobody can tell. */
  remainingMs(nowMs: number): number | undefined {
    if (this.totalCount === undefined || this.settledCount === 0) return undefined;
    return ((nowMs - this.#startedMs) / this.settledCount) * (this.totalCount - this.doneCount);
  }

  #count(line: OutputLine): void {
    if (isFailed(line)) this.failedCount++;
    this.costUsd = addCost(this.costUsd, line.costUsd);
  }
}

import type { Clock } from "../../src/core/clock.ts";
import type { ClockFault } from "./scenario.ts";

/** The time by which a store counts: that of the process which asks, and corrected now and then. */
export class WallClock implements Pick<Clock, "now"> {
  readonly #clock: Pick<Clock, "now">;
  readonly #aheadMs: number[];
  #process = 0;

  constructor(clock: Pick<Clock, "now">, processes: number) {
    this.#clock = clock;
    this.#aheadMs = Array(processes).fill(0);
  }

  now(): number {
    return this.#clock.now() + (this.#aheadMs[this.#process] as number);
  }

  correct({ kind, byMs, process }: ClockFault): void {
    for (const index of this.#aheadMs.keys())
      if (kind === "wall_clock" || index === process % this.#aheadMs.length)
        this.#aheadMs[index] = (this.#aheadMs[index] as number) + byMs;
  }

  /** Does what a process asks for, by its clock. */
  asSeenBy<R>(process: number, work: () => R): R {
    this.#process = process;
    return work();
  }
}

import { Session } from "node:inspector";

/** Effort of some work, the same on every machine. */
export interface Steps {
  /** Blocks of code in src/ that were run. */
  readonly all: number;
  /** Most of them that were run before the event loop turned. */
  readonly atOnce: number;
}

/**
 * Counts the blocks of code in src/ that an asynchronous piece of work runs, with V8's own counters. Work inside V8, such as
 * matching a regular expression, is not counted. V8 counts in functions that it compiles after the counter was made.
 */
export class StepCounter {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  async count(work: () => Promise<unknown>): Promise<Steps> {
    let [all, atOnce] = [0, 0];
    const look = () => {
      const steps = this.#stepsSinceLastLook();
      all += steps;
      atOnce = Math.max(atOnce, steps);
    };
    const lookAtEachTurn = () => {
      look();
      turn = setImmediate(lookAtEachTurn);
    };
    this.#stepsSinceLastLook();
    let turn = setImmediate(lookAtEachTurn);
    await work();
    clearImmediate(turn);
    look();
    return { all, atOnce };
  }

  /** Counts all blocks that a piece of work runs, whenever the event loop turns. */
  async countAll(work: () => Promise<unknown>): Promise<number> {
    this.#stepsSinceLastLook();
    await work();
    return this.#stepsSinceLastLook();
  }

  #stepsSinceLastLook(): number {
    let steps = 0;
    this.#session.post("Profiler.takePreciseCoverage", (_error, taken) => {
      for (const { url, functions } of taken?.result ?? []) {
        if (!url.includes("/src/") || url.includes("/node_modules/")) continue;
        for (const { ranges } of functions) for (const { count } of ranges) steps += count;
      }
    });
    return steps;
  }
}

import type { Clock } from "../../src/core/clock.ts";
import { modulesLoaded } from "../../src/core/lazily.ts";
import { onAbort } from "../../src/core/signal.ts";
import { turnTaken } from "../../src/core/turns.ts";

/**
 * Job: the time of one scenario, which moves from timer to timer.
 * Boundary: waits for nothing real but modules; work that needs the event loop must end by a timer.
 * Invariants:
 * 1. `now` never goes back.
 * 2. Timers fire by their time, then by their order; after a pause all that fell due in it fire late, as they would in a
 *    process that had been stopped.
 * 3. What the product waits for is told apart from what the world around it (providers, stores, callers) waits for.
 */
export class WorldClock implements Required<Clock> {
  readonly #timers = new Set<Timer>();
  #nowMs = 0;

  /** The same time, for the world around the product. */
  readonly world: Required<Clock> = {
    now: () => this.#nowMs,
    sleep: (ms, options) => this.#sleep(ms, options?.signal, false),
    schedule: (callback, ms) => this.#schedule(callback, ms, false),
  };

  /** Timers that the product has left. */
  get pending(): number {
    return [...this.#timers].filter(({ isProducts }) => isProducts).length;
  }

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    return this.#sleep(ms, options?.signal, true);
  }

  schedule(callback: () => void, ms: number): () => void {
    return this.#schedule(callback, ms, true);
  }

  /** The process stands still for so long. */
  pause(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves on until `isDone`; false where nothing is left that could bring that about. */
  async runUntil(isDone: () => boolean): Promise<boolean> {
    await turn();
    while (!isDone()) {
      const timer = this.#next();
      if (!timer) return false;
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.fire();
      await turn();
    }
    return true;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (!first || timer.dueMs < first.dueMs) first = timer;
    return first;
  }

  #schedule(fire: () => void, ms: number, isProducts: boolean): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, ms), fire, isProducts };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  #sleep(ms: number, signal: AbortSignal | undefined, isProducts: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const cancel = this.#schedule(
        () => {
          stopListening?.();
          resolve();
        },
        ms,
        isProducts,
      );
      const stopListening =
        signal &&
        onAbort(signal, () => {
          cancel();
          reject(signal.reason);
        });
    });
  }
}

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
  readonly isProducts: boolean;
}

/** Lets promises, and what they start, run as far as they get without time. */
async function turn(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while ((await modulesLoaded()) || (await turnTaken()));
}

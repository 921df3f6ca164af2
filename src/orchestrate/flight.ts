/**
 * Job: one execution in this process for all who ask for it at the same time.
 * Boundary: knows nothing of stores; whoever starts a flight says what it does.
 * Invariants:
 * 1. A flight goes on as long as somebody waits for it, whoever started it.
 * 2. Who aborts leaves alone; the last one takes the flight with them, and still hears how it ended.
 * 3. All who stay get the same result.
 */
import { CancelScope } from "../core/signal.ts";

export class Flight<R> {
  readonly fingerprint: string;
  readonly scope = new CancelScope();
  readonly #result: Promise<R>;
  #waiting = 0;

  constructor(fingerprint: string, execute: (scope: CancelScope) => Promise<R>) {
    this.fingerprint = fingerprint;
    this.#result = execute(this.scope);
    // Everyone may have left by the time it fails.
    this.#result.catch(() => {});
  }

  /** Waits for the result, or for `waiter` to be aborted. */
  join(waiter: CancelScope): Promise<R> {
    this.#waiting++;
    return new Promise((resolve, reject) => {
      const leave = waiter.onAbort(() => {
        this.#waiting--;
        if (this.#waiting === 0) this.scope.abort(waiter.reason);
        else reject(waiter.reason);
      });
      this.#result.then(resolve, reject).finally(leave);
    });
  }
}

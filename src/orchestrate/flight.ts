/**
 * Job: one execution in this process for all who ask for it at the same time.
 * Boundary: knows nothing of stores; whoever starts a flight says what it does.
 * Invariants:
 * 1. A flight goes on as long as somebody waits for it, whoever started it, and for as long as the most patient one would.
 * 2. Who aborts leaves alone; the last one takes the flight with them, and still hears how it ended.
 * 3. All who stay get the same result; nobody joins a flight that is being given up.
 */
import { CancelScope } from "../core/signal.ts";
import type { BudgetLedger } from "../guard/budget.ts";

export class Flight<R> {
  readonly fingerprint: string;
  readonly scope = new CancelScope();
  readonly #ledger: BudgetLedger;
  readonly #result: Promise<R>;
  #waiting = 0;

  /** @param ledger the ceilings of the execution, its time included */
  constructor(fingerprint: string, ledger: BudgetLedger, execute: (scope: CancelScope) => Promise<R>) {
    this.fingerprint = fingerprint;
    this.#ledger = ledger;
    this.#result = execute(this.scope);
    // Everyone may have left by the time it fails.
    this.#result.catch(() => {});
  }

  /** Whether it is on its way to a result, and not only to its end. */
  get isJoinable(): boolean {
    return !this.scope.aborted;
  }

  /** Waits for the result, or for `waiter` to be aborted, which it will be at `untilMs`. */
  join(waiter: CancelScope, untilMs = 0): Promise<R> {
    this.#waiting++;
    this.#ledger.prolong(untilMs);
    return new Promise((resolve, reject) => {
      const leave = waiter.onAbort(() => {
        this.#waiting--;
        if (this.#waiting === 0) this.scope.abort(waiter.reason);
        else reject(waiter.reason);
      });
      this.#result.then(resolve, reject).finally(leave);
    });
  }

  /** Waits for the end, whatever it is, or for `waiter` to be aborted. */
  end(waiter: CancelScope): Promise<unknown> {
    return waiter.race(this.#result.catch(() => {}));
  }
}

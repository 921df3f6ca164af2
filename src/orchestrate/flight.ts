/**
 * Job: one execution in this process for all who ask for it at the same time.
 * Boundary: knows nothing of stores; whoever starts a flight says what it does.
 * Invariants:
 * 1. A flight goes on as long as somebody waits for it, whoever started it, and for as long as the most patient one would.
 * 2. Who aborts leaves alone; the last one takes the flight with them, and still hears how it ended: at once, as nothing
 *    in it outlasts its scope but what is landing.
 * 3. All who stay get the same result; nobody joins a flight that is being given up.
 */
import { type Clock, schedule } from "../core/clock.ts";
import { CancelScope } from "../core/signal.ts";
import type { BudgetLedger } from "../guard/budget.ts";

export class Flight<R> {
  readonly fingerprint: string;
  readonly scope = new CancelScope();
  readonly #ledger: BudgetLedger;
  readonly #landing: () => Promise<unknown> | undefined;
  readonly #result: Promise<R>;
  #waiting = 0;

  /**
   * @param ledger the ceilings of the execution, its time included
   * @param landing what goes on behind its end; `undefined` where nothing does
   */
  constructor(
    fingerprint: string,
    ledger: BudgetLedger,
    execute: (scope: CancelScope) => Promise<R>,
    landing: () => Promise<unknown> | undefined,
  ) {
    this.fingerprint = fingerprint;
    this.#ledger = ledger;
    this.#landing = landing;
    this.#result = execute(this.scope);
    // Everyone may have left by the time it fails.
    this.#result.catch(() => {});
  }

  /** Whether it is on its way to a result, and not only to its end: one whose time is up has refused calls by now. */
  get isJoinable(): boolean {
    return !this.scope.aborted && this.#ledger.leftMs() > 0;
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

  /** Waits until nothing of it goes on any more, for `patienceMs` at most, or for `waiter` to be aborted. */
  async end(waiter: CancelScope, clock: Clock, patienceMs: number): Promise<void> {
    let stop = () => {};
    const patience = new Promise<void>((resolve) => {
      stop = schedule(clock, resolve, patienceMs);
    });
    const landed = this.#result.catch(() => {}).then(() => this.#landing());
    await waiter.race(Promise.race([landed, patience])).finally(stop);
  }
}

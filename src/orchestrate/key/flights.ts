import { AsyncLocalStorage } from "node:async_hooks";
import { outsideOfWork } from "../../contract/enclosing-work.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import { type Clock, schedule } from "../../core/clock.ts";
import { CancelScope } from "../../core/signal.ts";
import type { BudgetLedger } from "../../guard/budget.ts";
import type { OpenedRun } from "../../store/log/event-log.ts";
import type { StoreName } from "../../store/open-store.ts";
import type { RunStore } from "../../store/store.ts";

/**
 * An object without a prototype, not a `Map`: V8 keeps the outgrown table of a `Map` with a reference to the new one, so
 * that flights which are long over would stay in memory until a full collection.
 */
export type FlightsByKey = Record<string, Flight<OrchestrationOutput>>;

/** The executions of a process, by store and key: a key in one store says nothing about the same one in another. */
export class Flights {
  readonly #onNamed: Partial<Record<StoreName, FlightsByKey>> = {};
  readonly #onGiven = new WeakMap<RunStore, FlightsByKey>();

  on(store: RunStore | StoreName): FlightsByKey {
    if (typeof store === "string") {
      this.#onNamed[store] ??= Object.create(null) as FlightsByKey;
      return this.#onNamed[store];
    }
    const flights = this.#onGiven.get(store) ?? Object.create(null);
    this.#onGiven.set(store, flights);
    return flights;
  }
}

/**
 * Job: run one execution in this process for all callers that ask for it at the same time.
 * Boundary: knows nothing of stores; its starter says what it does.
 * Invariants:
 * 1. A flight goes on as long as a caller waits for it, and for as long as the most patient one would.
 * 2. A caller that aborts leaves only its own wait. When the last one leaves, the execution is aborted and its result is
 *    still delivered to that caller.
 * 3. All callers that stay get the same result; none joins a flight that is being aborted.
 */
export class Flight<R> {
  readonly fingerprint: string;
  readonly scope = new CancelScope();
  readonly #ledger: BudgetLedger;
  /** Its place in the event log; absent without one. */
  readonly opened: Promise<OpenedRun | undefined> | undefined;
  #result: Promise<R> | undefined;
  #pendingRelease: () => Promise<unknown> | undefined = () => undefined;
  #waiting = 0;

  /**
   * @param ledger ceilings of the execution, its time included
   * @param opened its place in the event log
   */
  constructor(fingerprint: string, ledger: BudgetLedger, opened?: Promise<OpenedRun | undefined> | undefined) {
    this.fingerprint = fingerprint;
    this.opened = opened;
    this.#ledger = ledger;
  }

  /**
   * Starts the execution.
   *
   * @param pendingRelease returns what goes on after its end; `undefined` where nothing does
   */
  start(execute: () => Promise<R>, pendingRelease: () => Promise<unknown> | undefined): void {
    this.#pendingRelease = pendingRelease;
    this.#result = outsideOfWork(() => workIn({ flight: this }, execute));
    // Every caller may have left by the time it fails.
    this.#result.catch(() => {});
  }

  /** True while it can still come to a result: a flight whose time is up has refused calls. */
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
      (this.#result as Promise<R>).then(resolve, reject).finally(leave);
    });
  }

  /** Waits until nothing of it goes on any more, for `patienceMs` at most, or for `waiter` to be aborted. */
  async whenOver(waiter: CancelScope, clock: Clock, patienceMs: number): Promise<void> {
    let stop = () => {};
    const patience = new Promise<void>((resolve) => {
      stop = schedule(clock, resolve, patienceMs);
    });
    const ended = (this.#result as Promise<R>).catch(() => {}).then(() => this.#pendingRelease());
    await waiter.race(Promise.race([ended, patience])).finally(stop);
  }
}

/**
 * Job: tell in which flights the running code is: waiting for one of those would be waiting for itself.
 * Boundary: knows nothing of keys.
 * Invariants:
 * 1. Code that goes on after the end of its flight is in none, and keeps none in memory.
 */

/** A flight among those that the running code is in; empty after its end. */
interface Place {
  flight: object | undefined;
}

const places = new AsyncLocalStorage<readonly Place[]>();

/** Runs work, and all that it starts, in a flight. */
async function workIn<R>(place: Place, work: () => Promise<R>): Promise<R> {
  const around = places.getStore()?.filter(({ flight }) => flight !== undefined) ?? [];
  try {
    return await places.run([...around, place], work);
  } finally {
    place.flight = undefined;
  }
}

/** Returns true where the running code is part of that flight. */
export function isWorkIn(flight: object): boolean {
  return places.getStore()?.some((place) => place.flight === flight) ?? false;
}

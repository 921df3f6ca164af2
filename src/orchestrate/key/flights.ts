import { AsyncLocalStorage } from "node:async_hooks";
import type { OrchestrationOutput } from "../../contract/output.ts";
import { type Clock, schedule } from "../../core/clock.ts";
import { CancelScope } from "../../core/signal.ts";
import type { BudgetLedger } from "../../guard/budget.ts";
import type { StoreName } from "../../store/open-store.ts";
import type { RunStore } from "../../store/store.ts";

/**
 * An object without a prototype, and no `Map`: whatever a `Map` has grown out of refers to what it has grown into, so
 * that flights which are long over would stay in memory until V8 collects its whole heap.
 */
export type FlightsByKey = Record<string, Flight<OrchestrationOutput>>;

/** The executions of a process, by store and key: a key in one store says nothing about the same one in another. */
export class Flights {
  readonly #onNamed = new Map<StoreName, FlightsByKey>();
  readonly #onGiven = new WeakMap<RunStore, FlightsByKey>();

  on(store: RunStore | StoreName): FlightsByKey {
    return typeof store === "string" ? flightsIn(this.#onNamed, store) : flightsIn(this.#onGiven, store);
  }
}

function flightsIn<K>(
  byStore: { get(store: K): FlightsByKey | undefined; set(store: K, flights: FlightsByKey): unknown },
  store: K,
): FlightsByKey {
  const flights = byStore.get(store) ?? Object.create(null);
  byStore.set(store, flights);
  return flights;
}

/**
 * Job: one execution in this process for all who ask for it at the same time.
 * Boundary: knows nothing of stores; whoever starts a flight says what it does.
 * Invariants:
 * 1. A flight goes on as long as somebody waits for it, whoever started it, and for as long as the most patient one would.
 * 2. Who aborts leaves alone; the last one takes the flight with them, and still hears how it ended: at once, as nothing
 *    in it outlasts its scope but what is landing.
 * 3. All who stay get the same result; nobody joins a flight that is being given up.
 */

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

/**
 * Job: know of the work that runs now in which flights it is: whoever waited for one of those would wait for itself.
 * Boundary: knows nothing of keys.
 * Invariants:
 * 1. Work that goes on behind the end of its flight is in none, and keeps none in memory.
 */

/** The place of a flight among those that work is in. */
export interface Place {
  /** While it goes on. */
  flight: object | undefined;
}

const places = new AsyncLocalStorage<readonly Place[]>();

/** Runs work, and all that it starts, in a flight. */
export async function workIn<R>(place: Place, work: () => Promise<R>): Promise<R> {
  const around = places.getStore()?.filter(({ flight }) => flight !== undefined) ?? [];
  try {
    return await places.run([...around, place], work);
  } finally {
    place.flight = undefined;
  }
}

/** Whether whoever asks works in that flight. */
export function isWorkIn(flight: object): boolean {
  return places.getStore()?.some((place) => place.flight === flight) ?? false;
}

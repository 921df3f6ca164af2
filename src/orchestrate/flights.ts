import type { OrchestrationOutput } from "../contract/output.ts";
import type { StoreName } from "../store/open-store.ts";
import type { RunStore } from "../store/store.ts";
import type { Flight } from "./flight.ts";

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

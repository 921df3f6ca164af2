import type { OrchestrationOutput } from "../contract/output.ts";
import type { StoreName } from "../store/open-store.ts";
import type { RunStore } from "../store/store.ts";
import type { Flight } from "./flight.ts";

export type FlightsByKey = Map<string, Flight<OrchestrationOutput>>;

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
  const flights = byStore.get(store) ?? new Map();
  byStore.set(store, flights);
  return flights;
}

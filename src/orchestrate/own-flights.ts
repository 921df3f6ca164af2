/**
 * Job: know of the work that runs now in which flights it is: whoever waited for one of those would wait for itself.
 * Boundary: knows nothing of keys.
 * Invariants:
 * 1. Work that goes on behind the end of its flight is in none, and keeps none in memory.
 */
import { AsyncLocalStorage } from "node:async_hooks";

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

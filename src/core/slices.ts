import { nextTurn } from "./turns.ts";

/**
 * Job: let long computations pause, so that other work of the process is served in between.
 * Boundary: counts steps, and reads no clock: the same work pauses at the same places on every machine.
 * Invariants:
 * 1. A computation gives the same result at once and in slices.
 * 2. Between two turns of the event loop, one slice runs at most, however many computations are under way.
 */

/** A computation that may pause. It yields the steps that it took since its last yield; a step is about a microsecond. */
export type Slices<T> = Generator<number, T, void>;

/** Steps between two pauses: a few milliseconds. */
const stepsInSlice = 4_000;

/** Items that are visited between two pauses. */
const itemsInVisit = 200;

/** Visits items one after the other, with pauses in between. */
export function* visiting<T>(items: Iterable<T>, visit: (item: T, index: number) => void): Slices<void> {
  let index = 0;
  for (const item of items) {
    visit(item, index++);
    if (index % itemsInVisit === 0) yield itemsInVisit;
  }
  yield index % itemsInVisit;
}

/** Computes without a pause. */
export function atOnce<T>(work: Slices<T>): T {
  let next = work.next();
  while (!next.done) next = work.next();
  return next.value;
}

/** Computes, and lets the event loop turn whenever enough steps were taken. Work of one slice is done on return. */
export function inSlices<T>(work: Slices<T>): T | Promise<T> {
  const result = slice(work);
  return result ? result.value : inFurtherSlices(work);
}

async function inFurtherSlices<T>(work: Slices<T>): Promise<T> {
  for (;;) {
    await nextTurn();
    const result = slice(work);
    if (result) return result.value;
  }
}

/** Computes for one slice. Returns the result once there is one. */
function slice<T>(work: Slices<T>): { readonly value: T } | undefined {
  for (let taken = 0; taken < stepsInSlice; ) {
    const next = work.next();
    if (next.done) return next;
    taken += next.value;
  }
  return undefined;
}

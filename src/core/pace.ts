import { nextTurn } from "./turns.ts";

/** Steps of about 10 to 100 ns: a slice takes a few milliseconds. */
const stepsInSlice = 2 ** 15;

/**
 * Parts long work into slices, between which the event loop turns. Counts steps, so that the same work has the same slices.
 */
export class Pace {
  #left = stepsInSlice;

  /** Counts steps that were taken. Returns true once the slice is used up and a turn is due. */
  spend(steps: number): boolean {
    this.#left -= steps;
    return this.#left <= 0;
  }

  /** Lets the event loop turn, and begins a new slice. */
  async turn(): Promise<void> {
    await nextTurn();
    this.#left = stepsInSlice;
  }
}

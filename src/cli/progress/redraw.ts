import { type Clock, schedule } from "../../core/clock.ts";

/** Draws no more often than people can see, however often something changes. */
const intervalMs = 80;

export class Redraw {
  readonly #draw: () => void;
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;

  constructor(draw: () => void, clock: Clock) {
    this.#draw = draw;
    this.#clock = clock;
  }

  /** Draws soon. */
  request(): void {
    this.#cancel ??= schedule(this.#clock, () => this.now(), intervalMs);
  }

  /** Draws at once, and leaves no timer. */
  now(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#draw();
  }
}

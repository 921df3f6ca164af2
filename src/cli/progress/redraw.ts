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

  now(): void {
    this.stop();
    this.#draw();
  }

  /** Draws nothing more, and leaves no timer. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

import type { Clock } from "../core/clock.ts";

/** The pause that a provider has asked for. It is the provider's, so all breakers of the provider keep the same one. */
export class Cooldown {
  readonly #clock: Clock;
  #untilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get leftMs(): number {
    return this.#untilMs === 0 ? 0 : Math.max(0, this.#untilMs - this.#clock.now());
  }

  /** Lets the pause last at least so long from now on. */
  extend(ms: number): void {
    this.#untilMs = Math.max(this.#untilMs, this.#clock.now() + ms);
  }
}

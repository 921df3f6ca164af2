import { type Clock, systemClock } from "../core/clock.ts";

/**
 * The pause that a provider has asked for. It is the provider's, so all breakers of the provider keep the same one.
 *
 * @example
 * ```ts
 * const pause = new Cooldown();
 * const strict = new CircuitBreaker("crm", { failureThreshold: 1 }, undefined, pause);
 * const patient = new CircuitBreaker("crm", { failureThreshold: 50 }, undefined, pause);
 * strict.coolDown(5_000);
 * patient.cooldownLeftMs; // 5000
 * ```
 */
export class Cooldown {
  readonly #clock: Pick<Clock, "now">;
  #untilMs = 0;

  /** @param clock default: the real one */
  constructor(clock: Pick<Clock, "now"> = systemClock) {
    this.#clock = clock;
  }

  /** Milliseconds that are left of it; 0 where there is none. */
  get leftMs(): number {
    return this.#untilMs === 0 ? 0 : Math.max(0, this.#untilMs - this.#clock.now());
  }

  /** Lets the pause last at least so long from now on. */
  extend(ms: number): void {
    this.#untilMs = Math.max(this.#untilMs, this.#clock.now() + ms);
  }
}

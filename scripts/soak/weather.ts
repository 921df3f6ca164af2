import type { Random } from "../../src/core/random.ts";
import { type FaultKind, faultKinds } from "../../src/testing/faults.ts";
import { pick } from "./chance.ts";

/** Who is called: two kept in memory, and one behind a socket. */
export const providers = ["first", "second", "server"] as const;
export type ProviderName = (typeof providers)[number];

/** Calm more often than not; at 0.7 a provider is down, and its circuit opens. */
const faultRates = [0.02, 0.02, 0.05, 0.2, 0.7];

/** Faults of a weather. Rate limits are not among them: the server that sets a limit tells its pause. */
export const weatherFaults: readonly FaultKind[] = faultKinds.filter((kind) => kind !== "rate_limit");

/** How ill each provider is at the moment. */
export class Weather {
  readonly #random: Random;
  readonly #faultRates = new Map<ProviderName, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  change(): void {
    for (const provider of providers) this.#faultRates.set(provider, pick(faultRates, this.#random));
  }

  faultRate(provider: ProviderName): number {
    return this.#faultRates.get(provider) ?? 0;
  }

  /** The fault that a call meets, if it meets one. */
  draw(provider: ProviderName): FaultKind | undefined {
    return this.#random.next() < this.faultRate(provider) ? pick(weatherFaults, this.#random) : undefined;
  }
}

import type { Clock } from "../core/clock.ts";
import { type BreakerState, CircuitBreaker } from "./breaker.ts";
import { Cooldown } from "./cooldown.ts";
import type { ResolvedCircuitBreakerConfig } from "./reliability-config.ts";
import { nextSweepSize } from "./sweep-size.ts";

const severity: Record<BreakerState["kind"], number> = { closed: 0, half_open: 1, open: 2 };

/**
 * The circuit breakers of all providers. Runs with the same options for a provider share its breaker; runs with others
 * have one of their own, so that nobody's threshold is overruled. A pause that a provider asks for holds for all of them.
 */
export class BreakerRegistry {
  readonly #clock: Clock;
  readonly #breakers = new Map<string, CircuitBreaker>();
  readonly #cooldowns = new Map<string, Cooldown>();
  /** The same, found without comparing options: an orchestrator always comes with the same ones. */
  #byConfig = new WeakMap<ResolvedCircuitBreakerConfig, Map<string, CircuitBreaker>>();
  #sweepSize = nextSweepSize();

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  of(provider: string, config: ResolvedCircuitBreakerConfig): CircuitBreaker {
    return this.#byConfig.get(config)?.get(provider) ?? this.#remember(provider, config);
  }

  #remember(provider: string, config: ResolvedCircuitBreakerConfig): CircuitBreaker {
    const breaker = this.#find(provider, config);
    const known = this.#byConfig.get(config) ?? new Map<string, CircuitBreaker>();
    this.#byConfig.set(config, known.set(provider, breaker));
    return breaker;
  }

  #find(provider: string, config: ResolvedCircuitBreakerConfig): CircuitBreaker {
    const key = JSON.stringify([provider, Object.values(config)]);
    const known = this.#breakers.get(key);
    if (known) return known;
    if (this.#breakers.size >= this.#sweepSize) this.#sweep();
    const cooldown = this.#cooldowns.get(provider) ?? new Cooldown(this.#clock);
    this.#cooldowns.set(provider, cooldown);
    const breaker = new CircuitBreaker(provider, config, this.#clock, cooldown);
    this.#breakers.set(key, breaker);
    return breaker;
  }

  #sweep(): void {
    for (const [key, breaker] of this.#breakers) if (breaker.isAsNew) this.#breakers.delete(key);
    const left = new Set([...this.#breakers.values()].map(({ provider }) => provider));
    for (const provider of this.#cooldowns.keys()) if (!left.has(provider)) this.#cooldowns.delete(provider);
    this.#byConfig = new WeakMap();
    this.#sweepSize = nextSweepSize(this.#breakers.size);
  }

  /** The state of each provider; of several breakers the least healthy one's. */
  states(): Record<string, BreakerState["kind"]> {
    const states: Record<string, BreakerState["kind"]> = {};
    for (const { provider, kind } of this.#breakers.values()) {
      const known = Object.hasOwn(states, provider) ? states[provider] : undefined;
      if (known === undefined || severity[kind] > severity[known]) states[provider] = kind;
    }
    return states;
  }
}

import type { Clock } from "../core/clock.ts";
import { type BreakerState, CircuitBreaker, Cooldown } from "./breaker.ts";
import type { ResolvedCircuitBreakerConfig } from "./reliability-config.ts";

const severity: Record<BreakerState["kind"], number> = { closed: 0, half_open: 1, open: 2 };

/**
 * The circuit breakers of all providers. Runs with the same options for a provider share its breaker; runs with others
 * have one of their own, so that no threshold is overruled. A pause that a provider asks for holds for all of them.
 */
export class BreakerRegistry {
  readonly #clock: Clock;
  readonly #breakers = new Map<string, CircuitBreaker>();
  /** Pauses of providers, and those of single models by `provider:model`. */
  readonly #pauses = new Map<string, { readonly provider: string; readonly pause: Cooldown }>();
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
    const breaker = new CircuitBreaker(provider, config, this.#clock, this.pauseOf(provider));
    this.#breakers.set(key, breaker);
    return breaker;
  }

  #sweep(): void {
    for (const [key, breaker] of this.#breakers) if (breaker.isAsNew) this.#breakers.delete(key);
    const left = new Set([...this.#breakers.values()].map(({ provider }) => provider));
    for (const [name, { provider, pause }] of this.#pauses)
      if (!left.has(provider) || (name !== provider && pause.leftMs === 0)) this.#pauses.delete(name);
    this.#byConfig = new WeakMap();
    this.#sweepSize = nextSweepSize(Math.max(this.#breakers.size, this.#pauses.size));
  }

  /** The pause that calls wait for. Limits are a model's, so the pause is the model's where it is known. */
  pauseOf(provider: string, modelId?: string | undefined): Cooldown {
    const name = modelId === undefined ? provider : `${provider}:${modelId}`;
    const known = this.#pauses.get(name);
    if (known) return known.pause;
    if (this.#pauses.size >= this.#sweepSize) this.#sweep();
    const pause = new Cooldown(this.#clock);
    this.#pauses.set(name, { provider, pause });
    return pause;
  }

  /** Milliseconds that are left of each pause, by provider or `provider:model`. */
  pauses(): Record<string, number> {
    const running = [...this.#pauses].filter(([, { pause }]) => pause.leftMs > 0);
    return Object.fromEntries(running.map(([name, { pause }]) => [name, pause.leftMs]));
  }

  /** Closes the circuits of a provider, and ends its pauses and those of its models. */
  reset(provider: string): void {
    for (const breaker of this.#breakers.values()) if (breaker.provider === provider) breaker.reset();
    for (const paused of this.#pauses.values()) if (paused.provider === provider) paused.pause.end();
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

/**
 * Job: keep calls that fail together from becoming a storm of retries.
 * Boundary: counts tokens; when a retry makes sense at all, and how long to wait, is decided elsewhere.
 * Invariant: between 0 and `capacity` tokens at any time.
 */

const capacity = 500;
const retryCost = 5;
const timeoutRetryCost = 10;
const firstTryGain = 1;

/**
 * The retries that one provider may still be asked for. A retry costs 5 tokens of 500, one after a timeout 10; a retry
 * that succeeds gives its cost back, and a call that succeeds at once gives 1.
 */
export class RetryBudget {
  #tokens = capacity;

  get tokens(): number {
    return this.#tokens;
  }

  /** Takes what a retry costs; 0 where there is not enough left. */
  withdraw(isAfterTimeout: boolean): number {
    const cost = isAfterTimeout ? timeoutRetryCost : retryCost;
    if (cost > this.#tokens) return 0;
    this.#tokens -= cost;
    return cost;
  }

  /** Gives back what the retry that succeeded had cost, or the gain of a first try. */
  deposit(cost: number = firstTryGain): void {
    this.#tokens = Math.min(capacity, this.#tokens + cost);
  }
}

/** One retry budget a provider. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();
  #sweepSize = nextSweepSize();

  of(provider: string): RetryBudget {
    const known = this.#budgets.get(provider);
    if (known) return known;
    if (this.#budgets.size >= this.#sweepSize) this.#sweep();
    const budget = new RetryBudget();
    this.#budgets.set(provider, budget);
    return budget;
  }

  reset(provider: string): void {
    this.#budgets.delete(provider);
  }

  /** One that is full is as good as a new one. */
  #sweep(): void {
    for (const [provider, { tokens }] of this.#budgets) if (tokens === capacity) this.#budgets.delete(provider);
    this.#sweepSize = nextSweepSize(this.#budgets.size);
  }
}

/**
 * Returns how many names may be kept before those are forgotten that say nothing: names may come without
 * end, as those of tools do that a program defines for each job.
 *
 * @param left how many the last time has left
 */
function nextSweepSize(left = 0): number {
  return Math.max(1_000, 2 * left);
}

import { type Clock, systemClock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import { AdaptiveRates } from "../guard/adaptive-rate.ts";
import type { CallPolicies } from "../guard/budgeted-call.ts";
import type { RateLimits } from "../guard/limits.ts";
import { createMemoryPacer, type Pacer } from "../guard/pacer.ts";
import { Pacing } from "../guard/pacing.ts";
import { BreakerRegistry, RetryBudgets } from "../guard/per-provider.ts";
import type { ResolvedReliabilityConfig } from "../guard/reliability-config.ts";
import { ModelTraitsRegistry } from "../provider/model-traits.ts";
import { openStore, type StoreName } from "../store/open-store.ts";
import type { RunStore } from "../store/store.ts";
import { ProcessCalibrations } from "./calibrations.ts";
import { Flights, type FlightsByKey } from "./key/flights.ts";

/**
 * State that reliable runs share: circuit breakers, retry budgets, the stores that are only named, and the executions in flight
 * by key. One a process by default, so that all orchestrators know what one of them learned of a provider, and a store is
 * opened once, whose path is one in the folder that the process then works in.
 *
 * @example
 * ```ts
 * const clock = createFakeClock();
 * const state = new ReliabilityState({ clock }); // a test's own, on the clock of its orchestrators
 * new ReliableOrchestrator({ state, clock });
 * ```
 */
export class ReliabilityState {
  readonly #flights = new Flights();
  readonly #clock: Clock;
  readonly #breakers: BreakerRegistry;
  readonly #retryBudgets = new RetryBudgets();
  readonly #rates: AdaptiveRates;
  /** Pacers by their limits: orchestrators with the same limits share them. */
  readonly #pacers = new Map<string, Pacer>();
  readonly #modelTraits = new ModelTraitsRegistry();
  readonly #stores = new Map<StoreName, Promise<RunStore>>();
  /** Votes of the bundles of the process, by which further ones are judged. @internal */
  readonly calibrations = new ProcessCalibrations();

  /** @param options `clock` (default: the real one); `random` is accepted for symmetry and not needed */
  constructor(options?: { clock?: Clock | undefined; random?: Random | undefined }) {
    this.#clock = options?.clock ?? systemClock;
    this.#breakers = new BreakerRegistry({ clock: this.#clock });
    this.#rates = new AdaptiveRates({ clock: this.#clock });
  }

  /** The state of each provider's circuit breaker, of those that were called; past 1,000, healthy ones are forgotten. */
  breakers(): Record<string, "closed" | "open" | "half_open"> {
    return this.#breakers.states();
  }

  /**
   * Milliseconds that are left of the pauses that servers have asked for with Retry-After, by provider, or by
   * `provider:model` where the model is known.
   */
  pauses(): Record<string, number> {
    return this.#breakers.pauses();
  }

  /**
   * Forgets what is held against a provider: closes its circuits, ends its pauses, fills its retry budget, and lifts the
   * rate that its refusals have led to.
   */
  resetProvider(name: string): void {
    this.#rates.reset(name);
    this.#breakers.reset(name);
    this.#retryBudgets.reset(name);
  }

  /** @internal */
  storeNamed(name: StoreName): Promise<RunStore> {
    const known = this.#stores.get(name);
    if (known) return known;
    // What outlives the process tells its time by a clock that others share.
    const opening = openStore(name, name === "memory" ? { clock: this.#clock } : {});
    this.#stores.set(name, opening);
    opening.catch(() => this.#stores.delete(name));
    return opening;
  }

  /** The executions of this process on a store, by key. @internal */
  flightsOn(store: RunStore | StoreName): FlightsByKey {
    return this.#flights.on(store);
  }

  /** @internal */
  policiesFor(config: ResolvedReliabilityConfig, given: GivenPace = {}): Omit<CallPolicies, "hasFallback"> {
    const pacer = given.pacer ?? (given.limits && this.#pacerOf(given.limits));
    const pacing = new Pacing({ pacer, rates: this.#rates, clock: this.#clock });
    return {
      config,
      breakers: this.#breakers,
      retryBudgets: this.#retryBudgets,
      modelTraits: this.#modelTraits,
      pacing,
    };
  }

  #pacerOf(limits: RateLimits): Pacer {
    const name = JSON.stringify(limits);
    const pacer = this.#pacers.get(name) ?? createMemoryPacer(limits, { clock: this.#clock });
    this.#pacers.set(name, pacer);
    return pacer;
  }
}

/** Limits of an orchestrator, or its own pacer. */
export interface GivenPace {
  readonly limits?: RateLimits | undefined;
  readonly pacer?: Pacer | undefined;
}

const processState = new ReliabilityState();

/**
 * The state of an orchestrator that was given none: the process's. With a clock of its own it gets one of its own, since
 * a breaker that opened on one clock never closes on another.
 */
export function stateFor({ clock }: { clock?: Clock | undefined }): ReliabilityState {
  return clock && clock !== systemClock ? new ReliabilityState({ clock }) : processState;
}

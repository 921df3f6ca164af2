import { type Clock, systemClock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { CallPolicies } from "../guard/budgeted-call.ts";
import { BreakerRegistry, RetryBudgets } from "../guard/per-provider.ts";
import type { ResolvedReliabilityConfig } from "../guard/reliability-config.ts";
import { ModelTraitsRegistry } from "../provider/model-traits.ts";
import { openStore, type StoreName } from "../store/open-store.ts";
import type { RunStore } from "../store/store.ts";
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
  readonly #modelTraits = new ModelTraitsRegistry();
  readonly #stores = new Map<StoreName, Promise<RunStore>>();

  /** @param options `clock` (default: the real one); `random` is accepted for symmetry and not needed */
  constructor(options?: { clock?: Clock | undefined; random?: Random | undefined }) {
    this.#clock = options?.clock ?? systemClock;
    this.#breakers = new BreakerRegistry({ clock: this.#clock });
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

  /** Forgets what is held against a provider: closes its circuits, ends its pauses, and fills its retry budget. */
  resetProvider(name: string): void {
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
  policiesFor(config: ResolvedReliabilityConfig): Omit<CallPolicies, "hasFallback"> {
    return { config, breakers: this.#breakers, retryBudgets: this.#retryBudgets, modelTraits: this.#modelTraits };
  }
}

const processState = new ReliabilityState();

/**
 * The state of an orchestrator that was given none: the process's. With a clock of its own it gets one of its own, since
 * a breaker that opened on one clock never closes on another.
 */
export function stateFor({ clock }: { clock?: Clock | undefined }): ReliabilityState {
  return clock && clock !== systemClock ? new ReliabilityState({ clock }) : processState;
}

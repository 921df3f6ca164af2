import type { OrchestratorSettings } from "../contract/run.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { type ReliabilityConfig, resolveReliabilityConfig } from "../guard/reliability-config.ts";
import type { Planner } from "../planning/planner.ts";
import { RuleBasedPlanner } from "../planning/rules.ts";
import { openStore, storeNames } from "../store/open-store.ts";
import type { RunStore } from "../store/store.ts";
import { createGuardLayer } from "./guard-layer.ts";
import { createIdempotencyLayer } from "./idempotency.ts";
import { Orchestrator } from "./orchestrator.ts";
import { createPlanLayer } from "./plan-layer.ts";
import type { RunLayer } from "./run-context.ts";
import { type ReliabilityState, stateFor } from "./state.ts";

export interface ReliableOrchestratorSettings<Tools = {}> extends OrchestratorSettings<Tools> {
  /** Chooses the tool of a run that names none. Default: a `RuleBasedPlanner` without rules. */
  planner?: Planner | undefined;
  reliabilityConfig?: ReliabilityConfig | undefined;
  /** Where idempotency keys and what they paid for are kept. Default: `"memory"`, which ends with the process. */
  store?: RunStore | "memory" | "sqlite" | "postgres" | undefined;
  /** Breakers, retry budgets and the memory store. Default: those of the process; of its own with a clock of its own. */
  state?: ReliabilityState | undefined;
}

/**
 * An orchestrator that chooses tools, retries, breaks circuits, falls back, runs one idempotency key once, and keeps
 * what was paid for. Its methods are those of `Orchestrator`; what differs is the layers around each run.
 *
 * @example
 * ```ts
 * const output = await new ReliableOrchestrator({ store: "sqlite" }).run({
 *   request: { type: "bug", report: "It crashes" },
 *   options: { budget: { costUsd: 0.5 }, idempotencyKey: "report-17" },
 * });
 * ```
 */
export class ReliableOrchestrator<Tools = {}> extends Orchestrator<Tools> {
  readonly #layers: readonly RunLayer[];

  /** @throws InvalidOptionsError naming every setting that cannot be used */
  constructor(settings: ReliableOrchestratorSettings<Tools> = {}) {
    super(settings);
    const config = resolveReliabilityConfig(settings.reliabilityConfig);
    const state = settings.state ?? stateFor(settings);
    const planner = settings.planner ?? new RuleBasedPlanner();
    this.#layers = [
      createIdempotencyLayer({
        openStore: storeOpener(settings.store ?? "memory", state),
        flights: state.flights,
        ttlMs: config.idempotencyTtlMs,
        leaseMs: config.leaseMs,
        onInFlight: config.onInFlight,
        onStoreError: config.onStoreError,
      }),
      createPlanLayer(planner, () => state.breakers()),
      createGuardLayer(state.policiesFor(config)),
    ];
  }

  /** @internal */
  protected static override readonly furtherSettings = ["planner", "reliabilityConfig", "store", "state"];

  /** @internal */
  protected override get layers(): readonly RunLayer[] {
    return this.#layers;
  }
}

/** Opens a store when it is first needed; once that failed, the next run tries again. */
function storeOpener(
  store: RunStore | "memory" | "sqlite" | "postgres",
  state: ReliabilityState,
): () => Promise<RunStore> {
  if (store === "memory") return () => state.memoryStore();
  if (typeof store === "string" && !storeNames.includes(store)) {
    const names = storeNames.map((name) => `"${name}"`).join(", ");
    throw new InvalidOptionsError([{ path: "store", given: store, allowed: `one of ${names}, or a RunStore` }]);
  }
  let opening: Promise<RunStore> | undefined;
  return () => {
    opening ??= openStore(store).catch((error) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
}

import type { OrchestratorSettings } from "../contract/settings.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import { type ReliabilityConfig, resolveReliabilityConfig } from "../guard/reliability-config.ts";
import type { Planner } from "../planning/planner.ts";
import { type RunStore, type StoreName, storeNames } from "../store/store.ts";
import { Orchestrator } from "./orchestrator.ts";
import type { RunLayer } from "./run-context.ts";
import type { ReliabilityState } from "./state.ts";

/** What a reliable orchestrator is made of, beside what every orchestrator is. */
export interface ReliableOrchestratorSettings<Tools = {}> extends OrchestratorSettings<Tools> {
  /** Chooses the tool of a run that names none. Default: a `RuleBasedPlanner` without rules. */
  planner?: Planner | undefined;
  /** Retries, breakers, timeouts, how long keys are kept. */
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
  readonly #layers: () => Promise<readonly RunLayer[]>;

  /** @throws InvalidOptionsError naming every setting that cannot be used */
  constructor(settings: ReliableOrchestratorSettings<Tools> = {}) {
    super(settings);
    const { planner, store = "memory", state, clock } = settings;
    assertStore(store);
    assertPlanner(planner);
    const config = resolveReliabilityConfig(settings.reliabilityConfig);
    this.#layers = lazily(async () => {
      const { createReliableLayers } = await import("./reliable-layers.ts");
      return createReliableLayers({ config, planner, store, state, clock });
    });
  }

  /** @internal */
  protected static override readonly furtherSettings = ["planner", "reliabilityConfig", "store", "state"];

  /** @internal */
  protected override readonly isReliable = true;

  /** @internal */
  protected override layers(): Promise<readonly RunLayer[]> {
    return this.#layers();
  }
}

function assertPlanner(planner: Planner | null | undefined): void {
  if (planner === undefined || typeof planner?.plan === "function") return;
  throw new InvalidOptionsError([{ path: "planner", given: planner, allowed: "an object with a plan function" }]);
}

function assertStore(store: RunStore | StoreName): void {
  if (typeof store !== "string" || storeNames.includes(store)) return;
  const names = storeNames.map((name) => `"${name}"`).join(", ");
  throw new InvalidOptionsError([{ path: "store", given: store, allowed: `one of ${names}, or a RunStore` }]);
}

import type { OrchestratorSettings } from "../contract/settings.ts";
import type { OptionIssue } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import {
  collectReliabilityConfig,
  type ReliabilityConfig,
  resolveReliabilityConfig,
} from "../guard/reliability-config.ts";
import type { Planner } from "../planning/planner.ts";
import { allowedStores, type RunStore, storeMethods, storeNames } from "../store/store.ts";
import { Orchestrator } from "./orchestrator.ts";
import type { Reliability } from "./reliability.ts";
import type { ReliabilityState } from "./state.ts";

/** Settings of a reliable orchestrator, beside those of every orchestrator. */
export interface ReliableOrchestratorSettings<Tools = {}> extends OrchestratorSettings<Tools> {
  /** Chooses the tool of a run that names none. Default: a `RuleBasedPlanner` without rules. */
  planner?: Planner | undefined;
  /** Retries, breakers, timeouts, how long keys are kept. */
  reliabilityConfig?: ReliabilityConfig | undefined;
  /** Store of idempotency keys and what they paid for. Default: `"memory"`, which ends with the process. */
  store?: RunStore | "memory" | "sqlite" | "postgres" | undefined;
  /** Breakers, retry budgets and the stores that are only named. Default: those of the process; of its own with a clock of its own. */
  state?: ReliabilityState | undefined;
  /**
   * Longest pause that a server's Retry-After is taken to mean, in milliseconds. A longer one holds for its own call
   * alone, as this long, and a `warning` names it. Default: 900,000, which is 15 minutes.
   */
  maxRetryAfterMs?: number | undefined;
}

/**
 * An orchestrator that chooses tools, retries, breaks circuits, falls back, runs one idempotency key once, and keeps
 * what was paid for. Its methods are those of `Orchestrator`.
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
  readonly #reliability: () => Promise<Reliability>;

  /** @throws InvalidOptionsError naming every setting that cannot be used */
  constructor(settings: ReliableOrchestratorSettings<Tools> = {}) {
    super(settings);
    const { planner, store = "memory", state, clock, maxRetryAfterMs } = settings;
    const config = resolveReliabilityConfig(settings.reliabilityConfig);
    this.#reliability = lazily(async () => {
      const { createReliability } = await import("./reliability.ts");
      return createReliability({ config, planner, store, state, clock, maxRetryAfterMs });
    });
  }

  /** @internal */
  protected static override readonly furtherSettings = {
    planner: { methods: ["plan"], allowed: "an object with a plan function" },
    reliabilityConfig: { methods: [], allowed: "an object of reliability options", faultsIn: faultsInConfig },
    store: { names: storeNames, methods: storeMethods, allowed: allowedStores },
    state: { methods: ["policiesFor", "flightsOn"], allowed: "a ReliabilityState" },
    maxRetryAfterMs: { isDuration: true, methods: [], allowed: "a number of milliseconds of at least 0" },
  };

  /** @internal */
  protected override readonly isReliable = true;

  /** @internal */
  protected override reliability(): Promise<Reliability> {
    return this.#reliability();
  }
}

function faultsInConfig(value: unknown): readonly OptionIssue[] {
  const issues: OptionIssue[] = [];
  collectReliabilityConfig(value, "reliabilityConfig", issues);
  return issues;
}

import type { OrchestrationOutput } from "../contract/output.ts";
import type { RunManyParams } from "../contract/run.ts";
import type { Logger, OrchestratorSettings } from "../contract/settings.ts";
import type { AnyTool, ToolRegistry } from "../contract/tool.ts";
import { snapshot } from "../core/canonical.ts";
import type { Clock } from "../core/clock.ts";
import { tellListener } from "../core/emitter.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import { faultsInLimits, type RateLimits } from "../guard/limits.ts";
import type { Pacer } from "../guard/pacer.ts";
import {
  collectReliabilityConfig,
  type ReliabilityConfig,
  type ResolvedReliabilityConfig,
  resolveReliabilityConfig,
} from "../guard/reliability-config.ts";
import type { Planner } from "../planning/planner.ts";
import { type EventLog, eventLogMethods } from "../store/log/event-log.ts";
import { allowedStores, type ManagedStore, type RunStore, storeMethods, storeNames } from "../store/store.ts";
import type { JobTry } from "./job/job-input.ts";
import type { JobWait } from "./job/provider-health.ts";
import type { Job, JobResult } from "./job/run-job.ts";
import type { ReviewDecision } from "./key/resolve-review.ts";
import { Orchestrator } from "./orchestrator.ts";
import type { Reliability } from "./reliability.ts";
import type { RunManyResult } from "./run-many.ts";
import type { ReliabilityState } from "./state.ts";

const loadAcceptedJob = lazily(() => import("./job/accepted-job.ts"));
const loadResolveReview = lazily(() => import("./key/resolve-review.ts"));
const loadRunJob = lazily(() => import("./job/run-job.ts"));

/** Inputs in flight at once. */
const defaultConcurrency = 10;
/** Longest time without one answer, where a job says nothing else. @internal */
export const defaultGiveUpAfterMs = 3_600_000;
/** Longest time without an answer where no server was there at all: its address is more likely wrong than the server away. */
const defaultUnreachedAfterMs = 60_000;

/** Least retention of the output of a queued run: 7 days. */
const queuedTtlMs = 7 * 24 * 3_600_000;
/** Longest lease of a queued run: as a queue gives the job of a dead worker to another one, its key is free. */
const queuedLeaseMs = 7_000;

/** A job over inputs of any kind, with the defaults of `runMany`. */
type ReliableJob<I> = Pick<Job<I>, "inputs" | "signal" | "finish" | "onWait" | "run"> & {
  readonly concurrency?: number | undefined;
  readonly giveUpAfterMs?: number | undefined;
};

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
  /**
   * Limits by `"provider"` or `"provider:model"`, kept before each call. Orchestrators of one `state` with the same limits
   * share them. Default: none; then calls go on until the server refuses one, and slow down to what it takes.
   */
  limits?: RateLimits | undefined;
  /** Keeps the limits in place of `limits`, for several processes say. */
  pacer?: Pacer | undefined;
  /** Log of the events of runs, for those who watch them from elsewhere or later. Default: none; events are then told once. */
  events?: EventLog | undefined;
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
  readonly #config: ResolvedReliabilityConfig;
  readonly #settings: ReliableOrchestratorSettings<Tools>;
  #queued: ReliableOrchestrator<Tools> | undefined;

  /** @throws InvalidOptionsError naming every setting that cannot be used */
  constructor(settings: ReliableOrchestratorSettings<Tools> = {}) {
    super(settings);
    this.#settings = settings;
    const { planner, store = "memory", state, clock, random, maxRetryAfterMs, pacer, events } = settings;
    if (settings.limits && pacer) throw new InvalidOptionsError([twoPacers(settings.limits)]);
    const limits = settings.limits && snapshot(settings.limits, "limits");
    const config = resolveReliabilityConfig(settings.reliabilityConfig);
    const keepsAnswers = settings.store !== undefined;
    this.#config = config;
    this.#reliability = lazily(async () => {
      const { createReliability } = await import("./reliability.ts");
      const given = { planner, store, state, clock, random, maxRetryAfterMs, limits, pacer, events };
      return createReliability({ ...given, config, keepsAnswers });
    });
  }

  /**
   * Decides a run that ended as `partial` with `metadata.needsReview`, from whatever process shares its store: the consensus of
   * its answers is right, or another stands in its place. The run is then `completed` under its key, for all who ask for it, and
   * the verdict is a label for the calibrations.
   *
   * @throws ConflictError with the reason `"decided"` where another decision came first
   * @throws InvalidOptionsError for a key under which no run waits, and for a consensus that the tool's schema refuses
   */
  async resolve(key: string, decision: ReviewDecision): Promise<OrchestrationOutput> {
    const { resolveReview } = await loadResolveReview();
    const store = await (await this.#reliability()).openStore();
    const ttlMs = this.#config.idempotencyTtlMs;
    return resolveReview(key, decision, { ...this.settings, store, ttlMs });
  }

  /** @internal */
  protected static override readonly furtherSettings = {
    planner: { methods: ["plan"], allowed: "an object with a plan function" },
    reliabilityConfig: { methods: [], allowed: "an object of reliability options", faultsIn: faultsInConfig },
    store: { names: storeNames, methods: storeMethods, allowed: allowedStores },
    state: { methods: ["policiesFor", "flightsOn"], allowed: "a ReliabilityState" },
    maxRetryAfterMs: { isDuration: true, methods: [], allowed: "a number of milliseconds of at least 0" },
    limits: { methods: [], allowed: 'an object of limits by "provider" or "provider:model"', faultsIn: faultsInLimits },
    events: { methods: eventLogMethods, allowed: `an EventLog (${eventLogMethods.join(", ")})` },
    pacer: { methods: ["reserve", "pause"], allowed: "a pacer, with reserve and pause" },
  };

  /** @internal */
  protected override readonly isReliable = true;

  /** @internal */
  protected override reliability(): Promise<Reliability> {
    return this.#reliability();
  }

  /**
   * Returns this orchestrator with settings for jobs of a queue: no run waits for another process that has its key, a dead
   * worker holds its keys no longer than its jobs, and outputs are kept for days, for callers that ask late. @internal
   */
  forQueue(): ReliableOrchestrator<Tools> {
    if (this.#queued) return this.#queued;
    const reliabilityConfig = {
      ...this.#settings.reliabilityConfig,
      onInFlight: "reject",
      idempotencyTtlMs: Math.max(this.#config.idempotencyTtlMs, queuedTtlMs),
      leaseMs: Math.min(this.#config.leaseMs, queuedLeaseMs),
    } as const;
    this.#queued = new ReliableOrchestrator<Tools>({ ...this.#settings, reliabilityConfig });
    this.#queued.#queued = this.#queued;
    return this.#queued;
  }

  /** Returns this orchestrator with a pacer that other processes share. @internal */
  withPacer(pacer: Pacer): ReliableOrchestrator<Tools> {
    return new ReliableOrchestrator<Tools>({ ...this.#settings, limits: undefined, pacer });
  }

  /** Its tools, for what offers them elsewhere. @internal */
  get registry(): ToolRegistry<any> {
    return this.settings.registry;
  }

  /** Log of its events. @internal */
  get eventLog(): EventLog | undefined {
    return this.#settings.events;
  }

  /** Clock of its runs, for what waits for them. @internal */
  get clock(): Clock {
    return this.settings.clock;
  }

  /** State of the circuits and the pauses that its calls keep to. @internal */
  async providerState(): Promise<ReliabilityState> {
    const { state, clock } = this.#settings;
    return state ?? (await import("./state.ts")).stateFor({ clock });
  }

  /** Output that the store keeps under a key; `undefined` where there is none, and of a store that shows none. @internal */
  async keptOutput(key: string): Promise<OrchestrationOutput | undefined> {
    const { store = "memory" } = this.#settings;
    const { restoredBy } = await import("./key/kept-output.ts");
    const opened = typeof store === "string" ? await (await this.providerState()).storeNamed(store) : store;
    const details = await (opened as Partial<ManagedStore>).show?.(key);
    if (details?.state !== "settled" || !details.output) return undefined;
    return restoredBy(this.settings.registry.get(details.output.metadata.toolName) as AnyTool, details.output);
  }

  /** Runs a job over inputs of any kind, each by `runTry`. @internal */
  async *runJob<I>(job: ReliableJob<I>): AsyncGenerator<JobResult<I>, void> {
    const { runJob } = await loadRunJob();
    const { clock, random } = this.settings;
    const { concurrency = defaultConcurrency, giveUpAfterMs = defaultGiveUpAfterMs } = job;
    const { giveUpAfterMs: unreachedAfterMs = defaultUnreachedAfterMs } = job;
    yield* runJob<I>({ ...job, concurrency, giveUpAfterMs, unreachedAfterMs, delays: this.#config, clock, random });
  }

  /** @internal */
  protected override overMany(params: RunManyParams<any, any, any>): AsyncIterable<RunManyResult<OrchestrationOutput>> {
    return { [Symbol.asyncIterator]: () => this.#iterate(params) };
  }

  async *#iterate(params: RunManyParams<any, any, any>): AsyncGenerator<RunManyResult<OrchestrationOutput>, void> {
    const { requests, concurrency, giveUpAfterMs, signal, accept, verifier: _, secondModel: __, ...shared } = params;
    const { logger, random, registry } = this.settings;
    const onWait = logger && waitLog(logger);
    const job = { concurrency, giveUpAfterMs, signal, onWait };
    const run = (request: unknown, jobTry: JobTry) =>
      this.runTry({ ...shared, request, signal: jobTry.signal }, jobTry);
    const results = this.runJob<unknown>({ ...job, inputs: requests, run });
    if (accept) {
      const { acceptResults } = await loadAcceptedJob();
      const tool = (params.tool ?? registry.get(params.toolName as string)) as AnyTool;
      const { toolName: _named, fallbackTools: _others, ...common } = shared;
      const options = { ...shared.options, qualityRequirements: undefined };
      yield* acceptResults(results, {
        params,
        tool,
        random,
        runAll: (inputs, runOne) => this.runJob({ ...job, inputs, run: runOne }),
        runOne: (tool, toolOptions, request, jobTry) =>
          this.runTry({ ...common, options, tool, toolOptions, request, signal: jobTry.signal }, jobTry),
      });
      return;
    }
    for await (const { index, ...end } of results)
      yield "error" in end ? { index, error: end.error } : { index, output: end.output };
  }
}

/** Logs the beginning of a wait, each further reason, and its end. */
function waitLog(logger: Logger): (wait: JobWait | undefined) => void {
  let told: string | undefined;
  const log = (wait: JobWait | undefined) => {
    if (wait)
      logger.warn({ why: wait.why, untilMs: wait.untilMs }, "the job holds its requests until its provider answers");
    else logger.info({}, "the job goes on");
  };
  return (wait) => {
    if (wait && wait.why === told) return;
    told = wait?.why;
    tellListener(log, wait);
  };
}

function faultsInConfig(value: unknown): readonly OptionIssue[] {
  const issues: OptionIssue[] = [];
  collectReliabilityConfig(value, "reliabilityConfig", issues);
  return issues;
}

function twoPacers(given: unknown): OptionIssue {
  const message = "limits and pacer are both given. Give the limits to the pacer, or leave the pacer out.";
  return { path: "limits", given, allowed: "nothing beside a pacer", message };
}

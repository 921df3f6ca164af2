import type { KeptAnswers } from "../contract/call.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { type Random, systemRandom } from "../core/random.ts";
import type { ResolvedReliabilityConfig } from "../guard/reliability-config.ts";
import type { Planner } from "../planning/planner.ts";
import { RuleBasedPlanner } from "../planning/rules.ts";
import { GivenStore } from "../store/given-store.ts";
import type { EventLog } from "../store/log/event-log.ts";
import { openStore, type StoreName } from "../store/open-store.ts";
import type { RunStore } from "../store/store.ts";
import { chooseTool } from "./choose-tool.ts";
import { EventLogWriter } from "./event-log/log-writer.ts";
import { type Execute, executeWithFallbacks } from "./fallbacks.ts";
import { keptAnswersFor } from "./key/kept-answers.ts";
import { runOnce } from "./key/run-once.ts";
import type { Run, ToolChoice, WorkSetting } from "./run-context.ts";
import { type GivenPace, type ReliabilityState, stateFor } from "./state.ts";

/** Three steps that a reliable run has and a basic one has not. */
export interface Reliability {
  /** Does the work once for its key, however many callers ask for it. */
  once(
    run: Run,
    fingerprint: string,
    work: (setting: WorkSetting) => Promise<OrchestrationOutput>,
  ): Promise<OrchestrationOutput>;
  /** Keeps the events of runs in their log; absent without one. */
  readonly events?: EventLogWriter | undefined;
  /** Opens the store of the keys. */
  openStore(): RunStore | Promise<RunStore>;
  /** Returns the answers that earlier runs have paid for; absent where no store was given. */
  answersFor?(run: Run): KeptAnswers;
  /** Chooses the tool of a run that names none. */
  choose(run: Run, setting: WorkSetting): Promise<ToolChoice>;
  /** Executes the chosen tool under policies, and where it fails its fallbacks. */
  withFallbacks(run: Run, choice: ToolChoice, execute: Execute): Promise<OrchestrationOutput>;
}

/** Settings of a reliable orchestrator. */
export interface ReliableParts extends GivenPace {
  readonly config: ResolvedReliabilityConfig;
  readonly planner?: Planner | undefined;
  readonly store: RunStore | StoreName;
  /** True where the store keeps answers too: it was chosen, and so is known to be there. */
  readonly keepsAnswers?: boolean | undefined;
  readonly state?: ReliabilityState | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly maxRetryAfterMs?: number | undefined;
  readonly events?: EventLog | undefined;
}

export function createReliability(parts: ReliableParts): Reliability {
  const { config, store, planner = new RuleBasedPlanner(), state = stateFor(parts), events: eventLog } = parts;
  const keySettings = { ...config, openStore: storeOpener(store, state), flights: state.flightsOn(store), eventLog };
  const policies = { ...state.policiesFor(config, parts), maxRetryAfterMs: parts.maxRetryAfterMs };
  const probing = { ...policies, config: { ...config, maxRetries: 0 } };
  return {
    openStore: keySettings.openStore,
    once: (run, fingerprint, work) => runOnce(run, fingerprint, keySettings, work),
    ...(eventLog && { events: writerOf(eventLog, parts) }),
    ...(parts.keepsAnswers && { answersFor: (run) => keptAnswersFor(run, keySettings) }),
    choose: (run, setting) => chooseTool(run, setting, planner, state.breakers()),
    withFallbacks: (run, choice, execute) =>
      executeWithFallbacks(run, choice, run.jobTry?.isProbe ? probing : policies, execute),
  };
}

function writerOf(
  log: EventLog,
  { config, clock = systemClock, random = systemRandom }: ReliableParts,
): EventLogWriter {
  return new EventLogWriter(log, { clock, random, retryMs: config.storeRetryMs });
}

/** Opens a store when it is first needed. After a failure, the next run tries again. */
function storeOpener(store: RunStore | StoreName, state: ReliabilityState): () => RunStore | Promise<RunStore> {
  const open = async () =>
    typeof store === "string" ? state.storeNamed(store) : new GivenStore(await openStore(store));
  let opened: RunStore | Promise<RunStore> | undefined;
  return () => {
    opened ??= open().then(
      (ready) => {
        opened = ready;
        return ready;
      },
      (error) => {
        opened = undefined;
        throw error;
      },
    );
    return opened;
  };
}

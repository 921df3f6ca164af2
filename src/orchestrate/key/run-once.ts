import { ConflictError } from "../../contract/errors.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { CancelScope } from "../../core/signal.ts";
import type { EventLog } from "../../store/log/event-log.ts";
import type { RunStore } from "../../store/store.ts";
import { latestOf, Relay } from "../event-log/relay.ts";
import type { Run, WorkSetting } from "../run-context.ts";
import { emitEnd, emitRejection, withSpent } from "../run-output.ts";
import {
  claimKey,
  executeClaimed,
  type KeyedRun,
  otherRequest,
  type ReplayableClaim,
  type WonClaim,
} from "./claimed-run.ts";
import { Flight, type FlightsByKey, isWorkIn } from "./flights.ts";
import { restored } from "./kept-output.ts";
import { StoreProtection } from "./store-protection.ts";

export interface KeySettings {
  /** Returns a promise until the store is open. */
  openStore(): RunStore | Promise<RunStore>;
  /** Executions of this process on the store. */
  readonly flights: FlightsByKey;
  readonly idempotencyTtlMs: number;
  readonly leaseMs: number;
  readonly onInFlight: "wait" | "reject";
  readonly onStoreError: "fail" | "run_unprotected";
  readonly storeRetryMs: number;
  /** Log of the events of runs. */
  readonly eventLog?: EventLog | undefined;
}

/** Plans, executes and builds the output of a run. */
export type Work = (setting: WorkSetting) => Promise<OrchestrationOutput>;

/**
 * Executes a run once for its key: joins or waits for an execution of the same request, replays a settled output, or
 * claims the key and executes.
 *
 * @throws ConflictError for a key of another request
 */
export async function runOnce(
  run: Run,
  fingerprint: string,
  settings: KeySettings,
  work: Work,
): Promise<OrchestrationOutput> {
  const { input, callerScope } = run;
  const { clock } = run.settings;
  const { flights, leaseMs } = settings;
  const key = input.options.idempotencyKey as string;
  for (;;) {
    const present = flights[key];
    if (!present) return startFlight({ key, fingerprint, run }, settings, work).join(callerScope);
    if (present.fingerprint !== fingerprint) throw otherRequest(key);
    if (isWorkIn(present)) throw joinsItself(key);
    // A copy, as from a store: a caller may change its output.
    if (present.isJoinable) {
      const output = await joined(present, run, settings);
      return restored(JSON.parse(JSON.stringify(output)), run, callerScope);
    }
    // Past its lease, a key is free again whether or not the store has taken it back.
    await present.whenOver(callerScope, clock, leaseMs);
    if (flights[key] === present) delete flights[key];
  }
}

/** Waits for an execution of this process, whose events the run's listeners hear. */
async function joined(
  flight: Flight<OrchestrationOutput>,
  run: Run,
  settings: KeySettings,
): Promise<OrchestrationOutput> {
  run.events.recording?.forgo();
  const relay = relayFor(run, settings);
  if (flight.opened) relay?.followExecution(flight.opened, run.input.options.idempotencyKey as string);
  try {
    return await flight.join(run.callerScope, run.ledger.endsAtMs);
  } finally {
    await relay?.end();
  }
}

function relayFor(run: Run, { eventLog }: KeySettings): Relay | undefined {
  return eventLog && run.events.hasListeners ? new Relay(eventLog, run) : undefined;
}

/** Starts an execution that outlives the caller who happened to be first: others may wait for it when that one has left. */
function startFlight(keyed: KeyedRun, settings: KeySettings, work: Work): Flight<OrchestrationOutput> {
  const { key, fingerprint, run } = keyed;
  const { flights } = settings;
  const { events } = run;
  if (events.recording) events.recording.isWorking = true;
  const flight = new Flight<OrchestrationOutput>(fingerprint, run.ledger, events.recording?.opened);
  const store = new StoreProtection(settings, run, flight.scope);
  const leave = () => {
    if (flights[key] === flight) delete flights[key];
  };
  const execute = async () => {
    try {
      const output = await executeOnce(keyed, settings, store, flight.scope, work);
      events.endWork(() => emitEnd(run, output));
      return output;
    } catch (error) {
      const thrown = withSpent(run, error);
      events.endWork(() => emitRejection(run, thrown));
      throw thrown;
    } finally {
      const end = () => {
        leave();
        store.end();
      };
      if (store.pendingRelease) void store.pendingRelease.then(end);
      else end();
    }
  };
  flights[key] = flight;
  flight.start(execute, () => store.pendingRelease);
  return flight;
}

/** Claims the key and executes, replays the stored output, or executes without the store where that has failed. */
async function executeOnce(
  keyed: KeyedRun,
  settings: KeySettings,
  protection: StoreProtection,
  scope: CancelScope,
  work: Work,
): Promise<OrchestrationOutput> {
  const { recording } = keyed.run.events;
  const relay = relayFor(keyed.run, settings);
  const opened = settings.openStore();
  const store = opened instanceof Promise ? await protection.attempt("open", async () => settings.openStore()) : opened;
  const inStore = store && { keyed, store, settings, protection };
  let claim: WonClaim | ReplayableClaim | undefined;
  try {
    claim = inStore && (await claimKey(inStore, { scope, relay }));
  } finally {
    // This run goes its own way; only a stored output still has events to tell.
    if (claim?.state !== "settled") relay?.stop();
  }
  if (!inStore || !claim) {
    recording?.begin();
    return work({ scope });
  }
  if (claim.state === "settled") {
    if (await isUnfinished(keyed, settings)) recording?.begin(keyed);
    else recording?.forgo();
    await relay?.tellWhole(keyed.key);
    const output = await restored(claim.output, keyed.run, scope);
    return { ...output, metadata: { ...output.metadata, replayed: true } };
  }
  recording?.begin(keyed);
  return executeClaimed(inStore, claim, (setting) => work({ scope, ...setting }));
}

/** True where the process that settled the key died before the event log had the end of its run. */
async function isUnfinished({ key, run }: KeyedRun, { eventLog }: KeySettings): Promise<boolean> {
  const latest = eventLog && (await latestOf(eventLog, key, run.settings.clock));
  return latest?.status === "abandoned";
}

function joinsItself(key: string): ConflictError {
  const message = "this run already holds the key and would wait for itself. Give nested runs their own key, or none.";
  return new ConflictError(key, message, { reason: "in_flight" });
}

import { hostname } from "node:os";
import { bundleIn } from "../../contract/bundle-json.ts";
import { consequencesOf } from "../../contract/error-category.ts";
import { ConflictError } from "../../contract/errors.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { AnyTool } from "../../contract/tool.ts";
import type { Usage } from "../../contract/usage.ts";
import { InvalidOptionsError, messageOf } from "../../core/errors.ts";
import type { CancelScope } from "../../core/signal.ts";
import type { EventLog } from "../../store/log/event-log.ts";
import { type Claim, defaultJournalTtlMs, type RunStore } from "../../store/store.ts";
import { latestOf, Relay } from "../event-log/relay.ts";
import type { Run, WorkSetting } from "../run-context.ts";
import { emitEnd, emitRejection, withPartial, withSpent } from "../run-output.ts";
import { Flight, type FlightsByKey, isWorkIn } from "./flights.ts";
import { createClaimJournal } from "./journal.ts";
import { keepLease } from "./lease.ts";
import { StoreProtection } from "./store-protection.ts";

export interface KeySettings {
  /** A promise until the store is open. */
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
    await present.end(callerScope, clock, leaseMs);
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

/** A run and its key. */
interface KeyedRun {
  readonly key: string;
  readonly fingerprint: string;
  readonly run: Run;
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
  let claim: WonClaim | ReplayableClaim | undefined;
  try {
    claim = store && (await claimKey(store, keyed, settings, protection, scope, relay));
  } finally {
    // This run goes its own way; only a stored output still has events to tell.
    if (claim?.state !== "settled") relay?.stop();
  }
  if (!store || !claim) {
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
  return executeClaimed(store, claim, keyed, settings, protection, (means) => work({ scope, ...means }));
}

/** True where the process that settled the key died before the event log had the end of its run. */
async function isUnfinished({ key, run }: KeyedRun, { eventLog }: KeySettings): Promise<boolean> {
  const latest = eventLog && (await latestOf(eventLog, key, run.settings.clock));
  return latest?.status === "abandoned";
}

/**
 * Gives an output that was kept as JSON its values again: its tool sends the answers through their schema. Where that tool
 * is not here, or cannot any more, the output stays JSON.
 */
export async function restoredBy(
  maker: AnyTool | undefined,
  output: OrchestrationOutput,
  options?: Readonly<Record<string, unknown>> | undefined,
  scope?: CancelScope | undefined,
): Promise<OrchestrationOutput> {
  const bundle = bundleIn(output.content);
  if (!bundle) return output;
  try {
    if (maker?.restoreContent) {
      const restoring = maker.restoreContent(output.content, options);
      return { ...output, content: await (scope?.race(restoring) ?? restoring) } as OrchestrationOutput;
    }
  } catch {
    // The schema or its package may be gone.
  }
  bundle.summary.pairwiseDistance ??= null;
  return output;
}

function restored(output: OrchestrationOutput, run: Run, scope: CancelScope): Promise<OrchestrationOutput> {
  const { maker, options } = makerOf(output, run);
  return restoredBy(maker, output, options, scope);
}

/** Returns an output without what its tool derives again on replay. */
function withoutDerived(output: OrchestrationOutput, run: Run): OrchestrationOutput {
  if (!bundleIn(output.content)) return output;
  const { maker, options } = makerOf(output, run);
  return maker?.contentToKeep ? { ...output, content: maker.contentToKeep(output.content, options) } : output;
}

/** Finds the tool that made an output, and the options that it was given. */
function makerOf({ metadata }: OrchestrationOutput, run: Run) {
  const { tool, fallbackTools, toolOptions } = run.input;
  const tools = [tool, ...fallbackTools, run.settings.registry.get(metadata.toolName)];
  const maker = tools.find((candidate) => candidate?.name === metadata.toolName);
  return { maker, options: maker === tool ? toolOptions : undefined };
}

type WonClaim = Extract<Claim, { state: "won" }> & {
  /** Time at which it was asked for. */
  readonly askedAtMs: number;
};
type ReplayableClaim = Extract<Claim, { state: "settled"; sameFingerprint: true }>;

/** Retention of a run that waits for a person: people take longer than programs. */
export const reviewTtlMs = defaultJournalTtlMs;

const owner = `${hostname()}:${process.pid}`;

/** Longest pause between two looks at a key that another process holds. */
const pollMs = 500;

/**
 * Claims a key, waiting for another process that runs the same request.
 *
 * @returns `undefined` where the store failed and the run may go on without it
 * @throws ConflictError for another request's key, and for one in flight with `onInFlight: "reject"`
 */
async function claimKey(
  store: RunStore,
  { key, fingerprint, run }: KeyedRun,
  { leaseMs, onInFlight }: KeySettings,
  protection: StoreProtection,
  scope: CancelScope,
  relay: Relay | undefined,
): Promise<WonClaim | ReplayableClaim | undefined> {
  const { clock } = run.settings;
  for (;;) {
    const askedAtMs = clock.now();
    const claim = await ask(store, () => store.claim(key, fingerprint, { leaseMs, owner }), protection);
    if (!claim) return undefined;
    if (claim.state === "won") return { ...claim, askedAtMs };
    if (!claim.sameFingerprint) throw otherRequest(key);
    if (claim.state === "settled") return claim;
    if (onInFlight === "reject") throw inFlight(key, claim.leaseEndsInMs);
    void relay?.followKey(key);
    const wait = { what: "another process that runs its key" };
    run.waits.add(wait);
    await clock
      .sleep(Math.min(pollMs, claim.leaseEndsInMs + 1), { signal: scope.signal })
      .finally(() => run.waits.delete(wait));
  }
}

/** Releases a claim that is won after its run ended: the key would otherwise be taken for a whole lease. */
async function ask(
  store: RunStore,
  claim: () => Promise<Claim>,
  protection: StoreProtection,
): Promise<Claim | undefined> {
  let claiming: Promise<Claim> | undefined;
  try {
    return await protection.attempt("claim", () => {
      claiming = claim();
      return claiming;
    });
  } catch (error) {
    await protection.release(async () => {
      const late = await claiming;
      if (late?.state === "won") await store.release(late.token);
    });
    throw error;
  }
}

function otherRequest(key: string): ConflictError {
  return new ConflictError(
    key,
    "it was already used with a different request, tool or options. Use a new key for a new request, or send the same request again.",
  );
}

function joinsItself(key: string): ConflictError {
  const message = "this run already holds the key and would wait for itself. Give nested runs their own key, or none.";
  return new ConflictError(key, message, { reason: "in_flight" });
}

function inFlight(key: string, retryAfterMs: number): ConflictError {
  const message =
    'another process is running it. Ask again later, or wait for it with reliabilityConfig.onInFlight: "wait".';
  return new ConflictError(key, message, { reason: "in_flight", retryAfterMs });
}

/**
 * Codes of failures that may pass although their category is kept: the package of a fallback may be installed later, and
 * a run that the tool has started may free its key. The last one stands for an error of a tool that has neither a status nor a
 * code: its words alone ("input is too long") say what it is, and they may be about anything.
 */
const mayPass = new Set<string>([InvalidOptionsError.code, ConflictError.code, "CONTEXT_LENGTH"]);

/** Executes a run that holds its key, with the journal of earlier runs, and then stores its output or releases the key. */
async function executeClaimed(
  store: RunStore,
  { token, replicates, plan, askedAtMs }: WonClaim,
  { key, fingerprint, run }: KeyedRun,
  { leaseMs, idempotencyTtlMs }: KeySettings,
  protection: StoreProtection,
  work: (means: Omit<WorkSetting, "scope">) => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const { clock } = run.settings;
  const journal = createClaimJournal(replicates, async (replicate) => {
    let reason: string | undefined;
    const append = async () => {
      try {
        await store.append(token, replicate);
        reason = undefined;
      } catch (error) {
        reason = messageOf(error);
        throw error;
      }
    };
    await protection.attempt("append", append);
    return reason;
  });
  const lease = keepLease({
    store,
    token,
    leaseMs,
    askedAtMs,
    clock,
    patienceMs: protection.retryMs,
    onLost: (error) => protection.onLost(error),
  });
  const whenHeld = () => lease.whenHeld();
  const keepPlan = (decision: unknown) => protection.attempt("save_plan", () => store.savePlan(token, decision));
  const releaseKey = () => store.release(token);
  let output: OrchestrationOutput | undefined;
  try {
    output = withJournaledUsage(await work({ journal, whenHeld, keptPlan: plan, keepPlan }), journal.journaledUsage());
    const kept = withoutDerived(output, run);
    lease.endsSoon();
    const ttlMs = kept.metadata.needsReview ? Math.max(reviewTtlMs, idempotencyTtlMs) : idempotencyTtlMs;
    if (isKeptUnderKey(kept))
      await protection.attempt("settle", () => store.settle(token, kept, ttlMs), {
        isWhole: true,
        isDone: () => isSettled(store, key, fingerprint, leaseMs),
      });
    else await protection.releaseWithOutput(releaseKey);
    return output;
  } catch (error) {
    // The run's own error says more than a store that cannot release the key: the lease will run out.
    await protection.release(releaseKey);
    throw output ? withPartial(error, output) : error;
  } finally {
    lease.stop();
  }
}

/** Finds out whether a settlement whose answer was lost is in the store. */
async function isSettled(store: RunStore, key: string, fingerprint: string, leaseMs: number): Promise<boolean> {
  const found = await store.claim(key, fingerprint, { leaseMs, owner });
  if (found.state === "won") await store.release(found.token);
  return found.state === "settled" && found.sameFingerprint;
}

function withJournaledUsage(output: OrchestrationOutput, journaledUsage: Usage | undefined): OrchestrationOutput {
  return journaledUsage ? { ...output, metadata: { ...output.metadata, journaledUsage } } : output;
}

/** Returns true of an output that the store keeps: a whole answer, one for review, or a failure that the request itself fixes. */
export function isKeptUnderKey(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return output.status === "completed" || output.metadata.needsReview !== undefined;
  return Object.values(output.errors).every(
    ({ category, code, isRetryable }) => consequencesOf(category).keptUnderKey && !isRetryable && !mayPass.has(code),
  );
}

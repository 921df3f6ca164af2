import { hostname } from "node:os";
import { consequencesOf } from "../../contract/error-category.ts";
import { ConflictError } from "../../contract/errors.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { Usage } from "../../contract/usage.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import type { CancelScope } from "../../core/signal.ts";
import type { Claim, RunStore } from "../../store/store.ts";
import type { RunContext, RunLayer } from "../run-context.ts";
import { withPartial, withSpent } from "../run-output.ts";
import { Flight, type FlightsByKey, isWorkIn, type Place, workIn } from "./flights.ts";
import { createClaimJournal } from "./journal.ts";
import { keepLease } from "./lease.ts";
import { StoreProtection } from "./store-protection.ts";

export interface IdempotencySettings extends ClaimSettings {
  /** A promise until the store is open. */
  openStore(): RunStore | Promise<RunStore>;
  /** The executions of this process on the store. */
  readonly flights: FlightsByKey;
  readonly ttlMs: number;
  readonly onStoreError: "fail" | "run_unprotected";
}

/** One key, one execution: claims it, joins or waits for it, replays it, or refuses another request under it. */
export function createIdempotencyLayer(settings: IdempotencySettings): RunLayer {
  return (context, next) => {
    const { idempotencyKey: key } = context.input.options;
    const { fingerprint } = context;
    if (key === undefined || fingerprint === undefined) return next();
    return runOnce({ key, fingerprint, context }, settings, next);
  };
}

async function runOnce(
  run: KeyedRun,
  settings: IdempotencySettings,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const { key, fingerprint } = run;
  const {
    callerScope,
    ledger,
    settings: { clock },
  } = run.context;
  for (;;) {
    const present = settings.flights[key];
    if (!present) return takeOff(run, settings, next).join(callerScope);
    if (present.fingerprint !== fingerprint) throw otherRequest(key);
    if (isWorkIn(present)) throw joinsItself(key);
    // A copy, as from a store: what one caller does with its output is no other's concern.
    if (present.isJoinable) return structuredClone(await present.join(callerScope, ledger.endsAtMs));
    // Past its lease, a key is free again whether or not the store has taken it back.
    await present.end(callerScope, clock, settings.leaseMs);
    if (settings.flights[key] === present) delete settings.flights[key];
  }
}

/** Runs detached from the caller who happened to be first: others may wait for it when that one has left. */
function takeOff(
  run: KeyedRun,
  settings: IdempotencySettings,
  next: () => Promise<OrchestrationOutput>,
): Flight<OrchestrationOutput> {
  const { key, fingerprint, context } = run;
  const protection = new StoreProtection(settings.onStoreError, context);
  const leave = () => {
    if (settings.flights[key] === flight) delete settings.flights[key];
  };
  const execute = async (scope: CancelScope) => {
    context.scope = scope;
    try {
      return await executeOnce(run, settings, protection, next);
    } catch (error) {
      throw withSpent(context, error);
    } finally {
      if (protection.landing) void protection.landing.then(leave);
      else leave();
    }
  };
  const place: Place = { flight: undefined };
  const flight = new Flight(
    fingerprint,
    context.ledger,
    (scope) => workIn(place, () => execute(scope)),
    () => protection.landing,
  );
  place.flight = flight;
  settings.flights[key] = flight;
  return flight;
}

async function executeOnce(
  run: KeyedRun,
  settings: IdempotencySettings,
  protection: StoreProtection,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const opened = settings.openStore();
  const store = opened instanceof Promise ? await protection.attempt("open", () => opened) : opened;
  const claim = store && (await claimKey(store, run, settings, protection));
  if (!store || !claim) return next();
  if (claim.state === "settled") return { ...claim.output, metadata: { ...claim.output.metadata, replayed: true } };
  return executeClaimed(store, claim, run.context, settings, protection, next);
}

/** What a run wants to do under which key. */
export interface KeyedRun {
  readonly key: string;
  readonly fingerprint: string;
  readonly context: RunContext;
}

export interface ClaimSettings {
  readonly leaseMs: number;
  readonly onInFlight: "wait" | "reject";
}

export type WonClaim = Extract<Claim, { state: "won" }> & {
  /** When it was asked for. */
  readonly askedAtMs: number;
};
export type ReplayableClaim = Extract<Claim, { state: "settled"; sameFingerprint: true }>;

const owner = `${hostname()}:${process.pid}`;

/** Longest pause between two looks at a key that another process holds. */
const pollMs = 500;

/**
 * Claims a key, waiting for another process that runs the same request.
 *
 * @returns `undefined` where the store failed and the run may go on without it
 * @throws ConflictError for another request's key, and for one in flight where nobody wants to wait
 */
async function claimKey(
  store: RunStore,
  { key, fingerprint, context }: KeyedRun,
  { leaseMs, onInFlight }: ClaimSettings,
  protection: StoreProtection,
): Promise<WonClaim | ReplayableClaim | undefined> {
  const { clock } = context.settings;
  for (;;) {
    const askedAtMs = clock.now();
    const claim = await ask(store, () => store.claim(key, fingerprint, { leaseMs, owner }), protection);
    context.isKeyElsewhere = claim?.state === "running";
    if (!claim) return undefined;
    if (claim.state === "won") return { ...claim, askedAtMs };
    if (!claim.sameFingerprint) throw otherRequest(key);
    if (claim.state === "settled") return claim;
    if (onInFlight === "reject") throw inFlight(key);
    await clock.sleep(Math.min(pollMs, claim.leaseEndsInMs + 1), { signal: context.scope.signal });
  }
}

/** A claim that is won when nobody waits for it any more is given back, or the key would be taken for a lease. */
async function ask(
  store: RunStore,
  claim: () => Promise<Claim>,
  protection: StoreProtection,
): Promise<Claim | undefined> {
  const claiming = claim();
  try {
    return await protection.attempt("claim", () => claiming);
  } catch (error) {
    await protection.letGo(async () => {
      const late = await claiming;
      if (late.state === "won") await store.release(late.token);
    });
    throw error;
  }
}

function otherRequest(key: string): ConflictError {
  return new ConflictError(
    key,
    "it stands for another request, tool or options. Use a new key for a new request, or send the same request again.",
  );
}

function joinsItself(key: string): ConflictError {
  const message =
    "the run that has it in flight is the one that asks, and would wait for itself. Give runs inside of a run keys of their own, or none.";
  return new ConflictError(key, message, { reason: "in_flight" });
}

function inFlight(key: string): ConflictError {
  const message =
    'another process is running it. Ask again later, or wait for it with reliabilityConfig.onInFlight: "wait".';
  return new ConflictError(key, message, { reason: "in_flight" });
}

/**
 * Codes of failures that may pass although their category is kept: the package of a fallback may be installed later, and
 * a run that the tool has started may free its key.
 */
const mayPass = new Set<string>([InvalidOptionsError.code, ConflictError.code]);

/**
 * Executes a run that holds its key, with the journal of those before it, and then stores its output or gives the key
 * back.
 *
 * @param ttlMs how long the output is kept
 */
async function executeClaimed(
  store: RunStore,
  { token, replicates, plan, askedAtMs }: WonClaim,
  context: RunContext,
  { leaseMs, ttlMs }: { readonly leaseMs: number; readonly ttlMs: number },
  protection: StoreProtection,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const { clock } = context.settings;
  const journal = createClaimJournal(replicates, (replicate) =>
    protection.attempt("append", () => store.append(token, replicate)),
  );
  const lease = keepLease({ store, token, leaseMs, askedAtMs, clock, onLost: (error) => protection.onLost(error) });
  context.journal = journal;
  context.keptPlan = plan;
  context.keepPlan = (decision) => protection.attempt("save_plan", () => store.savePlan(token, decision));
  const release = () => store.release(token);
  let output: OrchestrationOutput | undefined;
  try {
    output = withJournaledUsage(await next(), journal.journaledUsage());
    const kept = output;
    lease.giveBack();
    if (isFinal(kept)) await protection.attempt("settle", () => store.settle(token, kept, ttlMs), { isWhole: true });
    else await protection.giveBack(release);
    return output;
  } catch (error) {
    // The run's own error says more than a store that cannot let go of the key: its lease will run out.
    await protection.letGo(release);
    throw output ? withPartial(error, output) : error;
  } finally {
    lease.stop();
  }
}

function withJournaledUsage(output: OrchestrationOutput, journaledUsage: Usage | undefined): OrchestrationOutput {
  return journaledUsage ? { ...output, metadata: { ...output.metadata, journaledUsage } } : output;
}

function isFinal(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return output.status === "completed";
  return Object.values(output.errors).every(
    ({ category, code, isRetryable }) => consequencesOf(category).keptUnderKey && !isRetryable && !mayPass.has(code),
  );
}

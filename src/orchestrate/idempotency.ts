import { hostname } from "node:os";
import { ConflictError } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { messageOf } from "../core/errors.ts";
import type { Claim, RunStore } from "../store/store.ts";
import { Flight } from "./flight.ts";
import { createClaimJournal } from "./journal.ts";
import { keepLease } from "./lease.ts";
import type { RunContext, RunLayer } from "./run-context.ts";

export interface IdempotencySettings {
  openStore(): Promise<RunStore>;
  /** The executions of this process, by key. */
  readonly flights: Map<string, Flight<OrchestrationOutput>>;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly onInFlight: "wait" | "reject";
  readonly onStoreError: "fail" | "run_unprotected";
}

type WonClaim = Extract<Claim, { state: "won" }>;

/** Longest pause between two looks at a key that another process holds. */
const pollMs = 500;

/** Failures that the request itself fixes: asking again gives the same. */
const fixedByRequest = new Set(["invalid_request", "context_length"]);

/** One key, one execution: claims it, joins or waits for it, replays it, or refuses another request under it. */
export function createIdempotencyLayer(settings: IdempotencySettings): RunLayer {
  return async (context, next) => {
    const { idempotencyKey: key } = context.input.options;
    const { fingerprint } = context.input;
    if (key === undefined || fingerprint === undefined) return next();
    const present = settings.flights.get(key);
    if (present && present.fingerprint !== fingerprint) throw otherRequest(key);
    const flight = present ?? takeOff(key, fingerprint, context, settings, next);
    return flight.join(context.callerScope);
  };
}

/** Runs detached from the caller who happened to be first: others may wait for it when that one has left. */
function takeOff(
  key: string,
  fingerprint: string,
  context: RunContext,
  settings: IdempotencySettings,
  next: () => Promise<OrchestrationOutput>,
): Flight<OrchestrationOutput> {
  const flight = new Flight(fingerprint, async (scope) => {
    context.scope = scope;
    try {
      return await executeOnce(key, fingerprint, context, settings, next);
    } finally {
      settings.flights.delete(key);
    }
  });
  settings.flights.set(key, flight);
  return flight;
}

async function executeOnce(
  key: string,
  fingerprint: string,
  context: RunContext,
  settings: IdempotencySettings,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const protection = new StoreProtection(settings, context);
  const store = await protection.attempt(() => settings.openStore());
  const claim = store && (await claimKey(store, key, fingerprint, context, settings, protection));
  if (!store || !claim) return next();
  if (claim.state === "settled") return { ...claim.output, metadata: { ...claim.output.metadata, replayed: true } };
  return runClaimed(store, claim, context, settings, protection, next);
}

async function claimKey(
  store: RunStore,
  key: string,
  fingerprint: string,
  context: RunContext,
  { leaseMs, onInFlight }: IdempotencySettings,
  protection: StoreProtection,
): Promise<WonClaim | (Claim & { state: "settled"; sameFingerprint: true }) | undefined> {
  const owner = `${hostname()}:${process.pid}`;
  for (;;) {
    const claim = await protection.attempt(() => store.claim(key, fingerprint, { leaseMs, owner }));
    if (!claim || claim.state === "won") return claim;
    if (!claim.sameFingerprint) throw otherRequest(key);
    if (claim.state === "settled") return claim;
    if (onInFlight === "reject") throw inFlight(key);
    await context.clock.sleep(Math.min(pollMs, claim.leaseEndsInMs + 1), { signal: context.scope.signal });
  }
}

async function runClaimed(
  store: RunStore,
  { token, replicates, plan }: WonClaim,
  context: RunContext,
  { leaseMs, ttlMs }: IdempotencySettings,
  protection: StoreProtection,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const { clock, scope } = context;
  const journal = createClaimJournal(store, token, replicates, (error) => protection.onError(error));
  const lease = keepLease({ store, token, leaseMs, clock, onLost: (error) => scope.abort(error) });
  context.journal = journal;
  context.keptPlan = plan;
  context.keepPlan = (decision) => protection.attempt(() => store.savePlan(token, decision));
  try {
    const output = withJournaledUsage(await next(), journal.journaledUsage);
    lease.stop();
    if (isFinal(output)) await protection.attempt(() => store.settle(token, output, ttlMs));
    else await protection.attempt(() => store.release(token));
    return output;
  } catch (error) {
    lease.stop();
    // The run's own error says more than a store that cannot let go of the key: its lease will run out.
    await store.release(token).catch(() => {});
    throw error;
  }
}

function withJournaledUsage(output: OrchestrationOutput, journaledUsage: unknown): OrchestrationOutput {
  return journaledUsage ? { ...output, metadata: { ...output.metadata, journaledUsage } } : output;
}

function isFinal(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return output.status === "completed";
  return Object.values(output.errors).every((error) => fixedByRequest.has(error.category ?? ""));
}

function otherRequest(key: string): ConflictError {
  return new ConflictError(
    key,
    "it stands for another request, tool or options. Use a new key for a new request, or send the same request again.",
  );
}

function inFlight(key: string): ConflictError {
  const message =
    'another process is running it. Ask again later, or wait for it with reliabilityConfig.onInFlight: "wait".';
  return new ConflictError(key, message, { reason: "in_flight" });
}

/** What a store's failure means for the run: its end, or a warning and no protection. */
class StoreProtection {
  readonly #onStoreError: IdempotencySettings["onStoreError"];
  readonly #context: RunContext;

  constructor({ onStoreError }: IdempotencySettings, context: RunContext) {
    this.#onStoreError = onStoreError;
    this.#context = context;
  }

  async attempt<R>(operation: () => Promise<R>): Promise<R | undefined> {
    try {
      return await operation();
    } catch (error) {
      this.onError(error);
      return undefined;
    }
  }

  onError(error: unknown): void {
    if (this.#onStoreError === "fail") throw error;
    const message = `The run goes on without the protection of its idempotency key: ${messageOf(error)}`;
    this.#context.events.emit("warning", { code: "run_unprotected", message });
  }
}

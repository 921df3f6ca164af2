import { hostname } from "node:os";
import { consequencesOf } from "../../contract/error-category.ts";
import { ConflictError } from "../../contract/errors.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { Usage } from "../../contract/usage.ts";
import { InvalidOptionsError, messageOf } from "../../core/errors.ts";
import type { CancelScope } from "../../core/signal.ts";
import { type Claim, defaultJournalTtlMs, type RunStore } from "../../store/store.ts";
import type { Relay } from "../event-log/relay.ts";
import type { Run, WorkSetting } from "../run-context.ts";
import { withPartial } from "../run-output.ts";
import { createClaimJournal } from "./journal.ts";
import { withoutDerived } from "./kept-output.ts";
import { keepLease } from "./lease.ts";
import type { KeySettings } from "./run-once.ts";
import type { StoreProtection } from "./store-protection.ts";

/** A run and its key. */
export interface KeyedRun {
  readonly key: string;
  readonly fingerprint: string;
  readonly run: Run;
}

/** A key that this run holds. */
export type WonClaim = Extract<Claim, { state: "won" }> & {
  /** Time at which it was asked for. */
  readonly askedAtMs: number;
};
/** A key whose output is there. */
export type ReplayableClaim = Extract<Claim, { state: "settled"; sameFingerprint: true }>;

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
export async function claimKey(
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

export function otherRequest(key: string): ConflictError {
  return new ConflictError(
    key,
    "it was already used with a different request, tool or options. Use a new key for a new request, or send the same request again.",
  );
}

function inFlight(key: string, retryAfterMs: number): ConflictError {
  const message =
    'another process is running it. Ask again later, or wait for it with reliabilityConfig.onInFlight: "wait".';
  return new ConflictError(key, message, { reason: "in_flight", retryAfterMs });
}

/** Executes a run that holds its key, with the journal of earlier runs, and then stores its output or releases the key. */
export async function executeClaimed(
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

/**
 * Codes of failures that may pass although their category is kept: the package of a fallback may be installed later, and
 * a run that the tool has started may free its key. The last one stands for an error of a tool that has neither a status nor a
 * code: its words alone ("input is too long") say what it is, and they may be about anything.
 */
const mayPass = new Set<string>([InvalidOptionsError.code, ConflictError.code, "CONTEXT_LENGTH"]);

/** Returns true of an output that the store keeps: a whole answer, one for review, or a failure that the request itself fixes. */
export function isKeptUnderKey(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return output.status === "completed" || output.metadata.needsReview !== undefined;
  return Object.values(output.errors).every(
    ({ category, code, isRetryable }) => consequencesOf(category).keptUnderKey && !isRetryable && !mayPass.has(code),
  );
}

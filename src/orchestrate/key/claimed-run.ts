import type { Replicate } from "../../contract/bundle.ts";
import { consequencesOf } from "../../contract/error-category.ts";
import { ConflictError } from "../../contract/errors.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { Usage } from "../../contract/usage.ts";
import { InvalidOptionsError, messageOf } from "../../core/errors.ts";
import type { CancelScope } from "../../core/signal.ts";
import { type Claim, defaultJournalTtlMs, type FencingToken, type RunStore } from "../../store/store.ts";
import type { Relay } from "../event-log/relay.ts";
import type { Run, WorkSetting } from "../run-context.ts";
import { withPartial } from "../run-output.ts";
import { createClaimJournal } from "./journal.ts";
import { withoutDerived } from "./kept-output.ts";
import { claimOwner, keepLease } from "./lease.ts";
import type { KeySettings } from "./run-once.ts";
import type { StoreProtection } from "./store-protection.ts";

/** A run and its key. */
export interface KeyedRun {
  readonly key: string;
  readonly fingerprint: string;
  readonly run: Run;
}

/** A run at its key, and the store that knows who holds it. */
export interface KeyInStore {
  readonly keyed: KeyedRun;
  readonly store: RunStore;
  readonly settings: Pick<KeySettings, "leaseMs" | "onInFlight" | "idempotencyTtlMs">;
  readonly protection: StoreProtection;
}

/** A key that this run holds. */
export type WonClaim = Extract<Claim, { state: "won" }> & {
  /** Time at which it was asked for. */
  readonly askedAtMs: number;
};
/** A key whose output is stored. */
export type ReplayableClaim = Extract<Claim, { state: "settled"; sameFingerprint: true }>;

/** Retention of a run that waits for a person: people take longer than programs. */
export const reviewTtlMs = defaultJournalTtlMs;

/** Longest pause between two looks at a key that another process holds. */
const pollMs = 500;

/**
 * Claims a key, waiting for another process that runs the same request.
 *
 * @param scope ends the wait
 * @param relay tells the listeners of the run what the other process does
 * @returns `undefined` where the store failed and the run may go on without it
 * @throws ConflictError for another request's key, and for one in flight with `onInFlight: "reject"`
 */
export async function claimKey(
  { keyed, store, settings, protection }: KeyInStore,
  { scope, relay }: { readonly scope: CancelScope; readonly relay: Relay | undefined },
): Promise<WonClaim | ReplayableClaim | undefined> {
  const { key, fingerprint, run } = keyed;
  const { leaseMs, onInFlight } = settings;
  const { clock } = run.settings;
  for (;;) {
    const askedAtMs = clock.now();
    const claim = await ask(store, () => store.claim(key, fingerprint, { leaseMs, owner: claimOwner }), protection);
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

/** Asks for a claim. One that is won after its run ended is released: else the key would be taken for a whole lease. */
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
  held: KeyInStore,
  claim: WonClaim,
  work: (setting: Omit<WorkSetting, "scope">) => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const { store, keyed, settings, protection } = held;
  const { token, plan, askedAtMs } = claim;
  const journal = createClaimJournal(claim.replicates, (replicate) => keepReplicate(held, claim, replicate));
  const lease = keepLease({
    store,
    token,
    leaseMs: settings.leaseMs,
    askedAtMs,
    clock: keyed.run.settings.clock,
    patienceMs: protection.retryMs,
    onLost: (error) => protection.onLost(error),
  });
  const whenHeld = () => lease.whenHeld();
  const keepPlan = (decision: unknown) => protection.attempt("save_plan", () => store.savePlan(token, decision));
  let output: OrchestrationOutput | undefined;
  try {
    output = withJournaledUsage(await work({ journal, whenHeld, keptPlan: plan, keepPlan }), journal.journaledUsage());
    const kept = withoutDerived(output, keyed.run);
    lease.endsSoon();
    await settleOrRelease(held, token, kept);
    return output;
  } catch (error) {
    // The run's own error says more than a store that cannot release the key: the lease will run out.
    await protection.release(() => store.release(token));
    throw output ? withPartial(error, output) : error;
  } finally {
    lease.stop();
  }
}

/**
 * Journals a replicate.
 *
 * @returns the reason where the store failed and the run may go on without it
 */
async function keepReplicate(
  { store, protection }: KeyInStore,
  { token }: WonClaim,
  replicate: Replicate,
): Promise<string | undefined> {
  let reason: string | undefined;
  await protection.attempt("append", async () => {
    try {
      await store.append(token, replicate);
      reason = undefined;
    } catch (error) {
      reason = messageOf(error);
      throw error;
    }
  });
  return reason;
}

async function settleOrRelease(
  { store, keyed, settings, protection }: KeyInStore,
  token: FencingToken,
  kept: OrchestrationOutput,
): Promise<void> {
  const { leaseMs, idempotencyTtlMs } = settings;
  if (!isKeptUnderKey(kept)) {
    await protection.releaseWithOutput(() => store.release(token));
    return;
  }
  const ttlMs = kept.metadata.needsReview ? Math.max(reviewTtlMs, idempotencyTtlMs) : idempotencyTtlMs;
  await protection.attempt("settle", () => store.settle(token, kept, ttlMs), {
    isWhole: true,
    isDone: () => isSettled(store, keyed, leaseMs),
  });
}

/** Finds out whether a settlement whose answer was lost is in the store. */
async function isSettled(store: RunStore, { key, fingerprint }: KeyedRun, leaseMs: number): Promise<boolean> {
  const found = await store.claim(key, fingerprint, { leaseMs, owner: claimOwner });
  if (found.state === "won") await store.release(found.token);
  return found.state === "settled" && found.sameFingerprint;
}

function withJournaledUsage(output: OrchestrationOutput, journaledUsage: Usage | undefined): OrchestrationOutput {
  return journaledUsage ? { ...output, metadata: { ...output.metadata, journaledUsage } } : output;
}

/**
 * Codes of failures that may pass although their category is kept. `INVALID_OPTIONS`: the package of a fallback may be
 * installed later. `CONFLICT`: a run that the tool has started may free its key. `CONTEXT_LENGTH`: the category was read from
 * the words of an error without a status or a code ("input is too long"), and they may be about anything.
 */
const mayPass = new Set<string>([InvalidOptionsError.code, ConflictError.code, "CONTEXT_LENGTH"]);

/** Returns true of an output that the store keeps: a whole answer, one for review, or a failure that the request itself fixes. */
export function isKeptUnderKey(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return output.status === "completed" || output.metadata.needsReview !== undefined;
  return Object.values(output.errors).every(
    ({ category, code, isRetryable }) => consequencesOf(category).keptUnderKey && !isRetryable && !mayPass.has(code),
  );
}

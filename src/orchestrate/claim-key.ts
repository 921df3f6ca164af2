import { hostname } from "node:os";
import { ConflictError } from "../contract/errors.ts";
import type { Claim, RunStore } from "../store/store.ts";
import type { RunContext } from "./run-context.ts";
import type { StoreProtection } from "./store-protection.ts";

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
export async function claimKey(
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

export function otherRequest(key: string): ConflictError {
  return new ConflictError(
    key,
    "it stands for another request, tool or options. Use a new key for a new request, or send the same request again.",
  );
}

export function joinsItself(key: string): ConflictError {
  const message =
    "the run that has it in flight is the one that asks, and would wait for itself. Give runs inside of a run keys of their own, or none.";
  return new ConflictError(key, message, { reason: "in_flight" });
}

function inFlight(key: string): ConflictError {
  const message =
    'another process is running it. Ask again later, or wait for it with reliabilityConfig.onInFlight: "wait".';
  return new ConflictError(key, message, { reason: "in_flight" });
}

import assert from "node:assert/strict";
import type { Replicate } from "../../contract/bundle.ts";
import { StoreError, type StoreFailure } from "../../contract/errors.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import { zeroUsage } from "../../contract/usage.ts";
import type { Claim, RunStore } from "../../store/store.ts";

/** One store to try, on data that nothing else uses. */
export interface StoreUnderTest<Store extends RunStore = RunStore> {
  readonly store: Store;
  /** Another store on the same data, as another process would open it. Left out where a store's data ends with it. */
  readonly reopen?: (() => Promise<Store>) | undefined;
  /** Lets milliseconds pass for leases and retention. A store with a clock of its own may have to wait for real. */
  passTime(ms: number): Promise<void>;
  /** Sets the clock of leases back by milliseconds. Left out where the store's clock cannot be set. */
  setBackClock?: ((ms: number) => Promise<void>) | undefined;
  /** Makes the data unreachable, and returns what gives it back. Left out where nothing can come between store and data. */
  cutOff?: (() => Promise<() => Promise<void>>) | undefined;
  /** Deletes the data, or puts other data in its place, while the store is open. Left out where nothing outside can. */
  loseData?: (() => Promise<void>) | undefined;
  /** Called after the test, which has closed its stores by then. */
  dispose?(): Promise<void>;
}

/** Promise of every store, as a sentence and a test of it. */
export interface Law<Store extends RunStore = RunStore> {
  readonly promise: string;
  hold(subject: StoreUnderTest<Store>): Promise<void>;
}

export const leaseMs = 30_000;
export const ttlMs = 60_000;
export const claimant = { leaseMs, owner: "conformance" };

export type Won = Extract<Claim, { state: "won" }>;

/** Claims a key that has to be free. */
export async function win(store: RunStore, key: string, fingerprint = "fingerprint"): Promise<Won> {
  const claim = await store.claim(key, fingerprint, claimant);
  assert.equal(claim.state, "won", `The key ${JSON.stringify(key)} should have been free.`);
  return claim as Won;
}

/** The work is refused, for this reason. */
export async function assertRefused(work: Promise<unknown>, reason: StoreFailure): Promise<void> {
  const error = await work.then(
    () => assert.fail(`It should have been refused with a StoreError whose reason is "${reason}".`),
    (thrown: unknown) => thrown,
  );
  assert.ok(StoreError.isInstance(error), `A StoreError is wanted, and this was thrown: ${error}`);
  assert.equal(error.reason, reason);
}

export function sampleReplicate(index = 0, data: unknown = { severity: "high" }, seed = 100 + index): Replicate {
  return {
    id: `r${index + 1}`,
    valid: true,
    data,
    quality: { valid: true },
    usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 },
    costUsd: 0.0001,
    elapsedMs: 250.5,
    seed,
    model: "recorded:sample",
    attempts: 1,
  };
}

export function sampleOutput(content: unknown = { answer: 42 }): OrchestrationOutput {
  return {
    status: "completed",
    content,
    usage: zeroUsage(),
    costUsd: null,
    metadata: { toolName: "sample", toolVersion: "1.0.0", costUsd: null },
    traceId: "trace",
    requestId: "request",
    elapsedMs: 1_234.5,
  };
}

import { StoreError, type StoreOperation } from "../contract/store-error.ts";
import { showValue } from "../core/errors.ts";
import type { FencingToken } from "./store.ts";

/** Refuses a write by someone who no longer holds the key. */
export function staleToken(store: string, operation: StoreOperation, { key, fence }: FencingToken): StoreError {
  return new StoreError({
    store,
    operation,
    reason: "stale_token",
    what: `the claim on key ${showValue(key)} with fencing token ${fence} is no longer held`,
    advice:
      "Its lease ran out and another run took the key over, or it was settled or released: stop this run. " +
      "Where that happens to living processes, raise the lease above their longest pause.",
  });
}

/** Refuses work on a store after `close()`. */
export function storeClosed(store: string, operation: StoreOperation): StoreError {
  return new StoreError({
    store,
    operation,
    reason: "closed",
    what: "the store was closed",
    advice: "Close a store only after the last run on it has settled.",
  });
}

/** Refuses data whose layout only a later version of this package knows. */
export function newerSchema(store: string, where: string, version: number, knownVersion: number): StoreError {
  return new StoreError({
    store,
    operation: "open",
    reason: "newer_schema",
    what: `${where} has schema version ${version}, and this version of steer-llm-sdk knows up to ${knownVersion}`,
    advice: "Upgrade steer-llm-sdk, or point it elsewhere.",
  });
}

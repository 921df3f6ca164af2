import { StoreError, type StoreOperation } from "../contract/errors.ts";
import { messageOf, showValue, withoutSecrets } from "../core/errors.ts";
import type { FencingToken } from "./store.ts";

/** Error of a write under a claim that is no longer held. */
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

/** Error of work on a store after `close()`. */
export function storeClosed(store: string, operation: StoreOperation): StoreError {
  return new StoreError({
    store,
    operation,
    reason: "closed",
    what: "the store was closed",
    advice: "Close a store only after the last run on it has settled.",
  });
}

/** Error of data whose layout only a later version of this package knows. */
export function newerSchema(store: string, where: string, version: number, knownVersion: number): StoreError {
  return new StoreError({
    store,
    operation: "open",
    reason: "newer_schema",
    what: `${where} has schema version ${version}, and this version of steer-llm-sdk knows up to ${knownVersion}`,
    advice: "Upgrade steer-llm-sdk, or point it elsewhere.",
  });
}

/** Longest key, in bytes of its stored form: an index of Postgres takes no more than some 2,700. */
const longestKeyBytes = 2_000;

/** Longest value, in characters of JSON: below what a string of V8 and a field of a database can hold. */
const longestValueCharacters = 2 ** 28;

/**
 * Writes a value as the text that is stored, without this process's API keys.
 *
 * @throws StoreError for what JSON cannot hold, and for what is too long for any store
 */
export function encodeJson(value: unknown, store: string, operation: StoreOperation): string {
  const text = toText(value, store, operation);
  if (text.length <= longestValueCharacters) return text;
  throw new StoreError({
    store,
    operation,
    reason: "too_large",
    what: `the value has ${text.length} characters as JSON; a store takes ${longestValueCharacters}`,
    advice: "Lower k, or let answers be shorter.",
  });
}

function toText(value: unknown, store: string, operation: StoreOperation): string {
  try {
    return withoutSecrets(JSON.stringify(value) ?? "null");
  } catch (cause) {
    throw new StoreError({
      store,
      operation,
      reason: "failed",
      what: `the value cannot be written as JSON: ${messageOf(cause)}`,
      advice: "Give tools and planners results that JSON can hold: no cycles, no BigInt.",
      cause,
    });
  }
}

/**
 * Reads the value of a stored text.
 *
 * @throws StoreError where the text was damaged
 */
export function decodeJson<T>(text: string, key: string, store: string, operation: StoreOperation): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new StoreError({
      store,
      operation,
      reason: "corrupt",
      what: `what is stored under key ${showValue(key)} is damaged: ${messageOf(cause)}`,
      advice:
        "Look at it with `steer store show`, remove it with `steer store purge`, and check the rest with `steer store verify`.",
      cause,
    });
  }
}

/**
 * Writes a key as databases can hold it: one text for each key, also for keys with NUL characters or halves of surrogate
 * pairs. Most keys stay as they are.
 *
 * @throws StoreError for a key that an index cannot hold
 */
export function encodeKey(key: string, store: string, operation: StoreOperation): string {
  const stored = JSON.stringify(key).slice(1, -1);
  const bytes = Buffer.byteLength(stored);
  if (bytes <= longestKeyBytes) return stored;
  throw new StoreError({
    store,
    operation,
    reason: "too_large",
    what: `the key has ${bytes} bytes; a store takes ${longestKeyBytes}`,
    advice: "Use a hash of it as the key.",
  });
}

export function decodeKey(stored: string): string {
  return JSON.parse(`"${stored}"`) as string;
}

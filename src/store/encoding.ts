import { StoreError, type StoreOperation } from "../contract/store-error.ts";
import { messageOf, showValue } from "../core/errors.ts";
import { withoutSecrets } from "../core/secrets.ts";

/**
 * A value as the text that is stored, without this process's API keys.
 *
 * @throws StoreError for what JSON cannot hold
 */
export function encodeJson(value: unknown, store: string, operation: StoreOperation): string {
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
 * The value of a stored text.
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
 * A key as databases can hold it: one text for each key, also for keys with NUL characters or halves of surrogate
 * pairs. Most keys stay as they are.
 */
export function encodeKey(key: string): string {
  return JSON.stringify(key).slice(1, -1);
}

export function decodeKey(stored: string): string {
  return JSON.parse(`"${stored}"`) as string;
}

import type { OutputError } from "./output.ts";

/** Consequences of an error, by its category. */
export interface Consequences {
  /** `"later"`: another attempt after a wait. `"corrected"`: one more at once, with the faults shown to the model. */
  readonly retry: "later" | "corrected" | "never";
  /** `"failure"` counts against the provider, `"cooldown"` pauses it for Retry-After, `"neutral"` does neither. */
  readonly breaker: "failure" | "cooldown" | "neutral";
  /** Another tool may succeed. */
  readonly fallback: boolean;
  /** The next replicate of the same bundle would fail alike. */
  readonly endsBundle: boolean;
  /** The same request fails alike at any time, so the failure is kept under its idempotency key. */
  readonly keptUnderKey: boolean;
  /** Passes by itself: a job asks its input again later. */
  readonly passes: boolean;
  /** Every further input of a job would fail alike, until the account is mended. */
  readonly endsJob: boolean;
}

const once = {
  retry: "never",
  breaker: "neutral",
  fallback: true,
  endsBundle: false,
  keptUnderKey: false,
  passes: false,
  endsJob: false,
} as const;
const passing = { ...once, retry: "later", breaker: "failure", passes: true } as const;

/**
 * Every category of errors, and its consequences. Retry, circuit breaker, fallback, bundle, idempotency key and job read
 * them here and nowhere else.
 */
export const errorCategories = {
  rate_limit: { ...passing, breaker: "cooldown" },
  quota_exhausted: { ...once, endsBundle: true, endsJob: true },
  overloaded: passing,
  server_error: passing,
  timeout: passing,
  network: passing,
  invalid_request: { ...once, fallback: false, endsBundle: true, keptUnderKey: true },
  context_length: { ...once, endsBundle: true, keptUnderKey: true },
  content_filter: once,
  authentication: { ...once, endsBundle: true, endsJob: true },
  invalid_output: { ...once, retry: "corrected" },
  cancelled: { ...once, fallback: false, endsBundle: true },
  budget: { ...once, fallback: false },
  circuit_open: { ...once, endsBundle: true, passes: true },
  unknown: once,
} satisfies Record<string, Consequences>;

/** Kind of failure. */
export type ErrorCategory = keyof typeof errorCategories;

/** Returns the consequences of a category; those of `unknown` for a category that a classifier of the user's own made up. */
export function consequencesOf(category: string | undefined): Consequences {
  return errorCategories[category !== undefined && isCategory(category) ? category : "unknown"];
}

/**
 * Returns whether the next replicate of a bundle would fail alike. A rate limit that no wait mends is one that the request
 * exceeds by itself.
 */
export function endsBundle({ category, isRetryable }: Pick<OutputError, "category" | "isRetryable">): boolean {
  return consequencesOf(category).endsBundle || (category === "rate_limit" && !isRetryable);
}

function isCategory(category: string): category is ErrorCategory {
  return Object.hasOwn(errorCategories, category);
}

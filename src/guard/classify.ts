import { BudgetExceeded, CancelledError, ConflictError } from "../contract/errors.ts";
import { InvalidOutputError } from "../contract/invalid-output-error.ts";
import { systemClock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { CircuitOpenError } from "./circuit-open-error.ts";
import {
  categoryOfCode,
  categoryOfMessage,
  categoryOfName,
  type ErrorCategory,
  isOfHttpExchange,
} from "./error-categories.ts";
import { type ErrorFacts, factsOfChain } from "./error-facts.ts";
import { retryAfterMs } from "./retry-after.ts";

/** What an error means for retry, circuit breaker and fallback. */
export interface Classification {
  category: ErrorCategory | (string & {});
  isRetryable: boolean;
  /** Milliseconds before which the provider does not want to be called. */
  retryAfterMs?: number;
  /** `"failure"` counts against the provider, `"cooldown"` pauses it for `retryAfterMs`, `"neutral"` does neither. */
  breaker: "failure" | "neutral" | "cooldown";
  /** The most specific code that the error carries. */
  code: string;
}

const retryable: ReadonlySet<string> = new Set<ErrorCategory>([
  "rate_limit",
  "overloaded",
  "server_error",
  "timeout",
  "network",
  "invalid_output",
]);
/** Statuses that say of a request itself that it is wrong. */
const faultsOfRequest: ReadonlySet<number> = new Set([400, 404, 422]);
const failures: ReadonlySet<string> = new Set<ErrorCategory>(["overloaded", "server_error", "timeout", "network"]);

/**
 * What an error means. The only place that decides it: looks at the error and then at its causes, at HTTP status,
 * headers and body, at the codes of Node, undici and the AI SDK, and at an explicit `isRetryable`, which wins both ways.
 *
 * @param provider whose habits apply, such as where it says how long to wait
 * @param nowMs what a Retry-After date is compared with, where the response carries no date
 *
 * @example
 * ```ts
 * classify(Object.assign(new Error("busy"), { status: 429, headers: { "retry-after": "2" } }));
 * // { category: "rate_limit", isRetryable: true, breaker: "cooldown", code: "HTTP_429", retryAfterMs: 2000 }
 * ```
 */
export function classify(error: unknown, provider?: string, nowMs: number = systemClock.now()): Classification {
  try {
    return classifyReadable(error, provider, nowMs);
  } catch {
    // A getter of somebody else's error threw.
    return { category: "unknown", isRetryable: false, breaker: "neutral", code: "UNKNOWN" };
  }
}

function classifyReadable(error: unknown, provider: string | undefined, nowMs: number): Classification {
  const chain = [...factsOfChain(error)];
  const flag = chain.find((facts) => facts.isRetryable !== undefined)?.isRetryable;
  const waitMs = first(chain, (link) => retryAfterMs(link.error, provider, nowMs));
  const decisive = decide(chain, waitMs !== undefined) ?? {
    category: flag ? "server_error" : "unknown",
    facts: chain[0],
  };
  const { category, facts } = decisive;
  const classification: Classification = {
    category,
    isRetryable: flag ?? retryable.has(category),
    breaker: category === "rate_limit" ? "cooldown" : failures.has(category) ? "failure" : "neutral",
    code: codeOf(facts, category),
  };
  return waitMs === undefined ? classification : { ...classification, retryAfterMs: waitMs };
}

interface Decision {
  readonly category: ErrorCategory;
  readonly facts: ErrorFacts | undefined;
}

function decide(chain: readonly ErrorFacts[], asksToWait: boolean): Decision | undefined {
  for (const facts of chain) {
    const category = categoryOf(facts, asksToWait);
    if (category) return { category, facts };
  }
  // A success that could not be read: the answer was not what the provider's API promises.
  const facts = chain.find(({ status, name }) => status !== undefined && status < 300 && name.startsWith("AI_"));
  return facts && { category: "server_error", facts };
}

function categoryOf(facts: ErrorFacts, asksToWait: boolean): ErrorCategory | undefined {
  const { error, name, codes, status, message } = facts;
  return (
    categoryOfOurs(error) ??
    own(categoryOfName, name) ??
    first(codes, (code) => own(categoryOfCode, code)) ??
    // Undici has codes for responses too, of which the status says more.
    (status !== undefined && status >= 400 ? categoryOfStatus(status, message, asksToWait) : undefined) ??
    (codes.some(isOfHttpExchange) ? "network" : undefined)
  );
}

function categoryOfOurs(error: object): ErrorCategory | undefined {
  if (InvalidOutputError.isInstance(error)) return "invalid_output";
  if (error instanceof CircuitOpenError) return "circuit_open";
  if (BudgetExceeded.isInstance(error)) return "budget";
  if (CancelledError.isInstance(error)) return "cancelled";
  // One in flight elsewhere is not wrong in itself: it may be asked for again.
  const isOtherRequest = ConflictError.isInstance(error) && error.reason === "fingerprint";
  return isOtherRequest || InvalidOptionsError.isInstance(error) ? "invalid_request" : undefined;
}

function categoryOfStatus(status: number, message: string, asksToWait: boolean): ErrorCategory {
  if (status === 402) return "quota_exhausted";
  if (status === 408 || status === 504) return "timeout";
  if (status === 529) return "overloaded";
  if (status >= 500) return "server_error";
  const said = first(categoryOfMessage, ([pattern, category]) => (pattern.test(message) ? category : undefined));
  // Google says the same words of a quota a minute, and then for how long to wait.
  if (status === 429) return said === "quota_exhausted" && !asksToWait ? said : "rate_limit";
  if (status === 401 || status === 403) return "authentication";
  if (status === 413) return "context_length";
  // A conflict or a lock passes, and what another status of this class means nobody has said.
  return said ?? (faultsOfRequest.has(status) ? "invalid_request" : "unknown");
}

function codeOf(facts: ErrorFacts | undefined, category: string): string {
  const status = facts?.status === undefined ? undefined : `HTTP_${facts.status}`;
  const known = facts?.codes.find((code) => own(categoryOfCode, code));
  return known ?? status ?? facts?.codes[0] ?? category.toUpperCase();
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function first<T, R>(items: readonly T[], pick: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const picked = pick(item);
    if (picked !== undefined) return picked;
  }
  return undefined;
}

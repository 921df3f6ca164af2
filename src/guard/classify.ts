import { consequencesOf, type ErrorCategory } from "../contract/error-category.ts";
import { BudgetExceeded, CancelledError, ConflictError, InvalidOutputError } from "../contract/errors.ts";
import type { OutputError } from "../contract/output.ts";
import { causeOf } from "../contract/partial-result.ts";
import { systemClock } from "../core/clock.ts";
import { keepOriginal } from "../core/error-marks.ts";
import { InvalidOptionsError, kindOf, messageOf } from "../core/errors.ts";
import { type ErrorFacts, factsOfChain, retryAfterMs } from "./error-facts.ts";
import { CircuitOpenError } from "./errors.ts";

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

/** Statuses that say of a request itself that it is wrong. */
const faultsOfRequest: ReadonlySet<number> = new Set([400, 404, 422]);

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
  const { retry, breaker } = consequencesOf(category);
  const classification: Classification = {
    category,
    isRetryable: flag ?? retry !== "never",
    breaker,
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

/** Names of the platform's and the AI SDK's errors. */
const categoryOfName: Readonly<Record<string, ErrorCategory>> = {
  AbortError: "cancelled",
  TimeoutError: "timeout",
  AI_LoadAPIKeyError: "authentication",
  AI_NoSuchModelError: "authentication",
  AI_InvalidPromptError: "invalid_request",
  AI_InvalidArgumentError: "invalid_request",
  AI_UnsupportedFunctionalityError: "invalid_request",
  AI_NoObjectGeneratedError: "invalid_output",
  AI_NoContentGeneratedError: "server_error",
  AI_EmptyResponseBodyError: "server_error",
  AI_InvalidResponseDataError: "server_error",
};

/** Codes of Node, undici and the providers' error bodies; they say more than the HTTP status. */
const categoryOfCode: Readonly<Record<string, ErrorCategory>> = {
  ...all("network", ["ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "ENOTFOUND"]),
  ...all("network", ["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "ERR_STREAM_PREMATURE_CLOSE"]),
  ...all("cancelled", ["ABORT_ERR", "UND_ERR_ABORTED", "UND_ERR_ABORT"]),
  ...all("quota_exhausted", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"]),
  ...all("quota_exhausted", ["billing_error", "insufficient_balance", "credit_balance_too_low"]),
  ...all("rate_limit", ["rate_limit_error", "rate_limit_exceeded", "ThrottlingException"]),
  ...all("overloaded", ["overloaded_error", "engine_overloaded", "model_overloaded"]),
  ...all("server_error", ["api_error", "server_error", "internal_server_error", "InternalServerException"]),
  ...all("timeout", ["timeout_error", "DEADLINE_EXCEEDED"]),
  // No server is to blame for a word that no table knows.
  ...all("unknown", ["UNKNOWN_FINISH_REASON", "PAUSED_ANSWER"]),
  ...all("context_length", ["context_length_exceeded", "request_too_large", "string_above_max_length"]),
  ...all("content_filter", ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"]),
  ...all("authentication", [
    "authentication_error",
    "permission_error",
    "invalid_api_key",
    "model_not_found",
    "not_found_error",
  ]),
};

/** What undici says of its own use: no network is to blame, and no other attempt could do better. */
const misuseOfUndici: ReadonlySet<string> = new Set([
  "UND_ERR_INVALID_ARG",
  "UND_ERR_INVALID_RETURN_VALUE",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_BPL_MISSING_UPSTREAM",
  "UND_ERR_MAX_ORIGINS_REACHED",
]);

/** Whether a code is one of undici's or of Node's HTTP parser for an exchange that failed, of which each version has more. */
function isOfHttpExchange(code: string): boolean {
  return /^(UND_ERR|HPE)_/.test(code) && !misuseOfUndici.has(code);
}

/** Providers that have no code for it say it in words, under a status that means "your request is wrong". */
const categoryOfMessage: readonly (readonly [RegExp, ErrorCategory])[] = [
  [/credit balance is too low|exceeded your current quota/i, "quota_exhausted"],
  [/context (length|window)|(prompt|input|request) is too (long|large)|too many (input )?tokens/i, "context_length"],
  [/content (management )?policy|content filter/i, "content_filter"],
  [/api key not valid|invalid api key|incorrect api key/i, "authentication"],
  [/\bmodels?\b.*(not found|does not exist|not supported)/i, "authentication"],
];

function all(category: ErrorCategory, codes: readonly string[]): Record<string, ErrorCategory> {
  return Object.fromEntries(codes.map((code) => [code, category]));
}

/**
 * A failure as plain data.
 *
 * @param attempts how often it was tried
 * @param note why it was not tried again, where that is not plain from the error
 */
export function toOutputError(
  error: unknown,
  attempts: number,
  note?: string,
  classification: Classification = classify(error),
): OutputError {
  const cause = causeOf(error);
  const facts = {
    type: kindOf(cause),
    message: note ? `${messageOf(cause)} (${note})` : messageOf(cause),
    code: classification.code,
    isRetryable: classification.isRetryable,
    attempts,
    category: classification.category,
  };
  return keepOriginal(facts, cause);
}

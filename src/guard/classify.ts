import { consequencesOf, type ErrorCategory } from "../contract/error-category.ts";
import {
  BudgetExceeded,
  CancelledError,
  ConflictError,
  InvalidOutputError,
  isOrchestratorError,
} from "../contract/errors.ts";
import type { OutputError } from "../contract/output.ts";
import { causeOf } from "../contract/partial-result.ts";
import { systemClock } from "../core/clock.ts";
import { keepOriginal } from "../core/error-marks.ts";
import { InvalidOptionsError, kindOf, messageOf, withoutSecrets } from "../core/errors.ts";
import {
  categoryOfBareWords,
  categoryOfClient,
  isBareOfFetch,
  isClientCode,
  isOfAiSdk,
  isOfHttpExchange,
  isProgrammingError,
  isUnreadable,
  saysTimeout,
} from "./clients.ts";
import { categoryOfCodes, categoryOfGeneralCodes, categoryOfWords, neverFits } from "./dialects.ts";
import { type ErrorFacts, factsOfChain } from "./error-facts.ts";
import { CircuitOpenError } from "./errors.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Meaning of an error for retry, circuit breaker and fallback. */
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

/**
 * Decides what an error means. Nothing else decides it. Reads the error and then its causes: errors of this package, the
 * HTTP status, codes and types in the response's body, and last the server's words. A status keeps its meaning against a
 * general code such as `api_error`; a narrow one, such as `insufficient_quota`, sharpens it. An explicit `isRetryable`
 * wins both ways.
 *
 * @param _provider is not read: servers speak each other's dialects
 * @param nowMs compared with a Retry-After date, where the response carries no date
 *
 * @example
 * ```ts
 * classify(Object.assign(new Error("busy"), { status: 429, headers: { "retry-after": "2" } }));
 * // { category: "rate_limit", isRetryable: true, breaker: "cooldown", code: "HTTP_429", retryAfterMs: 2000 }
 * ```
 */
export function classify(error: unknown, _provider?: string, nowMs: number = systemClock.now()): Classification {
  try {
    return classifyReadable(error, nowMs);
  } catch {
    // A getter of the error threw.
    return { category: "unknown", isRetryable: false, breaker: "neutral", code: "UNKNOWN" };
  }
}

/**
 * Classifies an error of an attempt. Only the signals of the run and of the attempt cancel: while neither has aborted, a
 * client that aborts has let a timer of its own run out.
 */
export function classifyAttempt(error: unknown, isAborted: boolean, nowMs: number): Classification {
  const classification = classify(error, undefined, nowMs);
  if (isAborted || classification.category !== "cancelled" || CancelledError.isInstance(error)) return classification;
  return { ...classification, category: "timeout", isRetryable: true, breaker: "failure" };
}

function classifyReadable(error: unknown, nowMs: number): Classification {
  const chain = [...factsOfChain(error)];
  const flag = chain.find((facts) => facts.isRetryable !== undefined)?.isRetryable;
  const told = first(chain, (link) => retryAfterMs(link.error, nowMs));
  const { category, facts } = decide(chain, told !== undefined) ?? {
    category: flag ? "server_error" : "unknown",
    facts: chain.find(({ codes }) => codes.length > 0) ?? chain[0],
  };
  const { retry, breaker } = consequencesOf(category);
  const isTooLarge = category === "rate_limit" && facts !== undefined && neverFits(textOf(facts));
  const classification: Classification = {
    category,
    isRetryable: flag ?? (retry !== "never" && !isTooLarge),
    breaker: isTooLarge ? "neutral" : breaker,
    code: codeOf(facts, category),
  };
  return told === undefined ? classification : { ...classification, retryAfterMs: told };
}

interface Decision {
  readonly category: ErrorCategory;
  readonly facts: ErrorFacts | undefined;
}

function decide(chain: readonly ErrorFacts[], asksToWait: boolean): Decision | undefined {
  for (const [place, facts] of chain.entries()) {
    const category = categoryOf(facts, asksToWait);
    if (!category) continue;
    const isTimer = category === "cancelled" && chain.slice(0, place).some(saysTimeout);
    return { category: isTimer ? "timeout" : category, facts };
  }
  // A success that could not be read, or a redirect: the answer was not what the provider's API promises.
  const unreadable = chain.find(({ status, names }) => status !== undefined && status < 400 && isOfAiSdk(names));
  if (unreadable) return { category: "server_error", facts: unreadable };
  // A code says more than the words around it: no second try mends a certificate.
  if (chain.some(({ codes }) => codes.length > 0)) return undefined;
  return first(chain, (facts) => {
    const category = categoryOfBareWords(facts);
    return category && { category, facts };
  });
}

/** Decides about one link of the chain, in the order that `classify` promises. */
function categoryOf(facts: ErrorFacts, asksToWait: boolean): ErrorCategory | undefined {
  const { error, names, codes, status } = facts;
  const known = categoryOfOurs(error) ?? categoryOfClient(facts);
  if (known) return known;
  if (isProgrammingError(names) && status === undefined) return undefined;
  const byWords = categoryOfWords(textOf(facts));
  const byCode = sharpened(categoryOfCodes(codes), byWords, asksToWait);
  if (status !== undefined && status >= 400) return categoryOfStatus(status, byCode, byWords, asksToWait);
  if (codes.some(isOfHttpExchange)) return "network";
  return byCode ?? byWords ?? categoryOfGeneralCodes(codes) ?? (isUnreadable(names) ? "server_error" : undefined);
}

/**
 * A server that denies access in a code may say in words that the account is empty, or the prompt filtered. One that
 * throttles may say that the account's free share is spent; words of a pace never come here.
 */
function sharpened(
  byCode: ErrorCategory | undefined,
  byWords: ErrorCategory | undefined,
  asksToWait: boolean,
): ErrorCategory | undefined {
  const isNarrower = byWords === "quota_exhausted" || byWords === "content_filter";
  if (byCode === "authentication" && isNarrower) return byWords;
  return byCode === "rate_limit" && byWords === "quota_exhausted" && !asksToWait ? byWords : byCode;
}

function categoryOfOurs(error: object): ErrorCategory | undefined {
  if (InvalidOutputError.isInstance(error)) return "invalid_output";
  if (error instanceof CircuitOpenError) return "circuit_open";
  if (BudgetExceeded.isInstance(error)) return "budget";
  // A key that is in flight elsewhere will be free: the request is not wrong.
  const isOtherRequest = ConflictError.isInstance(error) && error.reason === "fingerprint";
  return isOtherRequest || InvalidOptionsError.isInstance(error) ? "invalid_request" : undefined;
}

/** Statuses that say of a request itself that it is wrong. */
const faultsOfRequest: ReadonlySet<number> = new Set([400, 404, 405, 422]);

/** Meaning of a status, as far as the server's own code or words do not sharpen it. */
function categoryOfStatus(
  status: number,
  byCode: ErrorCategory | undefined,
  byWords: ErrorCategory | undefined,
  asksToWait: boolean,
): ErrorCategory {
  switch (status) {
    case 402:
      return "quota_exhausted";
    case 401:
      return byCode === "quota_exhausted" || byWords === "quota_exhausted" ? "quota_exhausted" : "authentication";
    case 403:
      return byCode ?? (byWords === "context_length" ? undefined : byWords) ?? "authentication";
    case 408:
    case 499:
    case 504:
      return "timeout";
    case 413:
      return byWords === "rate_limit" ? "rate_limit" : "context_length";
    case 425:
      return "server_error";
    case 424:
      // Bedrock, and Hugging Face's TGI: the model failed behind the server.
      return byCode ?? byWords ?? "server_error";
    case 429:
      if (byCode !== undefined && byCode !== "authentication") return byCode;
      // Google uses the same words for a quota a minute, and then says how long to wait.
      return byWords === "quota_exhausted" && !asksToWait ? "quota_exhausted" : "rate_limit";
    case 451:
      // StepFun and SiliconFlow: the content was withheld.
      return byCode ?? "content_filter";
    case 498:
    case 529:
      return "overloaded";
    case 500:
      return byCode ?? (byWords === "authentication" ? undefined : byWords) ?? "server_error";
  }
  if (status > 500) return byCode ?? (byWords === "overloaded" ? "overloaded" : "server_error");
  // A conflict or a lock passes, and the meaning of other statuses of this class is not known.
  return byCode ?? byWords ?? (faultsOfRequest.has(status) ? "invalid_request" : "unknown");
}

const phraseOfStatus = /^(too many requests|payment required|unauthorized|service unavailable|gateway timeout)\.?$/i;

/** Servers' words are untrusted, and read by many rules. */
const longestText = 4_000;

function textOf({ message, words }: ErrorFacts): string {
  // The phrase of a status says nothing beside the server's own words: "Too Many Requests" is no word of a pace.
  const isPhrase = words.length > 0 && phraseOfStatus.test(message);
  const text = [isPhrase ? "" : message, ...words].join("\n").slice(0, longestText);
  return (
    text
      // Addresses of help pages speak of billing and limits whatever went wrong.
      .replace(/https?:\/\/\S+/g, "")
      // A dot inside a name, such as gpt-4.1, ends no sentence.
      .replace(/(?<=\w)\.(?=\w)/g, "·")
      .replaceAll("’", "'")
  );
}

function codeOf(facts: ErrorFacts | undefined, category: string): string {
  const codes = facts?.codes.filter((code) => !/^\d+$/.test(code)) ?? [];
  const known = codes.find((code) => isClientCode(code) || categoryOfCodes([code]));
  const status = facts?.status === undefined ? undefined : `HTTP_${facts.status}`;
  return (known ?? status ?? codes[0] ?? category.toUpperCase()).slice(0, 200);
}

function first<T, R>(items: readonly T[], pick: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const picked = pick(item);
    if (picked !== undefined) return picked;
  }
  return undefined;
}

/**
 * Returns a failure as plain data. Its message holds what the server said, where the error's own message does not.
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
  const isServers = isOfServers(cause, classification);
  const own = isServers ? withoutKeys(messageOf(cause)) : messageOf(cause);
  const message = [own, ...(isServers ? saidBeyondMessage(cause) : [])].filter((text) => text !== "").join(": ");
  const facts = {
    type: kindOf(cause),
    message: note ? `${message} (${note})` : message,
    code: classification.code,
    isRetryable: classification.isRetryable,
    attempts,
    category: classification.category,
  };
  return keepOriginal(facts, cause);
}

const longestSaid = 500;

function isOfServers(error: unknown, { category }: Classification): boolean {
  return category !== "invalid_output" && category !== "circuit_open" && !isOrchestratorError(error);
}

/** Returns what the server or a deeper cause says that the error's own message leaves out, bounded and without secrets. */
function saidBeyondMessage(error: unknown): string[] {
  try {
    const chain = [...factsOfChain(error)];
    const message = withoutKeys(messageOf(error));
    const said: string[] = [];
    let left = longestSaid;
    const isBare = isBareOfFetch(message);
    for (const text of chain.flatMap((facts) => [...(isBare ? [facts.message] : []), ...facts.words])) {
      const clean = withoutKeys(withoutSecrets(text)).slice(0, left).trim();
      if (clean === "" || [message, ...said].some((told) => told.includes(clean))) continue;
      said.push(clean);
      left -= clean.length;
    }
    const advice = chain.some(({ codes }) => codes.some((code) => waitsOfFetch.has(code))) ? [adviceOfFetch] : [];
    return [...said, ...advice];
  } catch {
    return [];
  }
}

/** Keys as vendors write them, JSON web tokens, and what follows `Bearer`. Names such as `api_key_not_found` are no keys. */
const keys =
  /\b(?:sk|nvapi)-[\w-]{16,}|\b(?:pk|rk|gsk|xai|pplx|hf|api|key)[-_](?=[A-Za-z]*\d)[A-Za-z0-9]{16,}|\b(?:AIza|AKIA|ASIA)[\w-]{16,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bBearer\s+[\w.-]{12,}/g;

/** Servers repeat the key that they refuse, which may not stand in the environment. */
function withoutKeys(text: string): string {
  return text.replace(keys, "[secret]");
}

const waitsOfFetch: ReadonlySet<string> = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
const adviceOfFetch =
  "Node's fetch waits 300 s for an answer, whatever attemptTimeoutMs says. Use streaming, or a fetch with longer timeouts";

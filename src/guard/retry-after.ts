import { headerOf, headersIn, objectsIn } from "./error-facts.ts";
import { duration, ofDuration, toldLimits, unitMs, waitFor } from "./rate-limit-headers.ts";

/**
 * Returns how long a server asks not to be called, in milliseconds: what an error says itself as `retryAfterMs`;
 * `retry-after-ms`; `Retry-After` (RFC 9110, 10.2.3); the reset of a limit that is used up; fields and words of the body.
 *
 * @param nowMs compared with a date, where the response has no date of its own
 */
export function retryAfterMs(error: object, nowMs: number): number | undefined {
  const sentAtMs = Date.parse(headerOf(error, "date") ?? "");
  const atMs = Number.isNaN(sentAtMs) ? nowMs : sentAtMs;
  return duration((error as { retryAfterMs?: unknown }).retryAfterMs) ?? ofHeaders(error, atMs) ?? ofBody(error, atMs);
}

function ofHeaders(error: object, atMs: number): number | undefined {
  return (
    milliseconds(headerOf(error, "retry-after-ms") ?? headerOf(error, "x-ms-retry-after-ms")) ??
    waitFor(headerOf(error, "retry-after"), atMs) ??
    ofUsedUpLimits(error, atMs)
  );
}

function milliseconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(value) ? duration(Number(value)) : undefined;
}

/** The longest reset among limits of which nothing remains, or of the only limit where its rest is not said. */
function ofUsedUpLimits(error: object, atMs: number): number | undefined {
  const limits = toldLimits(headersIn(error), atMs);
  const timed = limits.filter(({ resetMs }) => resetMs !== undefined);
  const isSaid = limits.some(({ remaining }) => remaining !== undefined);
  const usedUp = isSaid || timed.length > 1 ? timed.filter(({ remaining }) => remaining === 0) : timed;
  return usedUp.length > 0 ? Math.max(...usedUp.map(({ resetMs = 0 }) => resetMs)) : undefined;
}

/**
 * Fields of the body: Google's `RetryInfo` (`retryDelay: "34.5s"`), `retry_after` in seconds, Hugging Face's `estimated_time`
 * of a model that loads, headers that a router hands
 * on from the server behind it; else words such as "try again in 1.2s".
 */
function ofBody(error: object, atMs: number): number | undefined {
  const words: string[] = [(error as { message?: unknown }).message].filter((text) => typeof text === "string");
  for (const fields of objectsIn(error)) {
    const { retryDelay, retry_after_ms, retry_after, retryAfter, retry_after_seconds, estimated_time } = fields;
    const told =
      ofRetryDelay(retryDelay) ??
      duration(retry_after_ms) ??
      waitFor(scalar(retry_after) ?? scalar(retryAfter) ?? scalar(retry_after_seconds) ?? scalar(estimated_time), atMs);
    const passedOn =
      typeof fields["headers"] === "object" ? ofHeaders({ headers: fields["headers"] }, atMs) : undefined;
    if (told !== undefined || passedOn !== undefined) return told ?? passedOn;
    for (const key of ["message", "msg", "detail", "error"])
      if (typeof fields[key] === "string") words.push(fields[key]);
  }
  for (const text of words) {
    const waitMs = ofWords(text);
    if (waitMs !== undefined) return waitMs;
  }
  return undefined;
}

function ofRetryDelay(value: unknown): number | undefined {
  if (typeof value === "string") return ofDuration(value);
  const { seconds, nanos = 0 } = (value ?? {}) as { seconds?: unknown; nanos?: unknown };
  return seconds === undefined ? undefined : duration(Number(seconds) * 1000 + Number(nanos) / 1e6);
}

const asked =
  /\b(?:try again|retry|retrying|wait|available|resets?)\b[^.\d\n]{0,40}?\b(\d+(?:\.\d+)?) ?(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![a-z])(?: ?(\d+(?:\.\d+)?) ?(s|secs?|seconds?)\b)?/i;

/** Reads "Please try again in 1.2s", "in 6m0s", "retry after 42 seconds", "wait 2 minutes". */
function ofWords(text: string): number | undefined {
  const found = asked.exec(text);
  if (!found) return undefined;
  const [, amount, unit = "", seconds = "0"] = found;
  const ms = Number(amount) * unitOf(unit) + Number(seconds) * unitMs.s;
  return duration(Math.round(ms * 1000) / 1000);
}

function unitOf(unit: string): number {
  const word = unit.toLowerCase();
  if (word.startsWith("ms") || word.startsWith("milli")) return unitMs.ms;
  return unitMs[word.slice(0, 1) as "s" | "m" | "h"];
}

function scalar(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

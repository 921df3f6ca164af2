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
    waitOf(headerOf(error, "retry-after"), atMs) ??
    ofUsedUpLimits(error, atMs)
  );
}

/** A header that a proxy doubled comes as `12, 12`; a date has a comma of its own. */
function waitOf(header: string | undefined, atMs: number): number | undefined {
  const [first = ""] = header?.split(",") ?? [];
  return waitFor(/^\s*\d+\s*$/.test(first) ? first : header, atMs);
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
 * of a model that loads, the time at which a limit ends, headers that a router hands on from the server behind it; else words
 * such as "try again in 1.2s".
 */
function ofBody(error: object, atMs: number): number | undefined {
  const words: string[] = [(error as { message?: unknown }).message].filter((text) => typeof text === "string");
  for (const fields of objectsIn(error)) {
    const { retryDelay, retry_after_ms, retry_after, retryAfter, retry_after_seconds, estimated_time } = fields;
    const { reset_at, resets_at } = fields;
    const told =
      ofRetryDelay(retryDelay) ??
      duration(retry_after_ms) ??
      waitFor(
        scalar(retry_after) ?? scalar(retryAfter) ?? scalar(retry_after_seconds) ?? scalar(estimated_time),
        atMs,
      ) ??
      waitFor(scalar(reset_at) ?? scalar(resets_at), atMs);
    const passedOn =
      typeof fields["headers"] === "object" ? ofHeaders({ headers: fields["headers"] }, atMs) : undefined;
    if (told !== undefined || passedOn !== undefined) return told ?? passedOn;
    for (const key of ["message", "msg", "detail", "error"])
      if (typeof fields[key] === "string") words.push(fields[key]);
  }
  for (const text of words) {
    const waitMs = ofWords(text, atMs);
    if (waitMs !== undefined) return waitMs;
  }
  return undefined;
}

function ofRetryDelay(value: unknown): number | undefined {
  if (typeof value === "string") return ofDuration(value);
  const { seconds, nanos = 0 } = (value ?? {}) as { seconds?: unknown; nanos?: unknown };
  return seconds === undefined ? undefined : duration(Number(seconds) * 1000 + Number(nanos) / 1e6);
}

/** A time in words, of one unit or of several: "1.2s", "1h13m12.5s", "2 minutes and 30 seconds", "30 秒", "30 Sekunden". */
const amountWithUnit = String.raw`\d{1,9}(?:\.\d{1,12})? ?(?:ms|milliseconds?|s|secs?|seconds?|sek(?:unden?)?|m|mins?|minuten?|minutes?|h|hours?|stunden?|hrs?|d|days?|tagen?|毫秒|秒|分钟|分鐘|分|小时|小時|時間)(?![a-z])`;
const amounts = `${amountWithUnit}(?:(?:,? and|,| und)? ?${amountWithUnit})*`;
const oneAmount =
  /(\d{1,9}(?:\.\d{1,12})?) ?(ms|milliseconds?|毫秒|s|sec|sek|秒|minut|min|m|分|h|stund|小时|小時|時間|d|tag)/giu;

/** The wait stands behind its verb, or before it in Chinese, Japanese and German. */
const asked = new RegExp(
  String.raw`\b(?:try again|retry|retrying|retry_?after|wait|available|resets?|versuchen)\b[^.\d\n]{0,40}?(?<![\w.-])(${amounts})|(${amounts}) ?(?:后|之后|後)(?:に?再?|请再?)(?:试|重试|重試|試|尝试|行)|(${amounts}) (?:erneut|später)`,
  "iu",
);

/** Servers' words are untrusted. */
const longestText = 4_000;

const askedAt =
  /\b(?:try again|retry|wait|available|resets?)\b[^.\d\n]{0,40}?\b(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d| ?UTC))/i;

/** Reads "Please try again in 1.2s", "in 1h13m12s", "retry after 42 seconds", "resets at 2026-10-21T07:28:30Z", "请在 30 秒后重试". */
function ofWords(said: string, atMs: number): number | undefined {
  const text = said.slice(0, longestText);
  // The patterns take milliseconds to compile: a text without a figure, such as the reason of an abort, needs none of them.
  if (!/\d/.test(text)) return undefined;
  const at = askedAt.exec(text)?.[1];
  if (at !== undefined) return waitFor(at, atMs);
  const found = asked.exec(text);
  const told = found?.[1] ?? found?.[2] ?? found?.[3];
  if (told === undefined) return undefined;
  const parts = Array.from(told.matchAll(oneAmount), ([, amount, unit = ""]) => Number(amount) * unitOf(unit));
  const ms = parts.reduce((sum, part) => sum + part, 0);
  return duration(Math.round(ms * 1000) / 1000);
}

/** Units by how they begin, the longer beginning first. */
const units: readonly (readonly [RegExp, number])[] = [
  [/^(?:ms|milli|毫秒)/, unitMs.ms],
  [/^(?:stund|h|小|時間)/, unitMs.h],
  [/^(?:s|秒)/, unitMs.s],
  [/^(?:m|分)/, unitMs.m],
  [/^(?:d|tag)/, unitMs.d],
];

function unitOf(unit: string): number {
  return units.find(([begin]) => begin.test(unit.toLowerCase()))?.[1] ?? unitMs.s;
}

function scalar(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

import { headerOf, headersIn, objectsIn } from "./error-facts.ts";

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

/** Numbers from here on are seconds, or milliseconds, since 1970: no server means a pause of thirty years. */
const epochSeconds = 1e9;
const epochMilliseconds = 1e12;

/** Reads seconds, a duration such as `6m0s`, a date, or a time since 1970 as milliseconds from `atMs` on. */
function waitFor(value: string | undefined, atMs: number): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    if (number >= epochMilliseconds) return Math.max(0, number - atMs);
    if (number >= epochSeconds) return Math.max(0, number * 1000 - atMs);
    return duration(number * 1000);
  }
  const lasting = ofDuration(text);
  if (lasting !== undefined) return lasting;
  if (!/[a-z]/i.test(text)) return undefined;
  const waitMs = Date.parse(text) - atMs;
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const written =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/i;

/** Reads `120ms`, `7.66s`, `2m59.56s`, `1h2m`. */
function ofDuration(text: string): number | undefined {
  const found = text === "" ? null : written.exec(text.replaceAll(" ", ""));
  if (!found) return undefined;
  const [, d = 0, h = 0, m = 0, s = 0, ms = 0] = found;
  const sum = Number(d) * unitMs.d + Number(h) * unitMs.h + Number(m) * unitMs.m + Number(s) * unitMs.s + Number(ms);
  // 7.66 s are 7660 ms, whatever their binary form.
  return duration(Math.round(sum * 1000) / 1000);
}

/** Headers of a limit's rest and reset: `x-ratelimit-remaining-tokens`, `anthropic-ratelimit-input-tokens-reset`. */
const rest = /^(?:x-)?(.*?)-?(remaining|reset)(?:-after)?-?(.*)$/;

/** One limit in the headers of two IETF drafts: `"default";r=0;t=30`, `limit=10, remaining=0, reset=30`. */
const structured = /;\s*r=0\b.*;\s*t=(\d+)|\bremaining=0\b.*\breset=(\d+)/;

/** The longest reset among limits of which nothing remains, or whose rest is not said. */
function ofUsedUpLimits(error: object, atMs: number): number | undefined {
  const limits = new Map<string, { remaining?: number; resetMs?: number | undefined }>();
  for (const [header, value] of headersIn(error)) {
    const name = header.replace("rate-limit", "ratelimit");
    if (name === "ratelimit") {
      const [, newer, older] = structured.exec(value) ?? [];
      return duration(Number(newer ?? older ?? Number.NaN) * 1000);
    }
    const found = name.includes("ratelimit") ? rest.exec(name) : null;
    if (!found) continue;
    const [, before = "", kind, after = ""] = found;
    const limit = limits.get(`${before}/${after}`) ?? {};
    limits.set(`${before}/${after}`, limit);
    if (kind === "remaining") limit.remaining = Number.parseFloat(value);
    else limit.resetMs = waitFor(value, atMs);
  }
  const isSaid = [...limits.values()].some(({ remaining }) => remaining !== undefined);
  const waits = [...limits.values()].flatMap(({ remaining, resetMs }) =>
    resetMs !== undefined && (remaining === 0 || (!isSaid && limits.size === 1)) ? [resetMs] : [],
  );
  return waits.length > 0 ? Math.max(...waits) : undefined;
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

function duration(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
}

import { bodyOf, headerOf } from "./error-facts.ts";

/**
 * How long a provider asks not to be called: `retry-after-ms`, `Retry-After` in seconds or as an HTTP date (RFC 9110,
 * 10.2.3), or what an error says itself as `retryAfterMs`.
 *
 * @param provider whose habits apply: Google says it in the body, as `RetryInfo`
 * @param nowMs the time that an HTTP date is compared with, where the response has no date of its own
 */
export function retryAfterMs(error: object, provider: string | undefined, nowMs: number): number | undefined {
  return (
    duration((error as { retryAfterMs?: unknown }).retryAfterMs) ??
    duration(Number.parseFloat(headerOf(error, "retry-after-ms") ?? "")) ??
    ofHeader(error, nowMs) ??
    (provider?.startsWith("google") ? ofRetryInfo(error) : undefined)
  );
}

function ofHeader(error: object, nowMs: number): number | undefined {
  const value = headerOf(error, "retry-after");
  if (value === undefined) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return duration(Number(value) * 1000);
  if (!/[a-z]/i.test(value)) return undefined;
  const sentAtMs = Date.parse(headerOf(error, "date") ?? "");
  const waitMs = Date.parse(value) - (Number.isNaN(sentAtMs) ? nowMs : sentAtMs);
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** `google.rpc.RetryInfo`: `{ error: { details: [{ retryDelay: "34.5s" }] } }`. */
function ofRetryInfo(error: object): number | undefined {
  const details = (bodyOf(error) as { error?: { details?: unknown } } | undefined)?.error?.details;
  if (!Array.isArray(details)) return undefined;
  const info = details.find((detail) => typeof detail?.retryDelay === "string");
  return info && duration(Number.parseFloat(info.retryDelay) * 1000);
}

function duration(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
}

/** One limit, as the headers of a response tell it. */
export interface ToldLimit {
  readonly of: "requests" | "tokens";
  readonly limit: number | undefined;
  readonly remaining: number | undefined;
  /** Time until the whole limit is there again. */
  readonly resetMs: number | undefined;
  /** True where the limit refills evenly, false where all of it comes back at the reset. */
  readonly isRefilled: boolean;
  /** The header's name says so: some servers leave the reset out. */
  readonly isOfMinute: boolean;
}

type Kind = "limit" | "remaining" | "reset";

/** `x-ratelimit-remaining-tokens`, `anthropic-ratelimit-input-tokens-reset`, `ratelimit-remaining`. */
const named = /^(.*?)-?(limit|remaining|reset)(?:-after)?(?:-(.*))?$/;

/** Limits in the headers of two IETF drafts: `"burst";r=50;t=30, "day";r=0;t=60`, `limit=100, remaining=50, reset=30`. */
const structured = /;\s*r=(\d+)\b[^,]*;\s*t=(\d+)|\bremaining=(\d+)\b.*?\breset=(\d+)/g;

/**
 * Yields the limits that the headers of a response tell. OpenAI and those who follow it write the time until a limit is full
 * again as a duration, Anthropic as a date, and both refill it evenly; others give seconds to the end of a window.
 *
 * @param headers by their names in lower case
 * @param atMs the time of the response
 */
export function toldLimits(headers: Iterable<readonly [string, string]>, atMs: number): ToldLimit[] {
  const found = new Map<string, Partial<Record<Kind, string>>>();
  for (const [header, value] of headers) {
    const name = header.replace("rate-limit", "ratelimit");
    if (name === "ratelimit") return fromStructured(value);
    const at = name.indexOf("ratelimit");
    const parts = at < 0 ? null : named.exec(name.slice(at + "ratelimit".length).replace(/^-/, ""));
    if (!parts) continue;
    const [, before = "", kind, after = ""] = parts;
    const key = `${name.slice(0, at)}/${before}/${after}`;
    found.set(key, { ...found.get(key), [kind as Kind]: value });
  }
  return [...found].map(([key, limit]) => toLimit(key, limit, atMs));
}

function toLimit(key: string, { limit, remaining, reset }: Partial<Record<Kind, string>>, atMs: number): ToldLimit {
  return {
    of: key.includes("token") ? "tokens" : "requests",
    limit: amount(limit),
    remaining: amount(remaining),
    resetMs: waitFor(reset, atMs),
    isRefilled: key.startsWith("anthropic") || /[a-z]$/i.test(reset?.trim() ?? ""),
    isOfMinute: /\bminute\b/.test(key),
  };
}

function fromStructured(value: string): ToldLimit[] {
  return Array.from(value.matchAll(structured), ([, remaining, seconds, olderRemaining, olderSeconds]) => ({
    of: "requests",
    limit: undefined,
    remaining: amount(remaining ?? olderRemaining),
    resetMs: Number(seconds ?? olderSeconds) * 1000,
    isRefilled: false,
    isOfMinute: false,
  }));
}

/** Servers write -1 for what they do not know. */
function amount(text: string | undefined): number | undefined {
  const value = Number.parseFloat(text ?? "");
  return value >= 0 ? value : undefined;
}

/** Numbers from here on are seconds, or milliseconds, since 1970: no server means a pause of thirty years. */
const epochSeconds = 1e9;
const epochMilliseconds = 1e12;

/** Reads seconds, a duration such as `6m0s`, a date, or a time since 1970 as milliseconds from `atMs` on. */
export function waitFor(value: string | undefined, atMs: number): number | undefined {
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

export const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const written =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/i;

/** Reads `120ms`, `7.66s`, `2m59.56s`, `1h2m`. */
export function ofDuration(text: string): number | undefined {
  const found = text === "" ? null : written.exec(text.replaceAll(" ", ""));
  if (!found) return undefined;
  const [, d = 0, h = 0, m = 0, s = 0, ms = 0] = found;
  const sum = Number(d) * unitMs.d + Number(h) * unitMs.h + Number(m) * unitMs.m + Number(s) * unitMs.s + Number(ms);
  // 7.66 s are 7660 ms, whatever their binary form.
  return duration(Math.round(sum * 1000) / 1000);
}

export function duration(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
}

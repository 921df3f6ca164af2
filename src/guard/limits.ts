import * as v from "valibot";
import type { OptionIssue } from "../core/errors.ts";
import {
  collectOptions,
  declareOptions,
  finiteNumber,
  type OptionsInput,
  type ResolvedOptions,
  wholeNumber,
} from "../core/options.ts";

export const rateLimit = declareOptions("RateLimit", "limits", {
  /** Calls that may start in a minute. They are spread: a 60th of it in each second. */
  requestsPerMinute: v.optional(finiteNumber({ minimum: 0.001, unit: "requests" })),
  /** Tokens that calls may use in a minute, prompt and answer together. */
  tokensPerMinute: v.optional(finiteNumber({ minimum: 1, unit: "tokens" })),
  /** Calls that may be in flight at once. */
  maxConcurrent: v.optional(wholeNumber({ minimum: 1, unit: "calls" })),
});

/** Limit of a provider, or of one of its models. */
export interface RateLimit extends OptionsInput<typeof rateLimit> {
  maxConcurrent?: number | undefined;
}
export type ResolvedRateLimit = ResolvedOptions<typeof rateLimit>;

/** Limits by `"provider"` or `"provider:model"`. A call is under all that name it. */
export type RateLimits = Readonly<Record<string, RateLimit>>;

/** Names the faults in limits. */
export function faultsInLimits(limits: unknown, path = "limits"): readonly OptionIssue[] {
  const issues: OptionIssue[] = [];
  if (typeof limits !== "object" || limits === null || Array.isArray(limits)) {
    const allowed = 'an object of limits by "provider" or "provider:model"';
    return [{ path, given: limits, allowed }];
  }
  for (const [name, limit] of Object.entries(limits)) {
    const at = `${path}[${JSON.stringify(name)}]`;
    const resolved = collectOptions(rateLimit, limit ?? null, at, issues);
    if (resolved && Object.values(resolved).every((value) => value === undefined)) {
      const message = `${at} sets no limit. Give requestsPerMinute, tokensPerMinute or maxConcurrent.`;
      issues.push({ path: at, given: limit, allowed: "at least one limit", message });
    }
  }
  return issues;
}

/** Name of a model as users write it: `openai:gpt-5-mini` also where its package says `openai.responses`. */
export function paceKey(provider: string, modelId: string | undefined): string {
  const name = provider.includes(":") ? provider : provider.replace(/\..*$/, "");
  return modelId === undefined ? name : `${name}:${modelId}`;
}

/** Returns whether a limit of this name is one of the calls of this key. */
export function isUnder(name: string, key: string): boolean {
  const limited = name.replace("#", ":");
  return [key, withoutAddress(key)].some((own) => own === limited || own.startsWith(`${limited}:`));
}

/** Returns `openai:gpt-5-mini` of `openai:http://localhost:4000/v1:gpt-5-mini`. */
function withoutAddress(key: string): string {
  return key.replace(/^([^:]+):https?:\/\/[^/:]+(?::\d+)?(?:\/[^:]*)?:/i, "$1:");
}

import type { LanguageModelV4Usage } from "@ai-sdk/provider";
import type { Usage } from "../contract/usage.ts";
import { type Fields, fieldsOf } from "./wire.ts";

/** Figures that a provider stated. What it left out, or what no count can be, is left out. */
export interface ReportedUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly cachedInputTokens?: number;
  readonly cacheWriteInputTokens?: number;
  readonly reasoningTokens?: number;
}

/** Figures of a server's own usage object, whatever it calls them. */
export function readUsage(usage: Fields): ReportedUsage {
  const figure = (...places: string[]) => first(places.map((place) => countAt(usage, place)));
  const cachedInputTokens = figure(
    "prompt_tokens_details.cached_tokens",
    "input_tokens_details.cached_tokens",
    "cache_read_input_tokens",
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "cachedContentTokenCount",
    "cacheReadInputTokens",
  );
  const cacheWriteInputTokens = figure(
    "prompt_tokens_details.cache_write_tokens",
    "prompt_tokens_details.cache_creation_tokens",
    "input_tokens_details.cache_write_tokens",
    "cache_creation_input_tokens",
    "cacheWriteInputTokens",
  );
  const reasoningTokens = figure(
    "completion_tokens_details.reasoning_tokens",
    "output_tokens_details.reasoning_tokens",
    "reasoning_tokens",
    "thoughtsTokenCount",
  );
  const totalTokens = figure("total_tokens", "totalTokenCount", "totalTokens");
  const stated = figure(
    "prompt_tokens",
    "input_tokens",
    "promptTokenCount",
    "inputTokens",
    "promptTokens",
    "prompt_eval_count",
    "tokens.input_tokens",
    "billed_units.input_tokens",
  );
  const inputTokens = withParts(stated, inputParts(usage, cachedInputTokens, cacheWriteInputTokens));
  const written = figure(
    "completion_tokens",
    "output_tokens",
    "candidatesTokenCount",
    "outputTokens",
    "completionTokens",
    "eval_count",
    "tokens.output_tokens",
    "billed_units.output_tokens",
  );
  const isGoogle = "promptTokenCount" in usage || "totalTokenCount" in usage;
  const outputTokens = withReasoning({ inputTokens, totalTokens }, written, reasoningTokens, isGoogle);
  return definedOf({
    inputTokens,
    outputTokens,
    totalTokens,
    cachedInputTokens,
    cacheWriteInputTokens,
    reasoningTokens,
  });
}

/** Anthropic and Bedrock state the prompt without its cached parts; Google states the results of its own tools apart. */
function inputParts(usage: Fields, cached = 0, written = 0): number {
  const isApart =
    ("input_tokens" in usage && ("cache_read_input_tokens" in usage || "cache_creation_input_tokens" in usage)) ||
    ("inputTokens" in usage && ("cacheReadInputTokens" in usage || "cacheWriteInputTokens" in usage));
  return (isApart ? cached + written : 0) + (countAt(usage, "toolUsePromptTokenCount") ?? 0);
}

function withParts(stated: number | undefined, parts: number): number | undefined {
  return stated === undefined ? undefined : stated + parts;
}

/**
 * Output tokens, thoughts included. Some servers count thoughts inside the completion and some beside it: the stated total
 * tells which, and a part that is larger than the whole stands beside it.
 */
function withReasoning(
  { inputTokens, totalTokens }: { inputTokens: number | undefined; totalTokens: number | undefined },
  written: number | undefined,
  reasoning: number | undefined,
  isGoogle: boolean,
): number | undefined {
  if (isGoogle) return written === undefined && reasoning === undefined ? undefined : (written ?? 0) + (reasoning ?? 0);
  if (written === undefined) return undefined;
  const stated = totalTokens !== undefined && inputTokens ? totalTokens - inputTokens : 0;
  const isBeside = reasoning !== undefined && reasoning > written;
  return Math.max(written, stated, isBeside ? written + reasoning : 0);
}

/** Figures as a provider package gives them: the server's own where it hands them on, else the package's. */
export function readPackageUsage(reported: LanguageModelV4Usage | undefined): ReportedUsage | undefined {
  const raw = fieldsOf(reported?.raw);
  const own = raw && readUsage(raw);
  if (own && Object.keys(own).length > 0) return own;
  const usage = definedOf({
    inputTokens: countOf(reported?.inputTokens?.total),
    outputTokens: countOf(reported?.outputTokens?.total),
    cachedInputTokens: countOf(reported?.inputTokens?.cacheRead),
    cacheWriteInputTokens: countOf(reported?.inputTokens?.cacheWrite),
    reasoningTokens: countOf(reported?.outputTokens?.reasoning),
  });
  return usage.inputTokens === undefined && usage.outputTokens === undefined ? undefined : usage;
}

/** Figures of two events of one stream: servers repeat them as they grow. */
export function laterUsage(before: ReportedUsage | undefined, after: ReportedUsage): ReportedUsage {
  const merged: Record<string, number> = { ...before };
  for (const [name, figure] of Object.entries(after)) merged[name] = Math.max(merged[name] ?? 0, figure as number);
  return merged;
}

/** Estimates that stand in for what a provider does not state. */
export interface UsageEstimate {
  readonly inputTokens: () => number;
  readonly outputTokens: () => number;
  /** The answer has text, so that zero output tokens are no count of it. */
  readonly hasText: boolean;
}

/**
 * Usage of one call. A missing figure follows from the stated total, or is estimated and the usage marked so. A prompt of zero
 * tokens does not exist, and no text was written with none.
 */
export function completeReport(reported: ReportedUsage = {}, estimate: UsageEstimate): Usage {
  const { totalTokens: total, inputTokens: statedInput, outputTokens: statedOutput, ...parts } = reported;
  const output = statedOutput === 0 && estimate.hasText ? undefined : statedOutput;
  const input = statedInput === 0 ? undefined : statedInput;
  const left = leftOf(total, input) ?? (total !== undefined && total === input && !estimate.hasText ? 0 : undefined);
  const outputTokens = output ?? left ?? Math.min(estimate.outputTokens(), roomIn(total, input));
  const inputTokens = input ?? leftOf(total, outputTokens) ?? estimate.inputTokens();
  const isKnown = (input ?? leftOf(total, output)) !== undefined && (output ?? left) !== undefined;
  const usage = { ...parts, inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, requests: 1 };
  return isKnown ? usage : { ...usage, estimated: true };
}

function leftOf(total: number | undefined, part: number | undefined): number | undefined {
  return total !== undefined && part !== undefined && total > part ? total - part : undefined;
}

/** Room for an estimate below a stated total of which nothing else is known. */
function roomIn(total: number | undefined, input: number | undefined): number {
  return total !== undefined && input === undefined && total > 0 ? total - 1 : Number.POSITIVE_INFINITY;
}

/** Figures of ours as a provider gives them. */
export function fromUsage(
  usage: { [Figure in keyof Usage]?: Usage[Figure] | undefined } | undefined,
): LanguageModelV4Usage {
  const { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens } = usage ?? {};
  return {
    inputTokens: {
      total: inputTokens,
      noCache: undefined,
      cacheRead: cachedInputTokens,
      cacheWrite: cacheWriteInputTokens,
    },
    outputTokens: { total: outputTokens, text: undefined, reasoning: reasoningTokens },
  };
}

function countAt(usage: Fields, place: string): number | undefined {
  const [outer = "", inner] = place.split(".");
  return countOf(inner === undefined ? usage[outer] : fieldsOf(usage[outer])?.[inner]);
}

/** Nulls, NaN, fractions, negative and infinite figures, and those that a sum would no longer hold, are no counts. */
function countOf(figure: unknown): number | undefined {
  return typeof figure === "number" && Number.isSafeInteger(figure) && figure >= 0 ? figure : undefined;
}

function first<T>(items: readonly (T | undefined)[]): T | undefined {
  return items.find((item) => item !== undefined);
}

function definedOf(figures: { [Figure in keyof ReportedUsage]: number | undefined }): ReportedUsage {
  return Object.fromEntries(Object.entries(figures).filter(([, figure]) => figure !== undefined));
}

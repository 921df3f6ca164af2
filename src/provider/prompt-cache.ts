import type { LanguageModelLike, ModelTraits, PromptMessage } from "../contract/model.ts";
import type { PriceSource } from "../contract/settings.ts";
import type { Usage } from "../contract/usage.ts";
import type { JSONSchema } from "../core/json.ts";
import { isBatched } from "./prices.ts";

/** Cache in which a provider keeps the beginnings of prompts. */
export interface PromptCache {
  /** Shorter prompts are not kept, in tokens. */
  readonly minimumTokens: number;
  /** Place in a request that asks for the cache: marks on messages, or a key that leads to the same machine. */
  readonly hint: "cacheControl" | "promptCacheKey" | undefined;
  /** True where prompts are kept without being asked for. */
  readonly isAutomatic: boolean;
  /** Price of putting a prompt into the cache, by that of plain input, where the price list does not say it. */
  readonly writePremium: number;
}

/** Caches as their vendors document them, by the AI SDK's name of the provider. The first row that fits holds. */
const caches: readonly {
  readonly provider: RegExp;
  readonly models: RegExp;
  readonly cache: PromptCache;
}[] = [
  // https://developers.openai.com/api/docs/guides/prompt-caching: gpt-4o and newer.
  row(/^(?:openai|azure)(?:-openai)?\./, /^(?!gpt-3|gpt-4(?!o|\.)|o1-(?:mini|preview))/, 1_024, "promptCacheKey"),
  // https://platform.claude.com/docs/en/build-with-claude/prompt-caching, "Cache limitations".
  row(/^(?:.*\.)?anthropic\./, /opus-4-[5-9]|haiku-4-5/, 4_096, "cacheControl"),
  row(/^(?:.*\.)?anthropic\./, /sonnet-4-6|3-5-haiku|3-haiku/, 2_048, "cacheControl"),
  row(/^(?:.*\.)?anthropic\./, /claude/, 1_024, "cacheControl"),
  // https://ai.google.dev/gemini-api/docs/caching, "Implicit caching".
  row(/^google\b/, /gemini-2\.5/, 2_048, undefined),
  row(/^google\b/, /gemini-[3-9]/, 4_096, undefined),
  // https://docs.mistral.ai/studio-api/conversations/advanced/prompt-caching.
  row(/^mistral\./, /./, 1_024, "promptCacheKey"),
];

function row(provider: RegExp, models: RegExp, minimumTokens: number, hint: PromptCache["hint"]) {
  const isMarked = hint === "cacheControl";
  const cache = { minimumTokens, hint, isAutomatic: !isMarked, writePremium: isMarked ? 1.25 : 1 };
  return { provider, models, cache };
}

/** Returns the prompt cache of a model; `undefined` where none is known, and in batches, whose calls have no order. */
export function promptCacheOf({ provider, modelId }: Pick<LanguageModelLike, "provider" | "modelId">) {
  if (isBatched(provider)) return undefined;
  return caches.find((known) => known.provider.test(provider) && known.models.test(modelId))?.cache;
}

/** Tells a prompt that is too short for a cache, without counting: it has fewer characters than the cache wants tokens. */
export function isCertainlyShorter(
  messages: readonly PromptMessage[],
  schema: JSONSchema | undefined,
  minimumTokens: number,
): boolean {
  let length = schema ? JSON.stringify(schema).length : 0;
  for (const { content } of messages) {
    for (const part of Array.isArray(content) ? content : [content]) {
      const text = typeof part === "string" ? part : part?.text;
      // An image or a file has no characters to count.
      if (typeof text !== "string") return false;
      length += text.length;
    }
  }
  return length < minimumTokens;
}

/** Share of reads that find the prompt, until a model's own answers tell: about 40 % misses are reported of one vendor. */
const usualHitRate = 0.6;
/** Weight of that share, in reads. */
const usualWeight = 2;

function hitRate({ cacheReads = 0, cacheHits = 0 }: ModelTraits): number {
  return (cacheHits + usualHitRate * usualWeight) / (cacheReads + usualWeight);
}

/** Fewer reads do not tell how long the cache takes to have a prompt. */
const leastReads = 4;

/** Tells whether a prompt is seldom found as soon as its first call begins to answer: then the others wait for its end. */
export function isSlow({ cacheReads = 0, cacheHits = 0 }: ModelTraits): boolean {
  return cacheReads >= leastReads && cacheHits < cacheReads / 2;
}

/** Learns from a call that should have found its prompt in the cache. */
export function learnRead(traits: ModelTraits, { cachedInputTokens = 0 }: Usage): void {
  traits.cacheReads = (traits.cacheReads ?? 0) + 1;
  traits.cacheHits = (traits.cacheHits ?? 0) + (cachedInputTokens > 0 ? 1 : 0);
}

/**
 * Returns what it is likely to save, in dollars or a multiple of them, that the first of some calls goes ahead alone:
 * `(calls - 1) * hits * (cold - cached) - (written - cold)`, with the prices of the prompt when it is not asked to be kept, read
 * from the cache, and put into it.
 *
 * @param calls that share the prompt
 * @param priceOf the prompt, by its usage; `null` where that is not known: then by what vendors usually charge
 */
export function savingOf(
  cache: PromptCache,
  calls: number,
  traits: ModelTraits,
  priceOf: (cached: Pick<Usage, "cachedInputTokens" | "cacheWriteInputTokens">) => number | null,
  promptTokens: number,
): number {
  const input = priceOf({}) ?? 1;
  const isPriced = priceOf({}) !== null;
  const cached = (isPriced ? priceOf({ cachedInputTokens: promptTokens }) : undefined) ?? usualCachedShare * input;
  const priced = (isPriced ? priceOf({ cacheWriteInputTokens: promptTokens }) : undefined) ?? input;
  const written = Math.max(priced, cache.writePremium * input);
  const cold = cache.isAutomatic ? written : input;
  return (calls - 1) * hitRate(traits) * (cold - cached) - (written - cold);
}

const usualCachedShare = 0.1;

/** Returns what a usage would have cost without the cache, less what it cost. Negative where only the cache was filled. */
export function savedBy(prices: PriceSource, model: LanguageModelLike, usage: Usage): number | undefined {
  const { cachedInputTokens, cacheWriteInputTokens, ...plain } = usage;
  if (!cachedInputTokens && !cacheWriteInputTokens) return undefined;
  const { provider, modelId } = model;
  try {
    const full = prices.costUsd({ provider, modelId, usage: plain });
    const paid = prices.costUsd({ provider, modelId, usage });
    return full === null || paid === null || !Number.isFinite(full - paid) ? undefined : full - paid;
  } catch {
    return undefined;
  }
}

type ProviderOptions = Record<string, Record<string, any>> | undefined;

/**
 * Returns messages and options that ask for the cache, with the shared beginning marked: its system message, which other prompts
 * share too, and its last message. Marks and keys of the caller's own stay as they are.
 *
 * @param shared number of messages that the calls share
 * @param key of the prompt, for caches that are found by one
 */
export function askForCache(
  model: Pick<LanguageModelLike, "provider" | "modelId">,
  messages: readonly PromptMessage[],
  providerOptions: ProviderOptions,
  { key, shared }: { readonly key: string; readonly shared: number },
): { readonly messages: readonly PromptMessage[]; readonly providerOptions: ProviderOptions } {
  const hint = promptCacheOf(model)?.hint;
  if (hint === "promptCacheKey") {
    const [name = ""] = model.provider.split(/[.-]/);
    const option = name === "azure" && !providerOptions?.["azure"] ? "openai" : name;
    const own = providerOptions?.[option];
    return { messages, providerOptions: { ...providerOptions, [option]: { promptCacheKey: key, ...own } } };
  }
  if (hint !== "cacheControl" || isMarked(messages, providerOptions)) return { messages, providerOptions };
  const last = shared - 1;
  const system = messages[0]?.role === "system" ? 0 : last;
  return {
    messages: messages.map((message, at) => (at === last || at === system ? marked(message) : message)),
    providerOptions,
  };
}

function marked<M extends PromptMessage>(message: M): M {
  const { providerOptions } = message;
  const anthropic = { ...providerOptions?.["anthropic"], cacheControl: { type: "ephemeral" } };
  return { ...message, providerOptions: { ...providerOptions, anthropic } };
}

function isMarked(messages: readonly PromptMessage[], providerOptions: ProviderOptions): boolean {
  const parts = messages.flatMap(({ content }) => (Array.isArray(content) ? content : []));
  const places = [providerOptions, ...[...messages, ...parts].map((place) => place.providerOptions)];
  return places.some((options) => options?.["anthropic"]?.cacheControl ?? options?.["anthropic"]?.cache_control);
}

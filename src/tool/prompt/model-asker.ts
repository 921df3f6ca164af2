import type { ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { type CallContent, runtimeOf, type ToolRuntime } from "../../contract/call.ts";
import type { LanguageModelLike, ModelTraits, PromptMessage } from "../../contract/model.ts";
import type { PriceSource } from "../../contract/settings.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import type { Budget, Usage } from "../../contract/usage.ts";
import type { JSONObject, JSONSchema } from "../../core/json.ts";
import type { ModelAnswer } from "../../provider/model-call.ts";
import { ModelTraitsRegistry } from "../../provider/model-traits.ts";
import { type PriceTable, withPriceTable } from "../../provider/price-table.ts";
import { defaultPrices } from "../../provider/prices.ts";
import {
  isCertainlyShorter,
  isSlow,
  learnRead,
  promptCacheOf,
  savedBy,
  savingOf,
} from "../../provider/prompt-cache.ts";
import { estimatePromptTokens, tokenCounter } from "../../provider/prompt-tokens.ts";
import { generateAdapted } from "../../provider/refused-parameters.ts";
import { resolveModel } from "../../provider/resolve.ts";
import { mostSamples, splitUsage } from "../../provider/samples.ts";
import { askForFields } from "../bundle/field-resampling.ts";
import type { ReplicateBound } from "../bundle/replicate-source.ts";
import { type GivenSample, type SampleRound, SampleRounds } from "../bundle/sample-round.ts";
import { savingOfSamples, shareOfCost } from "./answer-shares.ts";
import { CallSizes, costOf, priceOf } from "./call-bound.ts";
import { addressOf, cacheKeyOf, isPlain, plainOf } from "./prompt-identity.ts";
import { correctionOf, readResult } from "./read-result.ts";

/** Settings by which a prompt tool asks its model. */
export interface ModelSettings {
  name?: string | undefined;
  model: string | LanguageModelLike;
  temperature?: number | undefined;
  maxOutputTokens?: number | undefined;
  providerOptions?: Record<string, JSONObject> | undefined;
  headers?: Record<string, string> | undefined;
  baseUrl?: string | undefined;
  apiKeyEnv?: string | undefined;
  reuse?: "auto" | "off" | undefined;
  prices?: PriceTable | undefined;
}

/** A bound that carries what the answers of its bundle teach. */
type SizedBound = ReplicateBound & {
  readonly sizes: CallSizes;
  /** Key of the prompt in the provider's cache, where the bundle uses that. */
  cacheKey?: string | undefined;
};

/** Asks one model, live or not, within the bounds that a run sets. */
export class ModelAsker {
  readonly #settings: ModelSettings;
  /** Traits for runs whose orchestrator shares no state. */
  readonly #modelTraits = new ModelTraitsRegistry();
  /** Longest whole answer so far, in tokens. */
  #usualAnswer = 0;
  #model: Promise<LanguageModelLike> | undefined;

  constructor(settings: ModelSettings) {
    this.#settings = settings;
  }

  /**
   * Finds the model, and its price where a ceiling in dollars needs it.
   *
   * @param ceiling name of that ceiling
   * @throws InvalidOptionsError where one of them is not there
   */
  async find(ceiling: string | undefined): Promise<void> {
    const model = await this.#resolve();
    if (ceiling !== undefined) priceOf(await this.#pricesOf(undefined), model, ceiling);
  }

  /**
   * Returns the bound of one replicate. Finds the model and its prices first: where one is missing, nothing has been paid.
   *
   * @param asksInOwnWay true of a subclass that asks for each answer itself
   * @throws InvalidOptionsError for a model that is not found, or a budget in dollars and a model without a price
   */
  async bound(
    messages: readonly PromptMessage[],
    options: ResolvedBundleOptions,
    context: ToolContext,
    asksInOwnWay = false,
  ): Promise<SizedBound> {
    const model = await this.#resolve();
    const runtime = runtimeOf(context);
    const budgets = [context.budget.limits, options.globalBudget, options.perReplicateBudget];
    const ceilings = {
      tokens: budgets.find((budget) => budget?.tokens !== undefined)?.tokens,
      costUsd: budgets.find((budget) => budget?.costUsd !== undefined)?.costUsd,
    };
    const sizes = await this.#sizesOf(messages, model, runtime, ceilings);
    const bound: ReplicateBound = (share, remaining, previousError, unspent = remaining, round) => {
      const room = { share, remaining, unspent };
      if (round && !sizes.maySplit(share)) round.size = 1;
      if (!round || round.isAnswered) return sizes.bound(previousError, room);
      let limits = sizes.bound(previousError, room, round.size);
      while (limits && round.size > 1 && !fits(limits, remaining)) {
        round.size--;
        limits = sizes.bound(previousError, room, round.size);
      }
      return limits;
    };
    const prices = await this.#pricesOf(runtime);
    const isAlone = this.#settings.reuse === "off" || asksInOwnWay || runtime?.isStreaming;
    const most = () => mostSamples(model, this.#traitsOf(model, runtime));
    const rounds = isAlone || options.perReplicateBudget || most() === 1 ? undefined : new SampleRounds(most);
    const sized: SizedBound = Object.assign(bound, {
      sizes,
      rounds,
      expectedTokens: (error: unknown) => sizes.expectedTokens(error),
      startsWarm: (calls: number) => {
        // One request for all answers has the prompt once.
        if (rounds || this.#settings.reuse === "off" || !this.#paysWarm(messages, model, sizes, prices, runtime, calls))
          return false;
        sized.cacheKey = cacheKeyOf(this.#settings.name ?? "", messages);
        return sized.cacheKey !== undefined;
      },
    });
    return sized;
  }

  /** Tells whether it saves money to let the provider cache the prompt before the other calls are made. */
  #paysWarm(
    messages: readonly PromptMessage[],
    model: LanguageModelLike,
    sizes: CallSizes,
    prices: PriceSource,
    runtime: ToolRuntime | undefined,
    calls: number,
  ): boolean {
    const cache = promptCacheOf(model);
    if (!cache || isCertainlyShorter(messages, runtime?.responseSchema, cache.minimumTokens)) return false;
    const inputTokens = sizes.promptTokens(undefined) ?? 0;
    if (inputTokens < cache.minimumTokens) return false;
    const plain = { inputTokens, outputTokens: 0, totalTokens: inputTokens };
    const price = (cached: object) => costOf(prices, model, { ...plain, ...cached });
    return savingOf(cache, calls, this.#traitsOf(model, runtime), price, inputTokens) > 0;
  }

  /** Returns all that decides an answer beside its seed, as plain data; `undefined` where the model hides some of it. */
  async identity(messages: readonly PromptMessage[], schema: JSONSchema | undefined): Promise<object | undefined> {
    const model = await this.#resolve();
    if (!isPlain(model)) return undefined;
    const { temperature, maxOutputTokens, providerOptions, headers, baseUrl } = this.#settings;
    const { provider, modelId } = model;
    const settings = { temperature, maxOutputTokens, providerOptions, headers, baseUrl };
    return plainOf({ provider, modelId, address: addressOf(model), messages, schema, settings });
  }

  async ask(
    question: readonly PromptMessage[],
    replicate: ReplicateSpec,
    context: ReplicateContext,
  ): Promise<ReplicateResult> {
    const model = await this.#resolve();
    const runtime = runtimeOf(context);
    const prices = await this.#pricesOf(runtime);
    const { previousError, reserved = {} } = runtime?.attempt ?? {};
    const { sizes = await this.#sizesOf(question, model, runtime, reserved), cacheKey } =
      (runtime?.bound as SizedBound | undefined) ?? {};
    const wanted = replicate.fields ? askForFields(question, replicate.fields) : question;
    const { temperature, providerOptions, maxOutputTokens } = this.#settings;
    const isSecond = replicate.id === "r2" && replicate.index === 1 && replicate.attempt === 1;
    if (temperature === 0 && isSecond) warnOfTemperature(model, context);
    const traits = this.#traitsOf(model, runtime);
    const isStreaming = runtime?.isStreaming && !traits.refused.has("stream");
    const onWarm = isSlow(traits) ? undefined : runtime?.onWarm;
    let savedUsd: number | undefined;
    const round = runtime?.round as SampleRound | undefined;
    const samples = round && !round.isAnswered ? round.size : 1;
    const limit = sizes.limitWithin(reserved, previousError, samples);
    const call = {
      messages: [...wanted, ...correctionOf(previousError)],
      estimatePrompt: () => sizes.promptTokens(previousError),
      seed: replicate.seed,
      sampleIndex: replicate.index,
      temperature,
      maxOutputTokens: limit,
      providerOptions,
      logprobs: true,
      ...(samples > 1 && { samples }),
      responseSchema: runtime?.responseSchema,
      ...(cacheKey !== undefined && { promptCache: { key: cacheKey, shared: question.length } }),
      signal: context.signal,
      clock: context.clock,
      previousError,
      onHeaders: (headers: Readonly<Record<string, string>>) => runtime?.attempt?.heard(headers),
      onProgress: () => {
        runtime?.attempt?.chunk();
        onWarm?.();
      },
      onUsage: (usage: Usage) => {
        savedUsd = savedBy(prices, model, usage);
        context.reportUsage(usage, costOf(prices, model, usage, context.events));
      },
      // A call that goes ahead of others is streamed, so that they need not wait for its end.
      ...(onWarm && { onDelta: () => {} }),
      ...(runtime?.isStreaming && { onDelta: (text: string) => showDelta(text, replicate, context) }),
    };
    const adaptation = {
      traits,
      isOwnLimit: maxOutputTokens !== undefined,
      onRefusal: (message: string) => context.events.emit("warning", { code: "parameter_refused", message }),
    };
    const { onContent } = runtime?.attempt ?? {};
    onContent?.({ messages: call.messages });
    const answer = await askInTime(isStreaming ? runtime : undefined, () => generateAdapted(model, call, adaptation));
    onContent?.({ messages: call.messages, answer: contentOf(answer) });
    const isCut = answer.isCutOff;
    if (cacheKey !== undefined) {
      sizes.learnCached(answer.usage);
      if (!runtime?.onWarm) learnRead(traits, answer.usage);
    }
    const answers = [answer, ...(answer.samples ?? [])];
    const texts = answers.map((each) => ("text" in each ? each.text : ""));
    const shares = splitUsage(answer.usage, texts);
    const isBudgetsLimit = maxOutputTokens === undefined && limit !== undefined && limit !== traits.maxOutputTokens;
    const budgetsLimit = isBudgetsLimit && !traits.refused.has("maxOutputTokens") ? limit : undefined;
    const outputTokens = Math.max(...shares.map((share) => share.outputTokens));
    if (isLimited(reserved)) sizes.learn(previousError, { ...answer.usage, outputTokens }, budgetsLimit, isCut);
    if (!isCut) this.#usualAnswer = Math.max(this.#usualAnswer, outputTokens);
    const read = (each: Omit<ModelAnswer, "usage">) => readResult(each, runtime, limit, budgetsLimit);
    const saved = savingOfSamples(prices, model, answer.usage, answers.length);
    if (samples > 1) {
      const given = (answer.samples ?? []).map((sample, at): GivenSample => {
        const usage = shares[at + 1] as Usage;
        const { modelId, warnings } = answer;
        return {
          usage,
          costUsd: shareOfCost(prices, model, answer.usage, usage, answers.length),
          savedUsd: saved,
          async read() {
            if ("error" in sample) throw sample.error;
            return read({ modelId, warnings, ...sample });
          },
        };
      });
      if (round && mostSamples(model, traits) < samples) round.isShort = true;
      round?.deliver(given);
    }
    if (answer.error !== undefined) throw answer.error;
    if (saved !== undefined) savedUsd = (savedUsd ?? 0) + saved;
    return { ...(await read(answer)), savedUsd };
  }

  /** Sizes of a bundle's calls, of which nothing is learned yet. Without a ceiling, nothing is counted before it is needed. */
  async #sizesOf(
    question: readonly PromptMessage[],
    model: LanguageModelLike,
    runtime: ToolRuntime | undefined,
    ceilings: Budget,
  ): Promise<CallSizes> {
    const { responseSchema, askableFields, estimateTokens } = runtime ?? {};
    const count = isLimited(ceilings) || estimateTokens ? await tokenCounter(model, estimateTokens) : undefined;
    const longest = askableFields ? askForFields(question, askableFields) : question;
    let known: { readonly tokens: number | undefined } | undefined;
    return new CallSizes({
      questionTokens: () => {
        known ??= { tokens: estimatePromptTokens(longest, responseSchema, model, count) };
        return known.tokens;
      },
      correctionTokens: (error) => {
        const correction = correctionOf(error);
        return correction.length === 0 ? 0 : (estimatePromptTokens(correction, undefined, model, count) ?? 0);
      },
      priceOf: ceilings.costUsd === undefined ? undefined : priceOf(await this.#pricesOf(runtime), model),
      maxOutputTokens: this.#settings.maxOutputTokens,
      traits: this.#traitsOf(model, runtime),
      usualAnswer: this.#usualAnswer,
    });
  }

  async #pricesOf(runtime: ToolRuntime | undefined): Promise<PriceSource> {
    const prices = runtime?.prices ?? (await defaultPrices());
    return this.#settings.prices ? withPriceTable(this.#settings.prices, prices) : prices;
  }

  #traitsOf(model: LanguageModelLike, runtime: ToolRuntime | undefined): ModelTraits {
    return (runtime?.modelTraits ?? this.#modelTraits).of(model);
  }

  #resolve(): Promise<LanguageModelLike> {
    const { model, headers, baseUrl, apiKeyEnv } = this.#settings;
    this.#model ??= resolveModel(model, { headers, baseUrl, apiKeyEnv }).catch((error) => {
      this.#model = undefined;
      throw error;
    });
    return this.#model;
  }
}

function fits({ tokens = 0, costUsd = 0 }: Budget, remaining: Budget): boolean {
  return tokens <= (remaining.tokens ?? tokens) && costUsd <= (remaining.costUsd ?? costUsd);
}

function warnOfTemperature({ modelId }: LanguageModelLike, { events }: ReplicateContext): void {
  const message = `"${modelId}" is asked more than once at temperature 0: its answers may agree because they are the same answer. Leave temperature out.`;
  events.emit("warning", { code: "temperature_zero", message });
}

function isLimited({ tokens, costUsd }: Budget): boolean {
  return tokens !== undefined || costUsd !== undefined;
}

/** Asks under the timeouts of chunks, where the answer comes as a stream. */
function askInTime<R>(runtime: ToolRuntime | undefined, ask: () => Promise<R>): Promise<R> {
  const endOfChunks = runtime?.isStreaming ? runtime.attempt?.expectChunks() : undefined;
  return endOfChunks ? ask().finally(endOfChunks) : ask();
}

/** Text of an answer for a trace, whole or not. */
function contentOf({ text = "", reasoning, finishReason }: ModelAnswer & { text?: string }): CallContent["answer"] {
  return { text, reasoning, finishReason: finishReason?.unified };
}

function showDelta(text: string, { id }: ReplicateSpec, { events }: ReplicateContext): void {
  events.emit("delta", { text, replicateId: id });
}

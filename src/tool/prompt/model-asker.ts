import type { ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { runtimeOf, type ToolRuntime } from "../../contract/call.ts";
import { InvalidOutputError } from "../../contract/errors.ts";
import type { LanguageModelLike, ModelTraits, PromptMessage } from "../../contract/model.ts";
import type { PriceSource } from "../../contract/settings.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import type { Usage } from "../../contract/usage.ts";
import type { JSONObject } from "../../core/json.ts";
import { ModelTraitsRegistry } from "../../provider/model-traits.ts";
import { defaultPrices } from "../../provider/prices.ts";
import { promptTokensUpperBound } from "../../provider/prompt-tokens.ts";
import { generateAdapted } from "../../provider/refused-parameters.ts";
import { resolveModel } from "../../provider/resolve.ts";
import { readAnswer } from "../../schema/read-answer.ts";
import { askForFields } from "../bundle/answer-rules.ts";
import type { ReplicateBound } from "../bundle/replicate-source.ts";
import { boundCall, costOf, type OutputLimit, outputLimitWithin, priceOf } from "./call-bound.ts";

/** How a prompt tool asks its model. */
export interface ModelSettings {
  model: string | LanguageModelLike;
  temperature?: number | undefined;
  maxOutputTokens?: number | undefined;
  providerOptions?: Record<string, JSONObject> | undefined;
}

/** Bundles whose run has heard that they are asked for at temperature 0, of however many models. */
const warned = new WeakSet<ResolvedBundleOptions>();

/** Asks one model, live or not, within the bounds that a run sets. */
export class ModelAsker {
  readonly #settings: ModelSettings;
  /** What is learned by runs that share nothing with others. */
  readonly #modelTraits = new ModelTraitsRegistry();
  #model: Promise<LanguageModelLike> | undefined;

  constructor(settings: ModelSettings) {
    this.#settings = settings;
  }

  /**
   * The bound of one replicate. Finds the model and its prices first, so that nothing has been paid when one is missing.
   *
   * @throws InvalidOptionsError for a model that is not to be had, or a budget in dollars and a model without a price
   */
  async bound(
    messages: readonly PromptMessage[],
    options: ResolvedBundleOptions,
    context: ToolContext,
  ): Promise<ReplicateBound> {
    const { temperature, maxOutputTokens } = this.#settings;
    if (temperature === 0 && options.k > 1 && !warned.has(options)) {
      warned.add(options);
      context.events.emit("warning", {
        code: "temperature_zero",
        message: `${options.k} answers are asked for at temperature 0: they may agree because they are the same answer. Leave temperature out.`,
      });
    }
    const model = await this.#resolve();
    const { responseSchema, askableFields } = runtimeOf(context) ?? {};
    const longest = askableFields ? askForFields(messages, askableFields) : messages;
    const priceOf = await this.#priceOf(model, context, options);
    const tokensOf = (asked: readonly PromptMessage[]) => promptTokensUpperBound(asked, responseSchema);
    const firstTokens = tokensOf(longest);
    return (share, remaining, error) => {
      const promptTokens = error === undefined ? firstTokens : tokensOf(withCorrection(longest, error));
      return boundCall({ promptTokens, priceOf }, maxOutputTokens, share, remaining);
    };
  }

  async ask(
    question: readonly PromptMessage[],
    replicate: ReplicateSpec,
    context: ReplicateContext,
  ): Promise<ReplicateResult> {
    const model = await this.#resolve();
    const runtime = runtimeOf(context);
    const wanted = replicate.fields ? askForFields(question, replicate.fields) : question;
    const messages = withCorrection(wanted, runtime?.attempt?.previousError);
    const prices = await pricesOf(runtime);
    const { temperature, providerOptions } = this.#settings;
    const traits = (runtime?.modelTraits ?? this.#modelTraits).of(model);
    const isStreaming = runtime?.isStreaming && !traits.refused.has("stream");
    const call = {
      messages,
      seed: replicate.seed,
      sampleIndex: replicate.index,
      temperature,
      maxOutputTokens: this.#maxOutputTokens(messages, runtime, prices, model),
      providerOptions,
      responseSchema: runtime?.responseSchema,
      signal: context.signal,
      onUsage: (usage: Usage) => context.reportUsage(usage, costOf(prices, model, usage, context.events)),
      ...(runtime?.isStreaming && { onDelta: (text: string) => showDelta(text, replicate, context, runtime, traits) }),
    };
    const adaptation = {
      traits,
      isOwnLimit: this.#settings.maxOutputTokens !== undefined,
      onRefusal: (message: string) => context.events.emit("warning", { code: "parameter_refused", message }),
    };
    const answer = await askInTime(isStreaming ? runtime : undefined, () => generateAdapted(model, call, adaptation));
    if (answer.finishReason === "content-filter") throw contentFiltered(model);
    const { responseSchema: jsonSchema, checkAnswer: check } = runtime ?? {};
    const { data, repairs, reasoning } = await readAnswer(answer.text, {
      finishReason: answer.finishReason,
      schema: jsonSchema && { jsonSchema, check },
    });
    const warnings = [...answer.warnings, ...repairs];
    return { data, model: answer.modelId, warnings, responseId: answer.responseId, reasoning };
  }

  #resolve(): Promise<LanguageModelLike> {
    this.#model ??= resolveModel(this.#settings.model).catch((error) => {
      this.#model = undefined;
      throw error;
    });
    return this.#model;
  }

  /** Where a budget is in dollars. */
  async #priceOf(
    model: LanguageModelLike,
    context: ToolContext,
    options: ResolvedBundleOptions,
  ): Promise<OutputLimit["priceOf"]> {
    const isPriced = [context.budget.limits, options.globalBudget, options.perReplicateBudget].some(
      (budget) => budget?.costUsd !== undefined,
    );
    return isPriced ? priceOf(await pricesOf(runtimeOf(context)), model) : undefined;
  }

  #maxOutputTokens(
    messages: readonly PromptMessage[],
    runtime: ToolRuntime | undefined,
    prices: PriceSource,
    model: LanguageModelLike,
  ): number | undefined {
    const reserved = runtime?.attempt?.reserved ?? {};
    if (reserved.tokens === undefined && reserved.costUsd === undefined) return this.#settings.maxOutputTokens;
    const limit = {
      promptTokens: promptTokensUpperBound(messages, runtime?.responseSchema),
      priceOf: reserved.costUsd === undefined ? undefined : priceOf(prices, model),
    };
    return outputLimitWithin(reserved, limit, this.#settings.maxOutputTokens);
  }
}

async function pricesOf(runtime: ToolRuntime | undefined): Promise<PriceSource> {
  return runtime?.prices ?? (await defaultPrices());
}

function contentFiltered({ provider, modelId }: LanguageModelLike): Error {
  const message = `The content filter of "${provider}" withheld the answer of "${modelId}". Rephrase the prompt, or fall back to another model.`;
  return Object.assign(new Error(message), { code: "content_filter" });
}

/** Asks, and where the answer comes as a stream has its chunks awaited for just as long. */
function askInTime<R>(runtime: ToolRuntime | undefined, ask: () => Promise<R>): Promise<R> {
  const endOfChunks = runtime?.isStreaming ? runtime.attempt?.expectChunks() : undefined;
  return endOfChunks ? ask().finally(endOfChunks) : ask();
}

function showDelta(
  text: string,
  { id }: ReplicateSpec,
  { events }: ReplicateContext,
  runtime: ToolRuntime,
  { refused }: ModelTraits,
): void {
  if (!refused.has("stream")) runtime.attempt?.chunk();
  events.emit("delta", { text, replicateId: id });
}

/** Longer answers are cut where they are shown back to the model: what is wrong with them stands in the errors. */
const shownAnswerLength = 4_000;

/**
 * The messages of a further attempt: after an answer that did not fit, the model is shown it and what was wrong.
 *
 * @param previousError what the attempt before failed with
 */
export function withCorrection(messages: readonly PromptMessage[], previousError: unknown): readonly PromptMessage[] {
  if (!InvalidOutputError.isInstance(previousError)) return messages;
  const { data, errors } = previousError;
  const answer = (typeof data === "string" ? data : (JSON.stringify(data) ?? "")).slice(0, shownAnswerLength);
  const faults = errors.map((error) => `- ${error}`).join("\n");
  return [
    ...messages,
    ...(answer === "" ? [] : [{ role: "assistant" as const, content: [{ type: "text", text: answer }] }]),
    {
      role: "user",
      content: [{ type: "text", text: `That answer cannot be used:\n${faults}\nAnswer again, in full.` }],
    },
  ];
}

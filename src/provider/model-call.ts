import type { LanguageModelV4, LanguageModelV4CallOptions } from "@ai-sdk/provider";
import type { PromptMessage } from "../contract/model.ts";
import type { Usage } from "../contract/usage.ts";
import type { JSONSchema } from "../core/json.ts";
import { toPrompt } from "./prompt.ts";
import { askForSchema } from "./response-format.ts";

/** What a model is asked, and how. What is left out is left to the provider. */
export interface ModelCall {
  readonly messages: readonly PromptMessage[];
  readonly seed?: number | undefined;
  /** Which of several answers to the same prompt this is, from 0. Recordings are kept and replayed by it. */
  readonly sampleIndex?: number | undefined;
  readonly temperature?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
  /** By provider name, as the AI SDK has them. */
  readonly providerOptions?: Record<string, Record<string, any>> | undefined;
  /** The answer shall be JSON of this schema. It is asked for, not checked. */
  readonly responseSchema?: JSONSchema | undefined;
  readonly signal: AbortSignal;
  /** Makes it a streaming call, and hears each piece of the answer's text. */
  readonly onDelta?: ((text: string) => void) | undefined;
  /**
   * Hears once what the call used, also when it fails, before the call settles: figures of the provider, or an estimate
   * that is marked so. Not called where nothing can have been billed.
   */
  readonly onUsage?: ((usage: Usage) => void) | undefined;
}

/** What a model answered. */
export interface ModelAnswer {
  readonly text: string;
  /** As the provider counts it, or an estimate that is marked so. */
  readonly usage: Usage;
  /** `"stop"`, `"length"`, `"content-filter"`, `"tool-calls"` or `"other"`. */
  readonly finishReason: string;
  readonly responseId?: string | undefined;
  /** The model that answered, which may be a dated version of the one that was asked. */
  readonly modelId: string;
  /** What the provider says about the call: settings that it does not know, and the like. */
  readonly warnings: readonly string[];
}

/** The call as the provider specification writes it. */
export function toCallOptions(model: LanguageModelV4, call: ModelCall): LanguageModelV4CallOptions {
  const { messages, responseFormat, providerOptions } = call.responseSchema
    ? askForSchema(model, call.messages, call.responseSchema, call.providerOptions)
    : { messages: call.messages, responseFormat: undefined, providerOptions: call.providerOptions };
  const options = {
    prompt: toPrompt(messages, model.specificationVersion),
    seed: call.seed,
    temperature: call.temperature,
    maxOutputTokens: call.maxOutputTokens,
    responseFormat,
    providerOptions: withSampleIndex(providerOptions, call.sampleIndex),
    abortSignal: call.signal,
  };
  return withoutUndefined(options) as LanguageModelV4CallOptions;
}

/** An absent setting is the provider's to choose; to some, `undefined` is a value. */
export function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

const ownName = "steer";

/** Providers read what stands under their own name and no more; our own models read this. */
function withSampleIndex(providerOptions: ModelCall["providerOptions"], sampleIndex: number | undefined) {
  return sampleIndex === undefined ? providerOptions : { ...providerOptions, [ownName]: { sampleIndex } };
}

export function sampleIndexOf(options: LanguageModelV4CallOptions): number | undefined {
  return options.providerOptions?.[ownName]?.["sampleIndex"] as number | undefined;
}

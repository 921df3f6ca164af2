import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Prompt,
  SharedV4Warning,
} from "@ai-sdk/provider";
import type { CallParameter, LanguageModelLike, PromptMessage } from "../contract/model.ts";
import type { Usage } from "../contract/usage.ts";
import type { Clock } from "../core/clock.ts";
import type { JSONSchema } from "../core/json.ts";
import { type AnswerToken, askForLogprobs, isOnLogprobs } from "./log-probabilities.ts";
import { askForCache } from "./prompt-cache.ts";
import { askForSchema } from "./response-format.ts";
import type { Sample } from "./samples.ts";

/** Question to a model. A setting that is left out is left to the provider. */
export interface ModelCall {
  readonly messages: readonly PromptMessage[];
  /** Estimates the tokens of the prompt, for a provider that withholds the figure. */
  readonly estimatePrompt?: (() => number | undefined) | undefined;
  readonly seed?: number | undefined;
  /** Index of this answer among several to the same prompt, from 0. Recordings are kept and replayed by it. */
  readonly sampleIndex?: number | undefined;
  readonly temperature?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
  /** Options of the AI SDK, by provider name. */
  readonly providerOptions?: Record<string, Record<string, any>> | undefined;
  /** The answer shall be JSON of this schema. It is asked for, not checked. */
  readonly responseSchema?: JSONSchema | undefined;
  /** Asks for so many answers in one request. Not for a streaming call. */
  readonly samples?: number | undefined;
  /** Asks the provider to keep the prompt in its cache: `key` names it, and the first `shared` messages are those to keep. */
  readonly promptCache?: { readonly key: string; readonly shared: number } | undefined;
  /** Asks for the log-probabilities of the answer's tokens, where the provider has them. */
  readonly logprobs?: boolean | undefined;
  /** Parameters that the model's server refuses: they are left out, or sent in another form. */
  readonly refused?: ReadonlySet<CallParameter> | undefined;
  readonly signal: AbortSignal;
  /** Error of the attempt before: an answer that nothing explains is asked for only once more. */
  readonly previousError?: unknown;
  /** Tells how long a finished stream may stay open. Default: the real clock. */
  readonly clock?: Clock | undefined;
  /** Makes it a streaming call, and hears each piece of the answer's text. */
  readonly onDelta?: ((text: string) => void) | undefined;
  /** Hears the headers of a response that is no error. */
  readonly onHeaders?: ((headers: Readonly<Record<string, string>>) => void) | undefined;
  /** Hears that the model goes on writing: text, thoughts or a tool call. Comments of a proxy are no sign of it. */
  readonly onProgress?: (() => void) | undefined;
  /**
   * Hears once what the call used, also when it fails, before the call settles: figures of the provider, or an estimate
   * that is marked so. Not called where nothing can have been billed.
   */
  readonly onUsage?: ((usage: Usage) => void) | undefined;
}

/** Answer of a model. */
export interface ModelAnswer {
  readonly text: string;
  /** Thoughts that came beside the text. */
  readonly reasoning?: string | undefined;
  /** As the provider counts it, or an estimate that is marked so. */
  readonly usage: Usage;
  /** `"stop"`, `"length"` or `"tool-calls"`, and the word of the server itself. */
  readonly finishReason: { readonly unified: string; readonly raw?: string };
  /** A limit ended it. */
  readonly isCutOff: boolean;
  readonly responseId?: string | undefined;
  /** The model that answered, which may be a dated version of the one that was asked. */
  readonly modelId: string;
  /** Tokens of `text` with their log-probabilities, where the server tells them. */
  readonly tokens?: readonly AnswerToken[] | undefined;
  /** Further answers of the request, where several were asked for. */
  readonly samples?: readonly Sample[] | undefined;
  /** Error that this answer is, where others came with it: they are of use all the same. */
  readonly error?: unknown;
  /** Remarks of the provider on the call: settings that it does not know, and the like. */
  readonly warnings: readonly string[];
}

/** The call as the provider specification writes it, without what the server refuses. */
export function toCallOptions(model: LanguageModelV4, call: ModelCall): LanguageModelV4CallOptions {
  const { refused } = call;
  const asking =
    call.promptCache && !refused?.has("promptCache")
      ? askForCache(model, call.messages, call.providerOptions, call.promptCache)
      : call;
  const { messages, responseFormat, providerOptions } = call.responseSchema
    ? askForSchema(model, asking.messages, call.responseSchema, asking.providerOptions, refused)
    : { messages: asking.messages, responseFormat: undefined, providerOptions: asking.providerOptions };
  const isLimited = call.maxOutputTokens !== undefined && !refused?.has("maxOutputTokens");
  const hasOtherName = isLimited && refused?.has("limitName");
  const asked = asksForLogprobs(call) ? askForLogprobs(model, providerOptions) : providerOptions;
  const options = {
    prompt: toPrompt(messages, model.specificationVersion),
    seed: refused?.has("seed") ? undefined : call.seed,
    temperature: refused?.has("temperature") ? undefined : call.temperature,
    maxOutputTokens: isLimited && !hasOtherName ? call.maxOutputTokens : undefined,
    responseFormat,
    providerOptions: withSampleIndex(
      hasOtherName ? withCompletionLimit(model, asked, call.maxOutputTokens as number) : asked,
      call.sampleIndex,
    ),
    abortSignal: call.signal,
  };
  return withoutUndefined(options) as LanguageModelV4CallOptions;
}

/** Returns how many answers a request asks for. */
export function samplesIn({ samples = 1, refused, onDelta }: ModelCall): number {
  return onDelta || refused?.has("samples") ? 1 : samples;
}

export function asksForLogprobs({ logprobs, refused }: ModelCall): boolean {
  return logprobs === true && !refused?.has("logprobs");
}

/** OpenAI's reasoning models take the limit as `max_completion_tokens`, behind compatible servers too. */
function withCompletionLimit(
  { provider }: LanguageModelV4,
  providerOptions: ModelCall["providerOptions"],
  limit: number,
): ModelCall["providerOptions"] {
  const name = camelCase(provider.split(".")[0] as string);
  return {
    ...providerOptions,
    openai: { maxCompletionTokens: limit, ...providerOptions?.["openai"] },
    ...(name !== "openai" && { [name]: { max_completion_tokens: limit, ...providerOptions?.[name] } }),
  };
}

/** The key under which `@ai-sdk/openai-compatible` reads the options of a provider of this name. */
function camelCase(name: string): string {
  return name.replace(/[_-]([a-z])/g, (_, letter: string) => letter.toUpperCase());
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

/** The warnings of a provider as sentences. */
export function describeWarnings(warnings: readonly SharedV4Warning[] | undefined, call: ModelCall): string[] {
  const described = (warnings ?? []).map(describeWarning);
  return asksForLogprobs(call) ? described.filter((warning) => !isOnLogprobs(warning)) : described;
}

function describeWarning(warning: SharedV4Warning): string {
  switch (warning.type) {
    case "unsupported":
      return `the provider does not support ${warning.feature}${withDetails(warning)}`;
    case "compatibility":
      return `the provider supports ${warning.feature} only in part${withDetails(warning)}`;
    case "deprecated":
      return `${warning.setting} is deprecated: ${warning.message}`;
    default:
      return warning.message;
  }
}

function withDetails({ details }: { details?: string | undefined }): string {
  return details ? `: ${details}` : "";
}

type FileData = Uint8Array | ArrayBuffer | string | URL | { readonly type: string };

/**
 * Messages in the shape that a model of the given generation reads. Beside the provider format itself it takes what
 * people write for the AI SDK: plain text as content, `image` parts, and files as bytes, base64, a data URL or a URL.
 */
export function toPrompt(
  messages: readonly PromptMessage[],
  version: LanguageModelLike["specificationVersion"],
): LanguageModelV4Prompt {
  return messages.map(({ content, ...message }) => {
    if (message.role === "system") return { ...message, content };
    const parts: readonly any[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
    return { ...message, content: parts.map((part) => toPart(part, version)) };
  }) as LanguageModelV4Prompt;
}

function toPart(part: any, version: LanguageModelLike["specificationVersion"]): unknown {
  if (part.type !== "image" && part.type !== "file") return part;
  const { image, data = image, mediaType, type, ...others } = part;
  const file = readDataUrl(data) ?? { mediaType: type === "image" ? "image/*" : undefined, data };
  return {
    ...others,
    type: "file",
    mediaType: mediaType ?? file.mediaType,
    data: version === "v3" ? asUrl(file.data) : toTagged(file.data),
  };
}

function readDataUrl(data: FileData): { mediaType: string; data: FileData } | undefined {
  const match = /^data:([^;,]+);base64,/.exec(data instanceof URL || typeof data === "string" ? String(data) : "");
  return match ? { mediaType: match[1] as string, data: String(data).slice(match[0].length) } : undefined;
}

/** The fourth generation tags what kind of data it is given. */
function toTagged(data: FileData): unknown {
  const file = asUrl(data);
  if (file instanceof URL) return { type: "url", url: file };
  return typeof file === "string" || file instanceof Uint8Array ? { type: "data", data: file } : file;
}

function asUrl(data: FileData): FileData {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return typeof data === "string" && /^https?:/i.test(data) ? new URL(data) : data;
}

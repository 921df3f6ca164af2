/** Origin of answers: a model asked now, from a recording of one, or from a simulation. */
export type EvidenceSource = "live" | "recorded" | "simulated";

/** Part of the AI SDK's `LanguageModelV3` and `LanguageModelV4`, by structure: no import of their package. */
export interface LanguageModelLike {
  readonly specificationVersion: "v3" | "v4";
  readonly provider: string;
  readonly modelId: string;
  /** Source of its answers. Models that are not asked live say so. Default: `"live"`. */
  readonly source?: EvidenceSource | undefined;
  /** Answers at once, by the AI SDK's specification. */
  doGenerate(options: any): PromiseLike<any>;
  /** Answers piece by piece, by the AI SDK's specification. */
  doStream(options: any): PromiseLike<any>;
}

/** Prefixes of models that are named by text. */
type ModelPrefix =
  | "openai"
  | "openai-compatible"
  | "anthropic"
  | "google"
  | "mistral"
  | "xai"
  | "azure"
  | "bedrock"
  | "vertex"
  | "openrouter"
  | "groq"
  | "deepseek"
  | "together"
  | "recorded"
  | "simulated"
  | "batch";

/**
 * Name of a model: a provider's, `"recorded:<file>"`, or `"simulated:…"`. Some are listed, for an editor to complete: any text
 * stands beside them, as a template over the prefixes would take them in. `ModelMistake` refuses texts without a prefix.
 */
export type ModelName =
  | "openai:gpt-5-mini"
  | "openai:gpt-5-nano"
  | "openai:gpt-6-luna"
  | "openai:gpt-6-sol"
  | "anthropic:claude-haiku-5-5"
  | "anthropic:claude-sonnet-5-5"
  | "anthropic:claude-opus-5-5"
  | "google:gemini-2.5-flash"
  | "google:gemini-3.8-flash"
  | "mistral:mistral-small-latest"
  | "mistral:mistral-large-latest"
  | "openai-compatible:http://localhost:11434/v1#llama3.2"
  | "simulated:?error=0.1"
  | (string & {});

/**
 * Is `unknown` for a model. For a text that names none it is an object type that no value has, whose text says what to write.
 */
export type ModelMistake<M> = M extends string
  ? string extends M
    ? unknown
    : M extends `${ModelPrefix}:${string}`
      ? unknown
      : {
          readonly mistake: M extends `${infer P extends ModelPrefix}/${infer Rest}`
            ? `"${M}" does not name a provider. Write "${P}:${Rest}"`
            : `"${M}" does not name a provider. Write "openai:${M}", or another provider before the colon`;
        }
  : unknown;

/** Bytes, base64, a data URL, a URL, or the AI SDK's tagged file data. */
export type PromptFileData = Uint8Array | ArrayBuffer | string | URL | { readonly type: string };

/** Options of a part or a message for a provider's package, by its name. */
interface WithProviderOptions {
  readonly providerOptions?: Record<string, Record<string, unknown>> | undefined;
}

/** Text in a message. */
export interface TextPart extends WithProviderOptions {
  readonly type: "text";
  readonly text: string;
}

/** Image in a message. */
export interface ImagePart extends WithProviderOptions {
  readonly type: "image";
  readonly image: PromptFileData;
  /** Such as `"image/png"`. Left out, the provider's package reads it off the bytes. */
  readonly mediaType?: string | undefined;
}

/** File in a message: an image, a PDF, a recording. */
export interface FilePart extends WithProviderOptions {
  readonly type: "file";
  readonly data: PromptFileData;
  /** Such as `"application/pdf"`. A data URL brings its own. */
  readonly mediaType?: string | undefined;
  readonly filename?: string | undefined;
}

/** Part of what a model said before: beside text and files, reasoning, tool calls and their results of the AI SDK. */
export interface OtherPart extends WithProviderOptions {
  readonly type: "reasoning" | "reasoning-file" | "custom" | "tool-call" | "tool-result" | "tool-approval-response";
  readonly [fact: string]: any;
}

/** A message of a prompt. Images and files stand in the parts of a user's message. */
export type PromptMessage = WithProviderOptions &
  (
    | { role: "system"; content: string }
    | { role: "user"; content: string | readonly (TextPart | ImagePart | FilePart)[] }
    | { role: "assistant"; content: string | readonly (TextPart | ImagePart | FilePart | OtherPart)[] }
    | { role: "tool"; content: readonly OtherPart[] }
  );

/**
 * Parameter of a call that a server may refuse. `"limitName"`: `max_tokens`, which some servers call
 * `max_completion_tokens`; `"strict"`: the strict mode of a JSON schema; `"stream"`: the options of a stream;
 * `"logprobs"`: the log-probabilities of the tokens; `"promptCache"`: what asks for the prompt to be kept in a cache;
 * `"samples"`: several answers in one request.
 */
export type CallParameter =
  | "seed"
  | "temperature"
  | "limitName"
  | "maxOutputTokens"
  | "strict"
  | "responseSchema"
  | "stream"
  | "logprobs"
  | "promptCache"
  | "samples";

/** Facts that a model's server has taught this process. */
export interface ModelTraits {
  /** Parameters that calls leave out, or have in another form. */
  readonly refused: Set<CallParameter>;
  /** Longest answer that the server allows, in tokens. */
  maxOutputTokens?: number;
  /** Most answers that the server gives to one request. */
  mostSamples?: number;
  /** Without a limit, the model's provider package asks for more than the server allows. */
  needsLimit?: boolean;
  /** Calls that should have found their prompt in the provider's cache. */
  cacheReads?: number;
  /** Those of them that did. */
  cacheHits?: number;
}

/** Traits of each model, by its provider and name. */
export interface ModelTraitsSource {
  of(model: Pick<LanguageModelLike, "provider" | "modelId">): ModelTraits;
}

/** Begins the message that asks for some fields of an answer. It is no part of the question. */
export const onlyFields = "Of the answer, only these fields are needed (JSON pointers); leave out all others: ";

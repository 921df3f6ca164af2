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

/** A message of the AI SDK's prompt format: text, images and files go through. */
export interface PromptMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: any;
}

/**
 * Parameter of a call that a server may refuse. `"limitName"`: `max_tokens`, which some servers call
 * `max_completion_tokens`; `"strict"`: the strict mode of a JSON schema; `"stream"`: the options of a stream;
 * `"logprobs"`: the log-probabilities of the tokens.
 */
export type CallParameter =
  | "seed"
  | "temperature"
  | "limitName"
  | "maxOutputTokens"
  | "strict"
  | "responseSchema"
  | "stream"
  | "logprobs";

/** Facts that a model's server has taught this process. */
export interface ModelTraits {
  /** Parameters that calls leave out, or have in another form. */
  readonly refused: Set<CallParameter>;
  /** Longest answer that the server allows, in tokens. */
  maxOutputTokens?: number;
  /** Without a limit, the model's provider package asks for more than the server allows. */
  needsLimit?: boolean;
}

/** Traits of each model, by its provider and name. */
export interface ModelTraitsSource {
  of(model: Pick<LanguageModelLike, "provider" | "modelId">): ModelTraits;
}

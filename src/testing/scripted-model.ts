import type {
  LanguageModelV4FinishReason,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import { assertUsable } from "../core/errors.ts";
import { onAbort } from "../core/signal.ts";

/** Call of a scripted model. */
export interface ScriptedCall {
  readonly prompt: unknown;
  /** 0 where none was asked for. */
  readonly seed: number;
  /** From 0. */
  readonly index: number;
  readonly signal: AbortSignal;
}

/** One call that a scripted model was asked, with all its options as the AI SDK's provider specification names them. */
export interface RecordedCall {
  readonly prompt: unknown;
  readonly seed: number;
  readonly options: Readonly<Record<string, any>>;
}

/** Model that answers by a script, and keeps its calls. */
export interface ScriptedModel extends LanguageModelLike {
  readonly specificationVersion: "v4";
  readonly source: "simulated";
  /** Every call so far, in its order. */
  readonly calls: readonly RecordedCall[];
  /** It fetches no URL itself. */
  readonly supportedUrls: Record<string, RegExp[]>;
}

/** Provider and id of a scripted model. */
export interface ScriptedModelOptions {
  /** Default: `"scripted"`. */
  readonly provider?: string | undefined;
  /** Default: `"scripted-1"`. */
  readonly modelId?: string | undefined;
}

/** The answers in order, one a call, or a function that makes them up. */
export type Script = readonly ScriptedAnswer[] | ((call: ScriptedCall) => ScriptedAnswer | PromiseLike<ScriptedAnswer>);

/**
 * A language model that says what a test tells it to. It speaks the AI SDK's provider specification v4, whole answers and
 * streams (a word at a time). Bundles made of its answers say `source: "simulated"`.
 *
 * A call past the end of the list fails with an error that is not worth a retry. A function that sleeps on the test's
 * clock gives a slow model.
 *
 * @throws InvalidOptionsError for what is neither a list nor a function
 *
 * @example
 * ```ts
 * const model = scriptedModel([{ status: 429, retryAfterMs: 5000 }, { object: { severity: "low" } }]);
 * const byS = scriptedModel(({ seed }) => (seed % 5 === 0 ? { hang: true } : { text: "yes" }));
 * ```
 */
export function scriptedModel(script: Script, options: ScriptedModelOptions = {}): ScriptedModel {
  const isScript = Array.isArray(script) || typeof script === "function";
  assertUsable(
    isScript,
    "script",
    script,
    'a list of answers, such as [{ text: "yes" }], or a function that gives one',
  );
  const { provider = "scripted", modelId = "scripted-1" } = options;
  const calls: RecordedCall[] = [];

  async function answer(callOptions: CallOptions): Promise<AnsweredText> {
    const signal = callOptions.abortSignal ?? new AbortController().signal;
    const { prompt, seed = 0 } = callOptions;
    const index = calls.push({ prompt, seed, options: callOptions }) - 1;
    signal.throwIfAborted();
    const scripted = typeof script === "function" ? await script({ prompt, seed, index, signal }) : script[index];
    if (scripted === undefined) throw endOfScript(index);
    if ("hang" in scripted) return untilAborted(signal);
    if ("error" in scripted) throw scripted.error;
    if ("status" in scripted) throw new HttpFailure(scripted.status, scripted.retryAfterMs);
    return { ...textOf(scripted), responseId: `${modelId}/${index + 1}`, modelId };
  }

  return {
    specificationVersion: "v4",
    provider,
    modelId,
    source: "simulated",
    supportedUrls: {},
    calls,
    doGenerate: async (callOptions) => generateResult(await answer(callOptions)),
    doStream: async (callOptions) => streamResult(await answer(callOptions)),
  };
}

interface CallOptions {
  readonly prompt: unknown;
  readonly seed?: number;
  readonly abortSignal?: AbortSignal;
}

function textOf(
  answered: Extract<ScriptedAnswer, { object: unknown } | { text: string }>,
): Pick<AnsweredText, "text" | "usage"> {
  const text = "text" in answered ? answered.text : JSON.stringify(answered.object);
  return { text, usage: answered.usage };
}

function endOfScript(index: number): Error {
  const message = `The model was asked once more than its script has answers (${index}). Add an answer, or ask less.`;
  return Object.assign(new Error(message), { isRetryable: false });
}

/** Answers of a scripted model, in order or by function. */
export type ScriptedAnswer =
  | { object: unknown; usage?: ScriptedUsage | undefined }
  | { text: string; usage?: ScriptedUsage | undefined }
  /** Fails with this error. */
  | { error: unknown }
  /** Fails with this HTTP status, and with the header `retry-after-ms` where that is given. */
  | { status: number; retryAfterMs?: number | undefined }
  /** Never answers; fails with the reason of the abort once it is aborted. */
  | { hang: true };

/** Tokens of one answer. Left out, the model withholds them, as some providers do. */
export interface ScriptedUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A failed HTTP call, in the fields that AI SDK providers give their errors. */
export class HttpFailure extends Error {
  /** The HTTP status. */
  readonly statusCode: number;
  /** True where providers call that status retryable. */
  readonly isRetryable: boolean;
  /** Holds `retry-after-ms` where a pause was asked for. */
  readonly responseHeaders: Readonly<Record<string, string>>;

  constructor(statusCode: number, retryAfterMs?: number) {
    super(`HTTP ${statusCode}${retryAfterMs === undefined ? "" : `, retry after ${retryAfterMs} ms`}`);
    this.name = "HttpFailure";
    this.statusCode = statusCode;
    this.isRetryable = statusCode === 408 || statusCode === 409 || statusCode === 429 || statusCode >= 500;
    this.responseHeaders = retryAfterMs === undefined ? {} : { "retry-after-ms": String(retryAfterMs) };
  }
}

/** A text that a model answered with, before it is put into the shapes of the provider specification. */
export interface AnsweredText {
  readonly text: string;
  readonly usage: ScriptedUsage | undefined;
  readonly responseId: string;
  readonly modelId: string;
}

const stopped: LanguageModelV4FinishReason = { unified: "stop", raw: "stop" };

export function generateResult(answer: AnsweredText): LanguageModelV4GenerateResult {
  return {
    content: [{ type: "text", text: answer.text }],
    finishReason: stopped,
    usage: tokenUsage(answer.usage),
    response: { id: answer.responseId, modelId: answer.modelId },
    warnings: [],
  };
}

export function streamResult(answer: AnsweredText): LanguageModelV4StreamResult {
  return { stream: ReadableStream.from(streamParts(answer)) };
}

function* streamParts(answer: AnsweredText): Generator<LanguageModelV4StreamPart> {
  const id = "text-1";
  yield { type: "stream-start", warnings: [] };
  yield { type: "response-metadata", id: answer.responseId, modelId: answer.modelId };
  yield { type: "text-start", id };
  for (const delta of answer.text.match(/\S+\s*|\s+/g) ?? []) yield { type: "text-delta", id, delta };
  yield { type: "text-end", id };
  yield { type: "finish", usage: tokenUsage(answer.usage), finishReason: stopped };
}

function tokenUsage(usage: ScriptedUsage | undefined): LanguageModelV4Usage {
  const unknown = undefined;
  return {
    inputTokens: { total: usage?.inputTokens, noCache: usage?.inputTokens, cacheRead: unknown, cacheWrite: unknown },
    outputTokens: { total: usage?.outputTokens, text: usage?.outputTokens, reasoning: unknown },
  };
}

/** Never resolves; rejects with the signal's reason once it aborts. */
export function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal) onAbort(signal, () => reject(signal.reason));
  });
}

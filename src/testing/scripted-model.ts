import type { LanguageModelLike } from "../contract/model.ts";
import { type AnsweredText, generateResult, streamResult } from "./answer-parts.ts";
import { HttpFailure, type ScriptedAnswer } from "./scripted-answer.ts";
import { untilAborted } from "./until-aborted.ts";

/** What a scripted model is asked. */
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

export interface ScriptedModel extends LanguageModelLike {
  readonly specificationVersion: "v4";
  readonly source: "simulated";
  /** Every call so far, in its order. */
  readonly calls: readonly RecordedCall[];
  /** It fetches no URL itself. */
  readonly supportedUrls: Record<string, RegExp[]>;
}

/** How a scripted model calls itself. */
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
 * @example
 * ```ts
 * const model = scriptedModel([{ status: 429, retryAfterMs: 5000 }, { object: { severity: "low" } }]);
 * const byS = scriptedModel(({ seed }) => (seed % 5 === 0 ? { hang: true } : { text: "yes" }));
 * ```
 */
export function scriptedModel(script: Script, options: ScriptedModelOptions = {}): ScriptedModel {
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

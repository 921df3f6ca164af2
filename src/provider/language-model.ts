import type { LanguageModelV4, LanguageModelV4GenerateResult, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import type { Usage } from "../contract/usage.ts";
import { showValue } from "../core/errors.ts";
import { CancelScope, onAbort } from "../core/signal.ts";
import {
  describeWarnings,
  type ModelAnswer,
  type ModelCall,
  type ReportedUsage,
  toCallOptions,
  toUsage,
} from "./model-call.ts";
import { estimatePromptTokens } from "./prompt-tokens.ts";

/**
 * Asks a model once, by the AI SDK's provider specification (v3, v4) and without its `generateText`: there is no retry
 * and no telemetry below ours. It settles as soon as the signal aborts, whatever the provider does.
 *
 * @throws the signal's reason after an abort; `StreamCutError` for an answer that ended half-way; otherwise what the
 * provider threw, as it came
 *
 * @example
 * ```ts
 * const greet = (model: LanguageModelLike) => generate(model, { messages: [{ role: "user", content: "Hi" }], signal });
 * ```
 */
export async function generate(model: LanguageModelLike, call: ModelCall): Promise<ModelAnswer> {
  call.signal.throwIfAborted();
  const meter = new CallMeter(model, call);
  const scope = new CancelScope(call.signal);
  scope.onAbort(() => meter.report());
  try {
    const ask = call.onDelta ? streamAnswer : wholeAnswer;
    const answer = await scope.race(ask(model as LanguageModelV4, call, meter));
    return { ...answer, usage: meter.report() };
  } catch (error) {
    if (meter.mayBeBilled(error)) meter.report();
    throw error;
  } finally {
    scope.dispose();
  }
}

async function wholeAnswer(
  model: LanguageModelV4,
  call: ModelCall,
  meter: CallMeter,
): Promise<Omit<ModelAnswer, "usage">> {
  const result = await model.doGenerate(toCallOptions(model, call));
  meter.hasAnswered = true;
  meter.usage = toUsage(result.usage);
  meter.text = textOf(result, call);
  if (isCutOff(result.finishReason.unified)) throw new StreamCutError(model, meter.text.length);
  return {
    text: meter.text,
    finishReason: result.finishReason.unified,
    responseId: result.response?.id,
    modelId: result.response?.modelId ?? model.modelId,
    warnings: describeWarnings(result.warnings),
  };
}

function textOf(result: LanguageModelV4GenerateResult, call: ModelCall): string {
  const text = result.content.map((part) => (part.type === "text" ? part.text : "")).join("");
  return call.responseSchema ? (result.structuredOutputText ?? text) : text;
}

type Answer = { -readonly [Part in keyof Omit<ModelAnswer, "usage">]: ModelAnswer[Part] };

/**
 * An answer piece by piece, whole as soon as the provider says that it has finished: what comes after that is none of it,
 * and its end is not waited for. The stream is cancelled on the way out, whatever the reason for leaving.
 */
async function streamAnswer(model: LanguageModelV4, call: ModelCall, meter: CallMeter): Promise<Answer> {
  const answer: Answer = { text: "", finishReason: "interrupted", modelId: model.modelId, warnings: [] };
  const { stream } = await model.doStream(toCallOptions(model, call));
  meter.isStreaming = true;
  const reader = stream.getReader();
  const cancel = () => void reader.cancel(call.signal.reason).catch(() => {});
  const stopListening = onAbort(call.signal, cancel);
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      take(chunk.value, answer, call, meter);
      if (chunk.value.type === "finish") break;
    }
  } finally {
    stopListening();
    cancel();
  }
  if (isCutOff(answer.finishReason)) throw new StreamCutError(model, meter.text.length);
  return { ...answer, text: meter.text };
}

function take(part: LanguageModelV4StreamPart, answer: Answer, call: ModelCall, meter: CallMeter): void {
  switch (part.type) {
    case "text-delta":
      meter.text += part.delta;
      if (part.delta !== "" && !call.signal.aborted) call.onDelta?.(part.delta);
      break;
    case "reasoning-delta":
      meter.hiddenText += part.delta;
      break;
    case "stream-start":
      answer.warnings = describeWarnings(part.warnings);
      break;
    case "response-metadata":
      if (part.id !== undefined) answer.responseId = part.id;
      if (part.modelId !== undefined) answer.modelId = part.modelId;
      break;
    case "finish":
      meter.usage = toUsage(part.usage);
      answer.finishReason = part.finishReason.unified;
      break;
    case "error":
      throw toStreamError(part.error);
  }
}

/** The answer ended before the model had finished it: the connection broke, or the provider gave up. */
class StreamCutError extends Error {
  override readonly name = "StreamCutError";
  /** Node's own code for a stream that closed too early, so that it is judged as a failure of the network. */
  readonly code = "ERR_STREAM_PREMATURE_CLOSE";

  constructor(model: { readonly provider: string; readonly modelId: string }, receivedCharacters: number) {
    super(
      `The answer of ${model.modelId} (${model.provider}) was cut off after ${receivedCharacters} characters: the provider ended ` +
        "it without a finish reason. Ask again.",
    );
  }
}

/** Whether a call that ended so has no whole answer. */
export function isCutOff(finishReason: string): boolean {
  return finishReason === "error" || finishReason === "interrupted";
}

const facts = ["code", "type", "statusCode", "isRetryable"] as const;

/** What a stream reported as its error, as an `Error`: providers pass plain objects and texts too. */
function toStreamError(reported: unknown): Error {
  if (reported instanceof Error) return reported;
  const told = (typeof reported === "object" && reported !== null ? reported : {}) as Record<string, unknown>;
  const message = typeof told["message"] === "string" ? told["message"] : showValue(reported, 500);
  const error = new Error(`The provider ended the stream with an error: ${message}`, { cause: reported });
  for (const name of facts) if (told[name] != null) Object.assign(error, { [name]: told[name] });
  return error;
}

/** Errors of a connection that was open: the request had reached the provider. */
const brokenConnection =
  /^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_SOCKET|UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT)$/;

/**
 * Job: know at any moment what one call has used, and tell the caller once.
 * Boundary: reads nothing from the provider itself.
 * Invariants:
 * 1. `onUsage` is called at most once, with the provider's figures where they have come.
 * 2. An estimate bounds the prompt and what was seen of the answer, by its allowed length at most; unseen, it is that.
 */
class CallMeter {
  usage: ReportedUsage | undefined;
  text = "";
  /** Reasoning that is billed but not part of the answer. */
  hiddenText = "";
  isStreaming = false;
  /** Whether a whole answer has come, which may turn out to be unreadable. */
  hasAnswered = false;
  #reported: Usage | undefined;
  readonly #model: LanguageModelLike;
  readonly #call: ModelCall;

  constructor(model: LanguageModelLike, call: ModelCall) {
    this.#model = model;
    this.#call = call;
  }

  report(): Usage {
    if (!this.#reported) {
      this.#reported = this.#complete();
      this.#call.onUsage?.(this.#reported);
    }
    return this.#reported;
  }

  /** Whether the provider may bill a call that failed so: it had begun to answer, or nobody knows. */
  mayBeBilled(error: unknown): boolean {
    if (this.isStreaming || this.hasAnswered) return true;
    const statusCode = (error as { statusCode?: unknown } | undefined)?.statusCode;
    return typeof statusCode === "number" ? statusCode < 300 : isBrokenConnection(error);
  }

  /** An estimate stands in for each figure that the provider has withheld. */
  #complete(): Usage {
    const reported = this.usage ?? {};
    const { inputTokens = this.#inputTokens(), outputTokens = this.#outputTokens() } = reported;
    const isEstimated = reported.inputTokens === undefined || reported.outputTokens === undefined;
    const totalTokens = inputTokens + outputTokens;
    const usage = { ...reported, inputTokens, outputTokens, totalTokens, requests: 1 };
    return isEstimated ? { ...usage, estimated: true } : usage;
  }

  #inputTokens(): number {
    const { estimatePrompt, messages, responseSchema } = this.#call;
    if (estimatePrompt) return estimatePrompt() ?? 0;
    return estimatePromptTokens(messages, responseSchema, this.#model) ?? 0;
  }

  #outputTokens(): number {
    const { maxOutputTokens } = this.#call;
    const seen = Buffer.byteLength(this.text) + Buffer.byteLength(this.hiddenText);
    const isSeen = this.isStreaming || seen > 0;
    return isSeen ? Math.min(seen, maxOutputTokens ?? seen) : (maxOutputTokens ?? 0);
  }
}

function isBrokenConnection(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (brokenConnection.test(String((at as { code?: unknown }).code))) return true;
  return false;
}

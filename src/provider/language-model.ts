import type { LanguageModelV4, LanguageModelV4GenerateResult, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import type { Usage } from "../contract/usage.ts";
import { schedule, systemClock } from "../core/clock.ts";
import { CancelScope, onAbort } from "../core/signal.ts";
import {
  AnswerError,
  endlessAnswer,
  errorInAnswer,
  isSilenceTooLong,
  StreamCutError,
  silenceTooLong,
  unreadableAnswer,
  unreadablePiece,
} from "./answer-error.ts";
import { describeWarnings, type ModelAnswer, type ModelCall, toCallOptions } from "./model-call.ts";
import { estimatePromptTokens } from "./prompt-tokens.ts";
import { hideKeysOf, outputCeiling, type Watch, watchBody } from "./transport.ts";
import { completeReport, laterUsage, type ReportedUsage, readPackageUsage, readUsage } from "./usage.ts";
import { type End, judge } from "./verdict.ts";
import { isFilled, readWire, type Said } from "./wire.ts";

/**
 * Asks a model once, by the AI SDK's provider specification (v3, v4) and without its `generateText`: there is no retry
 * and no telemetry below ours. Settles as soon as the signal aborts, whatever the provider does.
 *
 * @returns a complete answer, or one that its length limit cut off
 * @throws the signal's reason after an abort; an `AnswerError` for an answer that is neither; otherwise what the provider
 * threw, as it came
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
  const { model: watched, watch } = watchBody(model as LanguageModelV4, call);
  try {
    const answer = await scope.race(
      call.onDelta ? streamAnswer(watched, call, meter, watch) : wholeAnswer(watched, call, meter),
    );
    return { ...answer, usage: meter.report() };
  } catch (thrown) {
    const error = watch.endless ?? (isSilenceTooLong(thrown) ? silenceTooLong(thrown) : thrown);
    if (watch.endless) meter.readBytes = watch.bytes;
    if (meter.mayBeBilled(error)) meter.report();
    await hideKeysOf(model);
    throw error;
  } finally {
    scope.dispose();
  }
}

type Answer = Omit<ModelAnswer, "usage">;

async function wholeAnswer(model: LanguageModelV4, call: ModelCall, meter: CallMeter): Promise<Answer> {
  const result = await askWhole(model, call).catch((error: unknown) => ({ error }));
  if ("error" in result) return answerInError(result.error, model, call, meter);
  meter.hasAnswered = true;
  meter.addText(textOf(result, call));
  const said = readWire(result.response?.body);
  meter.hear(said, readPackageUsage(result.usage));
  if (said?.error !== undefined) throw errorInAnswer(said.error, "answer", result.response?.headers);
  const { unified, raw } = result.finishReason;
  return {
    text: meter.text,
    ...judge(model, { ...endOf(said), unified, raw, isWhole: true }, meter.text.length, call.previousError),
    responseId: result.response?.id,
    modelId: result.response?.modelId ?? model.modelId,
    warnings: describeWarnings(result.warnings),
  };
}

async function askWhole(model: LanguageModelV4, call: ModelCall): Promise<LanguageModelV4GenerateResult> {
  return model.doGenerate(toCallOptions(model, call));
}

function textOf(result: LanguageModelV4GenerateResult, call: ModelCall): string {
  const text = result.content.map((part) => (part.type === "text" ? part.text : "")).join("");
  return call.responseSchema ? (result.structuredOutputText ?? text) : text;
}

function endOf(said: Said | undefined): Pick<End, "protocol" | "words" | "isRefused"> {
  return { protocol: said?.protocol, words: said?.words ?? [], isRefused: said?.isRefused ?? false };
}

/**
 * The answer inside a 200 that a provider package could not read: a figure of its usage may be out of range, which is no reason to
 * lose what was paid for.
 */
function answerInError(error: unknown, model: LanguageModelV4, call: ModelCall, meter: CallMeter): Answer {
  const { statusCode, responseBody, responseHeaders, data } = error as Record<string, unknown>;
  const isRead = typeof statusCode === "number" && statusCode < 300 && typeof responseBody === "string";
  if (isRead) return answerInBody(responseBody, error, model, call, meter, responseHeaders);
  const said = statusCode === undefined ? readWire(data) : undefined;
  throw said?.error === undefined ? error : errorInAnswer(said.error, "answer");
}

function answerInBody(
  body: string,
  cause: unknown,
  model: LanguageModelV4,
  call: ModelCall,
  meter: CallMeter,
  headers?: unknown,
): Answer {
  const parsed = parse(body);
  const said = readWire(parsed);
  meter.hear(said, undefined);
  if (said?.error !== undefined) throw errorInAnswer(said.error, "answer", headers);
  // A piece of JSON may be a piece of an answer, and was written by a model.
  meter.addText(said?.text ?? (body.trimStart().startsWith("{") ? body : ""));
  if (!said?.protocol || said.text === "") throw unreadableAnswer(body, cause, headers);
  call.onDelta?.(said.text);
  const { id, model: modelId } = parsed as Record<string, unknown>;
  return {
    text: said.text,
    ...judge(
      model,
      { ...endOf(said), unified: "other", raw: undefined, isWhole: true },
      said.text.length,
      call.previousError,
    ),
    responseId: typeof id === "string" ? id : undefined,
    modelId: typeof modelId === "string" ? modelId : model.modelId,
    warnings: [],
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Time in which a finished stream may still close by itself, which keeps its connection for the next call. */
const closingMs = 100;
/** Time in which the usage may still come after the word that ends an answer. */
const lateUsageMs = 800;

/**
 * Reads an answer piece by piece, to the end of its protocol: the socket may stay open after it. The stream is cancelled on the
 * way out, whatever the reason for leaving.
 */
async function streamAnswer(model: LanguageModelV4, call: ModelCall, meter: CallMeter, watch: Watch): Promise<Answer> {
  const { stream } = await model.doStream({ ...toCallOptions(model, call), includeRawChunks: true });
  meter.isStreaming = true;
  const reading = new StreamReading(model, call, meter);
  const reader = stream.getReader();
  const cancel = () => void reader.cancel(call.signal.reason).catch(() => {});
  const stopListening = onAbort(call.signal, cancel);
  const patience = new Patience(call);
  try {
    for (;;) {
      const chunk = await Promise.race([reader.read(), patience.isOver]);
      if (!chunk || chunk.done) break;
      reading.take(chunk.value);
      patience.wait(reading.closesWithinMs);
    }
  } catch (error) {
    if (reading.closesWithinMs === undefined && (watch.body === undefined || reading.hasPieces)) throw error;
  } finally {
    patience.end();
    stopListening();
    cancel();
  }
  if (watch.body !== undefined && !reading.hasPieces)
    return answerInBody(watch.body, undefined, model, call, meter, watch.headers);
  return reading.finish();
}

/** Waits for the end of a stream, from the moment in which its answer has ended. */
class Patience {
  readonly isOver: Promise<undefined>;
  #resolve: (value: undefined) => void = () => {};
  #stopTimer: (() => void) | undefined;
  #waitMs = Number.POSITIVE_INFINITY;
  readonly #call: ModelCall;

  constructor(call: ModelCall) {
    this.#call = call;
    this.isOver = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  wait(ms: number | undefined): void {
    if (ms === undefined || ms >= this.#waitMs) return;
    this.end();
    this.#waitMs = ms;
    this.#stopTimer = schedule(this.#call.clock ?? systemClock, () => this.#resolve(undefined), ms);
  }

  end(): void {
    this.#stopTimer?.();
  }
}

/**
 * Job: make an answer of the parts of a stream, and of the server's own events, which its package hands on beside them.
 * Boundary: reads no stream and waits for nothing.
 * Invariants:
 * 1. What comes after the end of the answer changes nothing but its usage.
 * 2. An event that its package could not read counts by what it says, where its shape is known.
 */
class StreamReading {
  /** The server sent at least one event that is a part of an answer. */
  hasPieces = false;
  #finish: Extract<LanguageModelV4StreamPart, { type: "finish" }> | undefined;
  #latest: Said | undefined;
  #end: Pick<End, "protocol" | "words" | "isRefused"> = { protocol: undefined, words: [], isRefused: false };
  #hasUsage = false;
  #isAtEnd = false;
  readonly #answer: { responseId?: string; modelId: string; warnings: readonly string[] };
  readonly #model: LanguageModelV4;
  readonly #call: ModelCall;
  readonly #meter: CallMeter;
  readonly #ceiling: number;

  constructor(model: LanguageModelV4, call: ModelCall, meter: CallMeter) {
    this.#model = model;
    this.#call = call;
    this.#meter = meter;
    this.#answer = { modelId: model.modelId, warnings: [] };
    this.#ceiling = outputCeiling(call.maxOutputTokens);
  }

  /** Milliseconds in which the stream may still end by itself; `undefined` before its answer has ended. */
  get closesWithinMs(): number | undefined {
    if (this.#finish || this.#isAtEnd) return closingMs;
    if (this.#end.words.length === 0) return undefined;
    return this.#hasUsage ? closingMs : lateUsageMs;
  }

  take(part: LanguageModelV4StreamPart): void {
    if (this.#finish) return;
    switch (part.type) {
      case "raw":
        this.#takeRaw(readWire(part.rawValue));
        break;
      case "text-delta":
        this.#takeText(part.delta);
        break;
      case "reasoning-delta":
      case "tool-input-delta":
        this.#meter.addHidden(part.delta);
        if (part.delta !== "") this.#progress();
        break;
      case "stream-start":
        this.#answer.warnings = describeWarnings(part.warnings);
        break;
      case "response-metadata":
        if (part.id !== undefined) this.#answer.responseId = part.id;
        if (part.modelId !== undefined) this.#answer.modelId = part.modelId;
        break;
      case "finish":
        this.#finish = part;
        this.#meter.hear(undefined, readPackageUsage(part.usage));
        break;
      case "error":
        this.#takeError(part.error);
        break;
    }
    this.#checkLength();
  }

  finish(): Answer {
    const { unified = "interrupted", raw } = this.#finish?.finishReason ?? {};
    const end = { ...this.#end, unified, raw, isWhole: false };
    const verdict = judge(this.#model, end, this.#meter.text.length, this.#call.previousError);
    return { ...this.#answer, ...verdict, text: this.#meter.text };
  }

  #takeRaw(said: Said | undefined): void {
    this.#latest = said;
    if (!said) return;
    this.hasPieces = true;
    const hadEnded = this.#end.words.length > 0;
    this.#meter.hear(said, undefined);
    if (said.error !== undefined) {
      if (hadEnded) return;
      throw errorInAnswer(said.error, "stream");
    }
    this.#isAtEnd ||= said.isEnd;
    this.#end = {
      protocol: said.protocol ?? this.#end.protocol,
      words: said.words.length > 0 ? said.words : this.#end.words,
      isRefused: this.#end.isRefused || said.isRefused,
    };
    // Before the last word a usage is a figure on its way.
    this.#hasUsage ||= said.usage !== undefined && this.#end.words.length > 0;
    if (said.isAlive) this.#progress();
  }

  #takeText(text: string): void {
    this.hasPieces = true;
    this.#meter.addText(text);
    if (text === "" || this.#call.signal.aborted) return;
    this.#progress();
    this.#call.onDelta?.(text);
  }

  /** Packages report both the server's errors and events that they cannot read. */
  #takeError(error: unknown): void {
    const name = error instanceof Error ? error.name : "";
    // A figure out of range, or an `error` field that is always there, hides an event that can be read all the same.
    const isReadable = this.#latest?.protocol !== undefined && this.#latest.error === undefined;
    if (isReadable && (name === "AI_TypeValidationError" || !isFilled(error))) this.#takeText(this.#latest?.text ?? "");
    else if (this.closesWithinMs !== undefined) return;
    else if (name === "AI_TypeValidationError" || name === "AI_JSONParseError") throw unreadablePiece(error);
    else if (name === "AI_InvalidResponseDataError") throw new StreamCutError(this.#model, this.#meter.text.length);
    else throw error instanceof Error ? error : errorInAnswer(error, "stream");
  }

  #progress(): void {
    if (!this.#call.signal.aborted) this.#call.onProgress?.();
  }

  #checkLength(): void {
    if (this.#meter.seenBytes <= this.#ceiling) return;
    this.#meter.readBytes = this.#meter.seenBytes;
    throw endlessAnswer(this.#model, this.#meter.seenBytes, this.#call.maxOutputTokens);
  }
}

/** Errors of a connection that was open: the request had reached the provider. */
const brokenConnection =
  /^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_SOCKET|UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT)$/;

/**
 * Job: know at any moment what one call has used, and tell the caller once.
 * Boundary: reads nothing from the provider itself.
 * Invariants:
 * 1. `onUsage` is called at most once, with the provider's figures where they have come.
 * 2. An estimate bounds the prompt and what was seen of the answer, by its allowed length at most; unseen, it is that. An answer
 *    that was ended for its length counts by what was read.
 */
class CallMeter {
  /** A whole answer has come, which may turn out to be unreadable. */
  hasAnswered = false;
  isStreaming = false;
  /** Bytes of an answer that was ended for its length. */
  readBytes: number | undefined;
  /** Bytes of text and thoughts that have come. */
  seenBytes = 0;
  #text = "";
  #usage: ReportedUsage | undefined;
  #isUsageOfServer = false;
  #reported: Usage | undefined;
  readonly #model: LanguageModelLike;
  readonly #call: ModelCall;

  constructor(model: LanguageModelLike, call: ModelCall) {
    this.#model = model;
    this.#call = call;
  }

  get text(): string {
    return this.#text;
  }

  addText(text: string): void {
    this.#text += text;
    this.seenBytes += Buffer.byteLength(text);
  }

  /** Thoughts are billed and are no part of the answer. */
  addHidden(text: string): void {
    this.seenBytes += Buffer.byteLength(text);
  }

  /** Takes figures of the server itself, or those of its package where the server's own were not seen. */
  hear(said: Said | undefined, ofPackage: ReportedUsage | undefined): void {
    if (said?.usage) {
      this.#usage = laterUsage(this.#usage, readUsage(said.usage));
      this.#isUsageOfServer = true;
    } else if (ofPackage && !this.#isUsageOfServer) this.#usage = ofPackage;
  }

  report(): Usage {
    if (!this.#reported) {
      this.#reported = completeReport(this.#usage, {
        inputTokens: this.#inputTokens(),
        outputTokens: this.#outputTokens(),
        hasText: this.#text !== "",
      });
      this.#call.onUsage?.(this.#reported);
    }
    return this.#reported;
  }

  /** The provider may bill a call that failed so: it had begun to answer, or nothing tells. */
  mayBeBilled(error: unknown): boolean {
    if (this.#usage || this.seenBytes > 0 || this.readBytes !== undefined) return true;
    const statusCode = (error as { statusCode?: unknown } | undefined)?.statusCode;
    if (error instanceof AnswerError && statusCode !== undefined) return false;
    if (this.isStreaming || this.hasAnswered) return true;
    return typeof statusCode === "number" ? statusCode < 300 : isBrokenConnection(error);
  }

  #inputTokens(): number {
    const { estimatePrompt, messages, responseSchema } = this.#call;
    if (estimatePrompt) return estimatePrompt() ?? 0;
    return estimatePromptTokens(messages, responseSchema, this.#model) ?? 0;
  }

  #outputTokens(): number {
    const { maxOutputTokens } = this.#call;
    if (this.readBytes !== undefined) return Math.max(this.seenBytes, this.readBytes);
    const isSeen = this.isStreaming || this.seenBytes > 0;
    return isSeen ? Math.min(this.seenBytes, maxOutputTokens ?? this.seenBytes) : (maxOutputTokens ?? 0);
  }
}

function isBrokenConnection(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (brokenConnection.test(String((at as { code?: unknown }).code))) return true;
  return false;
}

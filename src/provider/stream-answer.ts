import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { schedule, systemClock } from "../core/clock.ts";
import { onAbort } from "../core/signal.ts";
import { endlessAnswer, errorInAnswer, StreamCutError, unreadablePiece } from "./answer-error.ts";
import type { CallMeter } from "./call-meter.ts";
import { placeTokens, recordedTokens, type WrittenToken } from "./log-probabilities.ts";
import { describeWarnings, type ModelCall, toCallOptions } from "./model-call.ts";
import { outputCeiling, type Watch } from "./transport.ts";
import { readPackageUsage } from "./usage.ts";
import { type End, judge } from "./verdict.ts";
import { type Answer, answerInBody } from "./whole-answer.ts";
import { isFilled, readWire, type Said } from "./wire.ts";

/** Time in which a finished stream may still close by itself, which keeps its connection for the next call. */
const closingMs = 100;
/** Time in which the usage may still come after the word that ends an answer. */
const lateUsageMs = 800;

/**
 * Reads an answer piece by piece, to the end of its protocol: the socket may stay open after it. The stream is cancelled on the
 * way out, whatever the reason for leaving.
 */
export async function streamAnswer(
  model: LanguageModelV4,
  call: ModelCall,
  meter: CallMeter,
  watch: Watch,
): Promise<Answer> {
  const { stream, response } = await openStream(model, call);
  if (response?.headers) call.onHeaders?.(response.headers);
  watch.isOpen = true;
  meter.isStreaming = true;
  const reading = new StreamReading(model, call, meter);
  const reader = stream.getReader();
  const cancel = () => reader.cancel(call.signal.reason).catch(() => {});
  const stopListening = onAbort(call.signal, () => void cancel());
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
    await within(closingMs, cancel(), call);
  }
  if (watch.body !== undefined && !reading.hasPieces)
    return answerInBody(watch.body, undefined, model, call, meter, watch.headers);
  return reading.finish();
}

async function openStream(model: LanguageModelV4, call: ModelCall) {
  try {
    return await model.doStream({ ...toCallOptions(model, call), includeRawChunks: true });
  } catch (error) {
    // Anthropic's package reads the first event itself, and has these words for one that it cannot read.
    const isUnread = error instanceof Error && error.message === "Expected a normalized Anthropic stream error";
    throw isUnread ? unreadablePiece(error) : error;
  }
}

/** Waits for what a recording does at the end of a stream, and for nothing that does not end. */
async function within(ms: number, work: Promise<unknown>, call: ModelCall): Promise<void> {
  const patience = new Patience(call);
  patience.wait(ms);
  await Promise.race([work, patience.isOver]);
  patience.end();
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
  #reasoning = "";
  readonly #tokens: WrittenToken[] = [];
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
        this.#reasoning += part.delta;
        this.#takeHidden(part.delta);
        break;
      case "tool-input-delta":
        this.#takeHidden(part.delta);
        break;
      case "stream-start":
        this.#answer.warnings = describeWarnings(part.warnings, this.#call);
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
    const { text } = this.#meter;
    const tokens = placeTokens(this.#tokens, text) ?? recordedTokens(this.#finish?.providerMetadata);
    return { ...this.#answer, ...verdict, text, tokens, reasoning: this.#reasoning || undefined };
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
    this.#tokens.push(...said.tokens);
    if (said.isAlive) this.#progress();
  }

  #takeText(text: string): void {
    this.hasPieces = true;
    this.#meter.addText(text);
    if (text === "" || this.#call.signal.aborted) return;
    this.#progress();
    this.#call.onDelta?.(text);
  }

  #takeHidden(text: string): void {
    this.#meter.addHidden(text);
    if (text !== "") this.#progress();
  }

  /** Packages report both the server's errors and events that they cannot read. */
  #takeError(error: unknown): void {
    const name = error instanceof Error ? error.name : "";
    // A figure out of range, or an `error` field that is always there, hides an event that can be read all the same.
    const isReadable = this.#latest?.protocol !== undefined && this.#latest.error === undefined;
    if (isReadable && (name === "AI_TypeValidationError" || !isFilled(error))) this.#takeText(this.#latest?.text ?? "");
    else if (this.closesWithinMs !== undefined || isOfNoData(error)) return;
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

/** An event with an empty line of data, which some proxies send to keep the connection open, says nothing. */
function isOfNoData(error: unknown): boolean {
  const { name, text } = (error ?? {}) as { name?: unknown; text?: unknown };
  return name === "AI_JSONParseError" && typeof text === "string" && text.trim() === "";
}

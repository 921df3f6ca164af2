import type { LanguageModelLike } from "../contract/model.ts";
import type { Usage } from "../contract/usage.ts";
import { AnswerError } from "./answer-error.ts";
import { type ModelCall, samplesIn } from "./model-call.ts";
import { estimatePromptTokens } from "./prompt-tokens.ts";
import { completeReport, laterUsage, type ReportedUsage, readUsage } from "./usage.ts";
import type { Said } from "./wire.ts";

/**
 * Job: know at any moment what one call has used, and tell the caller once.
 * Boundary: reads nothing from the provider itself.
 * Invariants:
 * 1. `onUsage` is called at most once, with the provider's figures where they have come.
 * 2. An estimate bounds the prompt and what was seen of the answer, by its allowed length at most; unseen, it is that. An answer
 *    that was ended for its length counts by what was read. Several answers of one request count as so many.
 */
export class CallMeter {
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
        inputTokens: () => this.#inputTokens(),
        outputTokens: () => this.#outputTokens(),
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
    const { maxOutputTokens: ofEach } = this.#call;
    const maxOutputTokens = ofEach === undefined ? undefined : ofEach * samplesIn(this.#call);
    if (this.readBytes !== undefined) return Math.max(this.seenBytes, this.readBytes);
    const isSeen = this.isStreaming || this.seenBytes > 0;
    return isSeen ? Math.min(this.seenBytes, maxOutputTokens ?? this.seenBytes) : (maxOutputTokens ?? 0);
  }
}

/** Errors of a connection that was open: the request had reached the provider. */
const brokenConnection =
  /^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_SOCKET|UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT)$/;

function isBrokenConnection(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (brokenConnection.test(String((at as { code?: unknown }).code))) return true;
  return false;
}

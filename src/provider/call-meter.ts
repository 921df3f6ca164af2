import type { Usage } from "../contract/usage.ts";
import type { ModelCall } from "./model-call.ts";
import type { ReportedUsage } from "./model-usage.ts";
import { promptTokensUpperBound } from "./prompt-tokens.ts";

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
export class CallMeter {
  usage: ReportedUsage | undefined;
  text = "";
  /** Reasoning that is billed but not part of the answer. */
  hiddenText = "";
  isStreaming = false;
  /** Whether a whole answer has come, which may turn out to be unreadable. */
  hasAnswered = false;
  #reported: Usage | undefined;
  readonly #call: ModelCall;

  constructor(call: ModelCall) {
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
    return promptTokensUpperBound(this.#call.messages, this.#call.responseSchema) ?? 0;
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

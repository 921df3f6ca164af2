import { showValue } from "../core/errors.ts";

/** The answer ended before the model had finished it: the connection broke, or the provider gave up. */
export class StreamCutError extends Error {
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
export function toStreamError(reported: unknown): Error {
  if (reported instanceof Error) return reported;
  const told = (typeof reported === "object" && reported !== null ? reported : {}) as Record<string, unknown>;
  const message = typeof told["message"] === "string" ? told["message"] : showValue(reported, 500);
  const error = new Error(`The provider ended the stream with an error: ${message}`, { cause: reported });
  for (const name of facts) if (told[name] != null) Object.assign(error, { [name]: told[name] });
  return error;
}

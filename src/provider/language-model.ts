import type { LanguageModelV4 } from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import { CancelScope } from "../core/signal.ts";
import {
  errorInAnswer,
  isSilenceTooLong,
  plainText,
  StreamCutError,
  silenceTooLong,
  unreadForPackage,
} from "./answer-error.ts";
import { CallMeter } from "./call-meter.ts";
import type { ModelAnswer, ModelCall } from "./model-call.ts";
import { streamAnswer } from "./stream-answer.ts";
import { hideKeysOf, type Watch, watchBody } from "./transport.ts";
import { wholeAnswer } from "./whole-answer.ts";
import { readWire } from "./wire.ts";

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
    const error = watch.endless ?? explained(thrown, watch);
    if (watch.endless) meter.readBytes = call.onDelta ? meter.seenBytes : watch.bytes;
    if (meter.mayBeBilled(error)) meter.report();
    // The headers of a model may come from a call of their own, which an abort does not wait for.
    await scope.race(hideKeysOf(model)).catch(() => {});
    throw error;
  } finally {
    scope.dispose();
  }
}

/** Says more of an error than its package, by what was seen of the response. */
function explained(thrown: unknown, { isRead, stray }: Watch): unknown {
  if (isSilenceTooLong(thrown)) return silenceTooLong(thrown);
  if (thrown instanceof StreamCutError && stray !== "") return errorInAnswer(errorIn(stray), "stream");
  return isRead && thrown instanceof TypeError ? unreadForPackage(thrown) : thrown;
}

/** Reads what stands outside the events of a stream that was cut off: JSON, llama.cpp's `error: {…}`, or a page. */
function errorIn(stray: string): unknown {
  try {
    const value: unknown = JSON.parse(stray.replace(/^\s*error:/, ""));
    return readWire(value)?.error ?? value;
  } catch {
    return plainText(stray);
  }
}

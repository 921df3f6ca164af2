import type { LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { onAbort } from "../core/signal.ts";
import type { CallMeter } from "./call-meter.ts";
import { type ModelAnswer, type ModelCall, toCallOptions } from "./model-call.ts";
import { toUsage } from "./model-usage.ts";
import { isCutOff, StreamCutError, toStreamError } from "./stream-error.ts";
import { describeWarnings } from "./warnings.ts";

type Answer = { -readonly [Part in keyof Omit<ModelAnswer, "usage">]: ModelAnswer[Part] };

/**
 * An answer piece by piece, whole as soon as the provider says that it has finished: what comes after that is none of it,
 * and its end is not waited for. The stream is cancelled on the way out, whatever the reason for leaving.
 */
export async function streamAnswer(model: LanguageModelV4, call: ModelCall, meter: CallMeter): Promise<Answer> {
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

import type { LanguageModelV4, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import type { LanguageModelLike } from "../contract/model.ts";
import { CancelScope } from "../core/signal.ts";
import { CallMeter } from "./call-meter.ts";
import { type ModelAnswer, type ModelCall, toCallOptions } from "./model-call.ts";
import { toUsage } from "./model-usage.ts";
import { streamAnswer } from "./stream-answer.ts";
import { isCutOff, StreamCutError } from "./stream-error.ts";
import { describeWarnings } from "./warnings.ts";

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
  const meter = new CallMeter(call);
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

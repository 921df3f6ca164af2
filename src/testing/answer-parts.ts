import type {
  LanguageModelV4FinishReason,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { ScriptedUsage } from "./scripted-answer.ts";

/** A text that a model answered with, before it is put into the shapes of the provider specification. */
export interface AnsweredText {
  readonly text: string;
  readonly usage: ScriptedUsage | undefined;
  readonly responseId: string;
  readonly modelId: string;
}

const stopped: LanguageModelV4FinishReason = { unified: "stop", raw: "stop" };

export function generateResult(answer: AnsweredText): LanguageModelV4GenerateResult {
  return {
    content: [{ type: "text", text: answer.text }],
    finishReason: stopped,
    usage: tokenUsage(answer.usage),
    response: { id: answer.responseId, modelId: answer.modelId },
    warnings: [],
  };
}

export function streamResult(answer: AnsweredText): LanguageModelV4StreamResult {
  return { stream: ReadableStream.from(streamParts(answer)) };
}

function* streamParts(answer: AnsweredText): Generator<LanguageModelV4StreamPart> {
  const id = "text-1";
  yield { type: "stream-start", warnings: [] };
  yield { type: "response-metadata", id: answer.responseId, modelId: answer.modelId };
  yield { type: "text-start", id };
  for (const delta of answer.text.match(/\S+\s*|\s+/g) ?? []) yield { type: "text-delta", id, delta };
  yield { type: "text-end", id };
  yield { type: "finish", usage: tokenUsage(answer.usage), finishReason: stopped };
}

function tokenUsage(usage: ScriptedUsage | undefined): LanguageModelV4Usage {
  const unknown = undefined;
  return {
    inputTokens: { total: usage?.inputTokens, noCache: usage?.inputTokens, cacheRead: unknown, cacheWrite: unknown },
    outputTokens: { total: usage?.outputTokens, text: usage?.outputTokens, reasoning: unknown },
  };
}

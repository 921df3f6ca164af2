import type { CallContent } from "../contract/call.ts";
import { hasEvidence, type OrchestrationOutput } from "../contract/output.ts";
import type { SpanAttributes } from "./span.ts";

// Attributes of the semantic conventions for generative AI (gen_ai.input.messages, gen_ai.output.messages). A span of
// OpenTelemetry for JavaScript has no structured attributes: they are JSON texts, as the conventions allow.

/** Content of a call: the messages that went to the model, and its answer. */
export function contentOfCall({ messages, answer }: CallContent): SpanAttributes {
  const input = messages.map(({ role, content }) => ({ role, parts: partsOf(content) }));
  const output = answer && [
    {
      role: "assistant",
      parts: [
        ...(answer.reasoning ? [{ type: "reasoning", content: answer.reasoning }] : []),
        { type: "text", content: answer.text },
      ],
      finish_reason: finishReasons[answer.finishReason ?? ""] ?? answer.finishReason ?? "stop",
    },
  ];
  return {
    "gen_ai.input.messages": JSON.stringify(input),
    "gen_ai.output.messages": output && JSON.stringify(output),
  };
}

const finishReasons: Readonly<Record<string, string>> = {
  "content-filter": "content_filter",
  "tool-calls": "tool_call",
};

/** Content of a run as that of one message to it and one from it: views show them at the root of a trace. */
export function contentOfRequest(request: unknown): SpanAttributes {
  return { "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [textOf(request)] }]) };
}

export function contentOfOutput(output: OrchestrationOutput): SpanAttributes {
  if (output.status === "failed") return {};
  const { summary } = hasEvidence(output) ? output.content.evidenceBundle : {};
  const answer = summary ? (summary.consensusJson ?? summary.consensus) : output.content;
  const message = { role: "assistant", parts: [textOf(answer)], finish_reason: "stop" };
  return { "gen_ai.output.messages": JSON.stringify([message]) };
}

function textOf(value: unknown): object {
  return { type: "text", content: typeof value === "string" ? value : jsonOf(value) };
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part) => (ArrayBuffer.isView(part) ? `[${part.byteLength} bytes]` : part)) ?? "";
  } catch {
    return String(value);
  }
}

/** Texts as they are; of an image or a file its kind and size, as bytes say nothing to a reader of a trace. */
function partsOf(content: CallContent["messages"][number]["content"]): object[] {
  if (typeof content === "string") return [{ type: "text", content }];
  return content.map((part) => {
    const { text, image, data = image, mediaType, filename } = part as Record<string, any>;
    if (typeof text === "string") return { type: "text", content: text };
    if (data === undefined) return { type: "text", content: jsonOf(part) };
    const size = typeof data === "string" ? `${data.length} characters` : `${data?.byteLength ?? "?"} bytes`;
    return { type: "text", content: `[${[part.type, filename, mediaType, size].filter(Boolean).join(", ")}]` };
  });
}

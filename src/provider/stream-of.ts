import type {
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
} from "@ai-sdk/provider";

/** A whole answer as the stream that a streaming call expects: its text in words, one after the other. */
export function streamOf({ content, response, ...result }: LanguageModelV4GenerateResult): LanguageModelV4StreamResult {
  const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const deltas = text.match(/\s*\S+\s*$|\s*\S+/g) ?? (text ? [text] : []);
  const parts: LanguageModelV4StreamPart[] = [
    { type: "stream-start", warnings: result.warnings },
    { type: "response-metadata", ...response },
    { type: "text-start", id: "0" },
    ...deltas.map((delta) => ({ type: "text-delta" as const, id: "0", delta })),
    { type: "text-end", id: "0" },
    { type: "finish", finishReason: result.finishReason, usage: result.usage },
  ];
  return { stream: ReadableStream.from(parts) };
}

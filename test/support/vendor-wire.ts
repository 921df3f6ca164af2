import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createMistral } from "@ai-sdk/mistral";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible, type OpenAICompatibleProviderSettings } from "@ai-sdk/openai-compatible";
import type { LanguageModelLike } from "../../src/index.ts";

/** A server on this machine. */
export interface LoopbackServer extends AsyncDisposable {
  readonly origin: string;
}

export async function serveLoopback(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Returns true of a request, by its address and its body, whose answer is to be streamed. */
export function isStreamed(url: string, body: any): boolean {
  return body.stream === true || url.includes("streamGenerateContent");
}

/**
 * Returns the model of a real provider package, for the API of a vendor.
 *
 * @param compatible settings of the server where the API is none of the vendors'
 */
export function vendorModel(
  api: string,
  baseURL: string,
  modelId: string | undefined,
  compatible: Omit<OpenAICompatibleProviderSettings, "baseURL">,
): LanguageModelLike {
  const settings = { baseURL, apiKey: "k" };
  switch (api) {
    case "openai-chat":
      return createOpenAI(settings).chat(modelId ?? "gpt-4o-mini");
    case "openai-responses":
      return createOpenAI(settings).responses(modelId ?? "gpt-4o-mini");
    case "anthropic":
      return createAnthropic(settings)(modelId ?? "claude-sonnet-4-5");
    case "google":
      return createGoogle(settings)(modelId ?? "gemini-2.5-flash");
    case "mistral":
      return createMistral(settings)(modelId ?? "mistral-small-latest");
    default:
      return createOpenAICompatible({ includeUsage: true, ...settings, ...compatible })(modelId ?? "m");
  }
}

/** Returns an event of a stream as all vendors send them. */
export function toEvent(event: unknown): string {
  const name = (event as { type?: string }).type;
  return `${name ? `event: ${name}\n` : ""}data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`;
}

/** Returns the chunks of a chat completion, made of the facts that each has. */
export function chatChunk(number: number, model: string, choices: readonly object[], more: object = {}): object {
  return { id: `a${number}`, object: "chat.completion.chunk", created: 1, model, choices, ...more };
}

/** Returns the events of an answer of OpenAI's Responses API, with its text in pieces. */
export function responsesEvents(
  response: any,
  number: number,
  text: string,
  pieces: readonly { readonly delta: string; readonly logprobs: readonly object[] }[],
): object[] {
  const item = { type: "message", id: `m${number}`, role: "assistant", status: "in_progress", content: [] };
  const at = { item_id: item.id, output_index: 0, content_index: 0 };
  return [
    { type: "response.created", response: { ...response, status: "in_progress", output: [], usage: null } },
    { type: "response.output_item.added", output_index: 0, item },
    ...pieces.map((piece) => ({ type: "response.output_text.delta", ...at, ...piece })),
    { type: "response.output_text.done", ...at, text, logprobs: [] },
    { type: "response.output_item.done", output_index: 0, item: response.output[0] },
    { type: "response.completed", response },
  ];
}

/** Returns the events of an answer of Anthropic's Messages API. */
export function anthropicEvents(message: any, text: string, outputTokens: number): object[] {
  const { stop_reason, stop_sequence } = message;
  return [
    { type: "message_start", message: { ...message, content: [], stop_reason: null } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence }, usage: { output_tokens: outputTokens } },
    { type: "message_stop" },
  ];
}

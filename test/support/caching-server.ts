import type { ServerResponse } from "node:http";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as pass } from "node:timers/promises";
import type { LanguageModelLike } from "../../src/index.ts";
import {
  anthropicEvents,
  chatChunk,
  isStreamed,
  responsesEvents,
  serveLoopback,
  toEvent,
  vendorModel,
} from "./vendor-wire.ts";

export type CachingApi = "openai-chat" | "openai-responses" | "vllm" | "anthropic" | "google" | "mistral";

export interface CachingServerOptions {
  /** Shorter prompts are not kept. Default: 1,024, as OpenAI and most models of Anthropic have it. */
  readonly minimumTokens?: number | undefined;
  /** Time to the first byte, from which an entry can be read. */
  readonly firstByteMs?: number | undefined;
  /** Time from the first byte to the end of the answer. */
  readonly answerMs?: number | undefined;
  /** Text of an answer, by its number from 0 and by the text of its prompt; its tokens, where they are not four characters each. */
  readonly answer?: ((number: number, prompt: string) => string | { text: string; tokens: number }) | undefined;
  /** False of a server that ignores `n`. */
  readonly takesSamples?: boolean | undefined;
  /** Refuses a request: its status and its body. */
  readonly refuse?: ((body: any, api: CachingApi) => { status: number; body: unknown } | undefined) | undefined;
  /** Changes the body of a whole answer, as servers that differ from the documents do. */
  readonly reshape?: ((body: any, request: any) => unknown) | undefined;
  /** Milliseconds, for the five minutes of an entry. */
  readonly now?: (() => number) | undefined;
}

/** One request, as the server saw and billed it. */
export interface Served {
  readonly api: CachingApi;
  readonly body: any;
  readonly isStreaming: boolean;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly writtenTokens: number;
  readonly outputTokens: number;
  readonly answers: readonly string[];
}

export interface CachingServer extends AsyncDisposable {
  readonly served: readonly Served[];
  readonly origin: string;
  model(api: CachingApi, modelId?: string): LanguageModelLike;
}

/** Tokens of this server: about four characters each. */
const serverTokens = (text: string): number => Math.ceil(text.length / 4);

const lifetimeMs = 5 * 60_000;

/**
 * A server on this machine whose prompts are cached, and whose answers are sampled, as their vendors document it:
 * - OpenAI, https://developers.openai.com/api/docs/guides/prompt-caching: by itself from 1,024 tokens on, in blocks of 128, on the
 *   machine that `prompt_cache_key` and the first 256 tokens lead to; `prompt_tokens_details.cached_tokens`
 * - Anthropic, https://platform.claude.com/docs/en/build-with-claude/prompt-caching: up to a block with `cache_control`, for five
 *   minutes, readable once the first response has begun; `cache_creation_input_tokens`, `cache_read_input_tokens`
 * - Google, https://ai.google.dev/gemini-api/docs/caching: by itself; `cachedContentTokenCount`
 * - several answers: `n` (https://platform.openai.com/docs/api-reference/chat/create#chat-create-n), `candidateCount`
 *   (https://ai.google.dev/api/generate-content#generationconfig); the prompt is billed once
 */
export async function startCachingServer(options: CachingServerOptions = {}): Promise<CachingServer> {
  const {
    firstByteMs = 20,
    answerMs = 30,
    answer = () => "yes",
    takesSamples = true,
    now = () => performance.now(),
  } = options;
  const served: Served[] = [];
  const entries: { machine: string; text: string; readableMs: number; usedMs: number }[] = [];
  let answered = 0;
  const { origin, ...server } = await serveLoopback(async (request, response) => {
    const body = JSON.parse(await readAll(request));
    const api = (request.url ?? "").split("/")[1] as CachingApi;
    const refused = options.refuse?.(body, api);
    if (refused) return respond(response, refused.status, refused.body);
    const isStreaming = isStreamed(request.url ?? "", body);
    const prompt = promptOf(api, body);
    const kept = prompt.kept.map((text) => text.slice(0, roundDown(api, text.length)));
    const machine = `${api}:${body.model}:${body.prompt_cache_key ?? ""}:${prompt.text.slice(0, 1_024)}`;
    const atMs = now();
    const hits = entries.filter(
      (entry) =>
        entry.machine === machine &&
        entry.readableMs <= atMs &&
        atMs - entry.usedMs < lifetimeMs &&
        kept.some((text) => text.startsWith(entry.text)),
    );
    for (const entry of hits) entry.usedMs = atMs;
    const cachedTokens = Math.max(0, ...hits.map(({ text }) => serverTokens(text)));
    const fresh = kept.filter((text) => serverTokens(text) >= (options.minimumTokens ?? 1_024));
    const written = fresh.filter((text) => !hits.some((entry) => entry.text === text));
    const made = written.map((text) => ({ machine, text, readableMs: Number.POSITIVE_INFINITY, usedMs: atMs }));
    entries.push(...made);
    const asked = takesSamples ? (body.n ?? body.generationConfig?.candidateCount ?? 1) : 1;
    const given = Array.from({ length: asked }, () => answer(answered++, prompt.text));
    const answers = given.map((each) => (typeof each === "string" ? each : each.text));
    const call: Served = {
      api,
      body,
      isStreaming,
      promptTokens: serverTokens(prompt.text),
      cachedTokens,
      writtenTokens: Math.max(0, ...written.map(serverTokens)) && Math.max(...written.map(serverTokens)) - cachedTokens,
      outputTokens: given.reduce((sum, each) => sum + (typeof each === "string" ? serverTokens(each) : each.tokens), 0),
      answers,
    };
    served.push(call);
    const number = served.length;
    await pass(firstByteMs);
    for (const entry of made) entry.readableMs = now();
    if (!isStreaming) {
      await pass(answerMs);
      const sent = whole(call, number);
      return respond(response, 200, options.reshape?.(sent, body) ?? sent);
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const [first, ...rest] = stream(call, number);
    response.write(first);
    await pass(answerMs);
    response.end(rest.join(""));
  });
  return {
    ...server,
    served,
    origin,
    model: (api, modelId) => {
      const named = modelId ?? { "openai-responses": "gpt-5-mini", vllm: "qwen3" }[api as string];
      return vendorModel(api, `${origin}/${api}`, named, { name: "vllm" });
    },
  };
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** OpenAI keeps prompts in blocks of 128 tokens. */
function roundDown(api: CachingApi, characters: number): number {
  return api.startsWith("openai") ? Math.floor(characters / 512) * 512 : characters;
}

/** Text of a prompt, and the beginnings of it that are to be kept: of Anthropic those that end with a mark. */
function promptOf(api: CachingApi, body: any): { text: string; kept: string[] } {
  if (api !== "anthropic") {
    const text = JSON.stringify(body.messages ?? body.input ?? [body.systemInstruction, body.contents]);
    return { text, kept: api === "vllm" ? [] : [text] };
  }
  const system = typeof body.system === "string" ? [{ text: body.system }] : (body.system ?? []);
  const parts = body.messages.flatMap((message: any) => message.content);
  const blocks = [...system, ...parts] as { cache_control?: unknown; text?: string }[];
  const textOf = (count: number) =>
    blocks
      .slice(0, count)
      .map(({ text }) => text)
      .join("\n");
  const kept = blocks.flatMap((block, at) => (block.cache_control ? [textOf(at + 1)] : []));
  return { text: textOf(blocks.length), kept };
}

function usageOf({ api, promptTokens, cachedTokens, writtenTokens, outputTokens }: Served): object {
  if (api === "anthropic")
    return {
      input_tokens: promptTokens - cachedTokens - writtenTokens,
      cache_creation_input_tokens: writtenTokens,
      cache_read_input_tokens: cachedTokens,
      output_tokens: outputTokens,
    };
  if (api === "openai-responses")
    return {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: cachedTokens },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: promptTokens + outputTokens,
    };
  if (api === "google")
    return {
      promptTokenCount: promptTokens,
      cachedContentTokenCount: cachedTokens,
      candidatesTokenCount: outputTokens,
      totalTokenCount: promptTokens + outputTokens,
    };
  return {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

function whole(call: Served, number: number): object {
  const { api, body, answers } = call;
  const [text = ""] = answers;
  const id = `a${number}`;
  switch (api) {
    case "anthropic": {
      const content = [{ type: "text", text }];
      const end = { stop_reason: "end_turn", stop_sequence: null, usage: usageOf(call) };
      return { id, type: "message", role: "assistant", model: body.model, content, ...end };
    }
    case "openai-responses": {
      const content = [{ type: "output_text", text, annotations: [], logprobs: [] }];
      const output = [{ type: "message", id: `m${number}`, role: "assistant", status: "completed", content }];
      const facts = { created_at: 1, model: body.model, status: "completed", incomplete_details: null };
      return { id, object: "response", ...facts, output, usage: usageOf(call) };
    }
    case "google":
      return { candidates: answers.map((each, index) => candidate(each, index)), usageMetadata: usageOf(call) };
    default: {
      const choices = answers.map((content, index) => ({
        index,
        message: { role: "assistant", content },
        finish_reason: "stop",
      }));
      return { id, object: "chat.completion", created: 1, model: body.model, choices, usage: usageOf(call) };
    }
  }
}

function candidate(text: string, index: number): object {
  return { content: { role: "model", parts: [{ text }] }, finishReason: "STOP", index };
}

/** Events of a stream: the first one is the first byte. */
function stream(call: Served, number: number): string[] {
  const { api, body, answers, outputTokens } = call;
  const [text = ""] = answers;
  switch (api) {
    case "anthropic":
      return begunBy(3, anthropicEvents(whole(call, number), text, outputTokens));
    case "openai-responses":
      return begunBy(3, responsesEvents(whole(call, number), number, text, [{ delta: text, logprobs: [] }]));
    case "google":
      return begunBy(1, [
        { candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0 }] },
        { candidates: [{ ...candidate("", 0), content: { role: "model", parts: [] } }], usageMetadata: usageOf(call) },
      ]);
    default: {
      const chunk = (choices: object[], more?: object) => chatChunk(number, body.model, choices, more);
      return begunBy(1, [
        chunk([{ index: 0, delta: { role: "assistant", content: text }, finish_reason: null }]),
        chunk([{ index: 0, delta: {}, finish_reason: "stop" }]),
        chunk([], { usage: usageOf(call) }),
        "[DONE]",
      ]);
    }
  }
}

/** Returns events as they are sent, the first few at once. */
function begunBy(count: number, events: readonly unknown[]): string[] {
  const sent = events.map(toEvent);
  return [sent.slice(0, count).join(""), ...sent.slice(count)];
}

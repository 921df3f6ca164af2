import type { IncomingHttpHeaders } from "node:http";
import { text as readAll } from "node:stream/consumers";
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

export type Api = "openai-chat" | "openai-responses" | "openai-compatible" | "anthropic" | "google" | "mistral";

/** One request, as a server sees it. */
export interface Seen {
  readonly body: any;
  readonly isStreaming: boolean;
  /** The limit of the answer, whatever the API calls it. */
  readonly limit: number | undefined;
  /** From 1. */
  readonly number: number;
  readonly headers: IncomingHttpHeaders;
}

/** An answer, or an error of a status. */
export type Reply =
  | { readonly status: number; readonly body: unknown }
  | {
      readonly text?: string;
      readonly inputTokens?: number;
      readonly outputTokens?: number;
      readonly reasoningTokens?: number;
      /** The answer ends at its length limit. */
      readonly isCut?: boolean;
      /** Tokens of the answer, told where the request asks for their log-probabilities. */
      readonly tokens?: readonly Token[];
    };

/** A token as OpenAI tells it, with or without its bytes. */
export interface Token {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly seen: readonly Seen[];
  /** The model of a real provider package that asks this server. */
  model(api: Api, modelId?: string): LanguageModelLike;
}

/** A server on this machine that speaks the APIs of all vendors, streamed where the request says so. */
export async function startServer(reply: (request: Seen, api: Api) => Reply): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const { origin, ...server } = await serveLoopback(async (request, response) => {
    const body = JSON.parse(await readAll(request));
    const url = request.url ?? "";
    const api = url.split("/")[1] as Api;
    const isStreaming = isStreamed(url, body);
    const limit =
      body.max_tokens ?? body.max_completion_tokens ?? body.max_output_tokens ?? body.generationConfig?.maxOutputTokens;
    const call = { body, isStreaming, limit, number: seen.length + 1, headers: request.headers };
    seen.push(call);
    const answer = reply(call, api);
    if ("status" in answer) {
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(JSON.stringify(answer.body));
      return;
    }
    const events = isStreaming ? streams[api](answer, call) : undefined;
    response.writeHead(200, { "content-type": events ? "text/event-stream" : "application/json" });
    response.end(events ? events.map(toEvent).join("") : JSON.stringify(wholes[api](answer, call)));
  });
  return { ...server, seen, model: (api, modelId) => vendorModel(api, `${origin}/${api}`, modelId, compatible) };
}

const compatible = { name: "local", supportsStructuredOutputs: true };

type Answer = Exclude<Reply, { status: number }>;
type Write<R> = Record<Api, (answer: Answer, call: Seen) => R>;

const usageOf = ({ inputTokens = 10, outputTokens = 5, reasoningTokens }: Answer) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  ...(reasoningTokens !== undefined && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
});

const withTop = (token: Token) => ({ ...token, top_logprobs: [] });

function chatLogprobs({ tokens }: Answer, body: any): object | null {
  return tokens && body.logprobs ? { content: tokens.map(withTop), refusal: null } : null;
}

function chat(answer: Answer, { number, body }: Seen): object {
  const { text = "good 42", isCut } = answer;
  const choice = {
    index: 0,
    message: { role: "assistant", content: text },
    logprobs: chatLogprobs(answer, body),
    finish_reason: isCut ? "length" : "stop",
  };
  const usage = usageOf(answer);
  return { id: `a${number}`, object: "chat.completion", created: 1, model: body.model, choices: [choice], usage };
}

function chatStream(answer: Answer, { number, body }: Seen): unknown[] {
  const { text = "good 42", isCut } = answer;
  const chunk = (choices: object[], more = {}) => chatChunk(number, body.model, choices, more);
  const pieces = answer.tokens && body.logprobs ? answer.tokens : undefined;
  return [
    ...(pieces
      ? piecesOf(text, pieces).map(([content, token]) =>
          chunk([
            {
              index: 0,
              delta: { content },
              logprobs: { content: [withTop(token)], refusal: null },
              finish_reason: null,
            },
          ]),
        )
      : [chunk([{ index: 0, delta: { role: "assistant", content: text }, finish_reason: null }])]),
    chunk([{ index: 0, delta: {}, finish_reason: isCut ? "length" : "stop" }]),
    chunk([], { usage: usageOf(answer) }),
    "[DONE]",
  ];
}

/** The text that comes with each token: that of a token without text of its own comes with the next. */
function piecesOf(text: string, tokens: readonly Token[]): [string, Token][] {
  const size = Math.ceil(text.length / tokens.length);
  return tokens.map((token, at) => [text.slice(at * size, (at + 1) * size), token]);
}

function responsesWhole(answer: Answer, { number, body }: Seen): object {
  const { text = "good 42", isCut, inputTokens = 10, outputTokens = 5, reasoningTokens = 0, tokens = [] } = answer;
  const isAsked = body.include?.includes("message.output_text.logprobs");
  const content = [{ type: "output_text", text, annotations: [], logprobs: isAsked ? tokens.map(withTop) : [] }];
  return {
    id: `a${number}`,
    object: "response",
    created_at: 1,
    model: body.model,
    status: isCut ? "incomplete" : "completed",
    incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
    output: [{ type: "message", id: `m${number}`, role: "assistant", status: "completed", content }],
    usage: {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: reasoningTokens },
    },
  };
}

function responsesStream(answer: Answer, call: Seen): unknown[] {
  const { text = "good 42", tokens } = answer;
  const isAsked = call.body.include?.includes("message.output_text.logprobs");
  const pieces = tokens && isAsked ? piecesOf(text, tokens) : [[text, undefined] as const];
  const told = pieces.map(([delta, token]) => ({
    delta,
    // Events of a stream tell no bytes.
    logprobs: token ? [{ token: token.token, logprob: token.logprob, top_logprobs: [] }] : [],
  }));
  return responsesEvents(responsesWhole(answer, call), call.number, text, told);
}

function anthropicWhole(answer: Answer, { number, body }: Seen): object {
  const { text = "good 42", isCut, inputTokens = 10, outputTokens = 5 } = answer;
  return {
    id: `a${number}`,
    type: "message",
    role: "assistant",
    model: body.model,
    content: [{ type: "text", text }],
    stop_reason: isCut ? "max_tokens" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: inputTokens, output_tokens: outputTokens },
  };
}

function anthropicStream(answer: Answer, call: Seen): unknown[] {
  const { text = "good 42", outputTokens = 5 } = answer;
  return anthropicEvents(anthropicWhole(answer, call), text, outputTokens);
}

function googleWhole(answer: Answer, { body }: Seen): object {
  const { text = "good 42", isCut, inputTokens = 10, outputTokens = 5, reasoningTokens = 0, tokens } = answer;
  const chosenCandidates = tokens?.map(({ token, logprob }) => ({ token, tokenId: 1, logProbability: logprob }));
  return {
    candidates: [
      {
        content: { role: "model", parts: text === "" ? [] : [{ text }] },
        finishReason: isCut ? "MAX_TOKENS" : "STOP",
        index: 0,
        ...(chosenCandidates && body.generationConfig?.responseLogprobs && { logprobsResult: { chosenCandidates } }),
      },
    ],
    usageMetadata: {
      promptTokenCount: inputTokens,
      candidatesTokenCount: outputTokens - reasoningTokens,
      thoughtsTokenCount: reasoningTokens,
      totalTokenCount: inputTokens + outputTokens,
    },
  };
}

const wholes: Write<object> = {
  "openai-chat": chat,
  "openai-compatible": chat,
  mistral: chat,
  "openai-responses": responsesWhole,
  anthropic: anthropicWhole,
  google: googleWhole,
};

const streams: Write<unknown[]> = {
  "openai-chat": chatStream,
  "openai-compatible": chatStream,
  mistral: chatStream,
  "openai-responses": responsesStream,
  anthropic: anthropicStream,
  google: (answer, call) => [googleWhole(answer, call)],
};

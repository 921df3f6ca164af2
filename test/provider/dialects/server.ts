import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Given, Row } from "./rows.ts";

/** A server on this machine that answers as a row says, and well from the second call on. */
export interface DialectServer extends AsyncDisposable {
  readonly url: string;
  /** The requests that came in. */
  readonly calls: readonly { readonly body: any; readonly maxOutputTokens: number | undefined }[];
  /** Requests that were refused for a field of theirs. */
  readonly refused: number;
}

/** @param lasts the answer of the row stays the same for ever */
export async function serve(row: Row, { lasts = false } = {}): Promise<DialectServer> {
  const calls: { body: any; maxOutputTokens: number | undefined }[] = [];
  let refused = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = parse(await readAll(request));
    const maxOutputTokens = limitIn(body);
    calls.push({ body, maxOutputTokens });
    const out = new Reply(row, response, body.stream === true || /streamGenerateContent/.test(request.url ?? ""));
    const { given } = row;
    if (given.refuses && isRefused(given.refuses, body, maxOutputTokens)) {
      refused++;
      const said = JSON.stringify(given.refuses.body).replaceAll("{asked}", String(askedFor(given.refuses, body)));
      return out.json(given.refuses.status, JSON.parse(said), given.refuses.headers);
    }
    if (given.refuses) return out.well();
    if (given.thinks) return out.thoughts(given.thinks, maxOutputTokens);
    if (given.bodies) {
      const whole = given.bodies[(calls.length - 1) % given.bodies.length] as object;
      return out.json(200, { ...whole, id: `b${calls.length}` });
    }
    if (calls.length > 1 && !lasts && !given.lasts) return out.well();
    return out.asGiven(given);
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    get refused() {
      return refused;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Reply {
  readonly #row: Row;
  readonly #response: ServerResponse;
  readonly #isStreamed: boolean;

  constructor(row: Row, response: ServerResponse, isStreamed: boolean) {
    this.#row = row;
    this.#response = response;
    this.#isStreamed = isStreamed;
  }

  json(status: number, body: unknown, headers: Record<string, string> = {}): void {
    const isText = typeof body === "string";
    this.#response.writeHead(status, { "content-type": isText ? "text/html" : "application/json", ...headers });
    this.#response.end(isText ? body : JSON.stringify(body));
  }

  well(): void | Promise<void> {
    const text = this.#row.given.ask?.schema ? '{"amountUsd": 1250}' : "good 42";
    return this.#isStreamed
      ? this.#events(goodEvents(this.#row.api, text))
      : this.json(200, goodBody(this.#row.api, text));
  }

  /** Thoughts count against the limit of the answer. */
  thoughts({ tokens, answer }: NonNullable<Given["thinks"]>, limit: number | undefined): void {
    const isCut = limit !== undefined && limit < tokens + 5;
    const used = isCut ? limit : tokens + 5;
    const parts = isCut ? [] : [{ text: answer }];
    this.json(200, {
      candidates: [{ content: { role: "model", parts }, finishReason: isCut ? "MAX_TOKENS" : "STOP", index: 0 }],
      usageMetadata: {
        promptTokenCount: 10,
        candidatesTokenCount: isCut ? 0 : 5,
        thoughtsTokenCount: Math.min(used, tokens),
        totalTokenCount: 10 + used,
      },
    });
  }

  async asGiven(given: Given): Promise<void> {
    if (given.transport) return this.#breakOff(given.transport);
    if (given.raw) return this.#pieces([given.raw].flat(), given);
    if (given.endless) return this.#endless(given.endless);
    if (this.#isStreamed && given.events) return this.#events(given.events, given);
    return this.json(given.status ?? 200, given.body, given.headers);
  }

  #events(events: readonly unknown[], how: Pick<Given, "open" | "gapMs"> = {}): Promise<void> {
    const { api } = this.#row;
    const named = (event: unknown) => {
      const data = typeof event === "string" ? event : JSON.stringify(event);
      const { type } = event as { type?: string };
      return api === "anthropic" && type ? `event: ${type}\ndata: ${data}\n\n` : `data: ${data}\n\n`;
    };
    return this.#pieces(events.map(named), how);
  }

  async #pieces(pieces: readonly string[], { open, gapMs }: Pick<Given, "open" | "gapMs">): Promise<void> {
    this.#response.writeHead(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      if (this.#response.destroyed) return;
      this.#response.write(piece);
      if (gapMs) await pause(gapMs);
    }
    if (!open) this.#response.end();
  }

  /** Repeats a piece until the client has had enough. */
  async #endless({ first = "", piece, type }: NonNullable<Given["endless"]>): Promise<void> {
    this.#response.writeHead(200, { "content-type": type });
    this.#response.write(first);
    while (!this.#response.destroyed)
      if (!this.#response.write(piece)) {
        const drained = new Promise((resolve) => this.#response.once("drain", resolve).once("close", resolve));
        await drained;
      }
  }

  #breakOff(transport: string): void {
    const { socket } = this.#response;
    const first = `data: ${JSON.stringify(goodEvents("openai-compatible", "The ans")[0])}\n\n`;
    if (transport === "close-before-headers") return void socket?.end();
    if (transport === "bad-chunk-size") {
      socket?.write(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\nfoo\r\n",
      );
      return void pause(20).then(() => socket?.destroy());
    }
    if (transport === "gzip-cut") {
      const events = goodEvents(this.#row.api, "The answer is 42 and so on ".repeat(40));
      const zipped = gzipSync(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
      this.#response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
      return void this.#response.end(zipped.subarray(0, zipped.length >> 1));
    }
    this.#response.writeHead(200, { "content-type": "text/event-stream" });
    this.#response.write(first);
    void pause(20).then(() => socket?.resetAndDestroy());
  }
}

function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function limitIn(body: any): number | undefined {
  return (
    body.max_tokens ?? body.max_completion_tokens ?? body.max_output_tokens ?? body.generationConfig?.maxOutputTokens
  );
}

function askedFor({ field }: NonNullable<Given["refuses"]>, body: any): any {
  if (field === "max output tokens") return limitIn(body);
  return field.split(".").reduce((value, key) => value?.[key], body);
}

function isRefused(refuses: NonNullable<Given["refuses"]>, body: any, _limit: number | undefined): boolean {
  const { above, below, present, equals } = refuses;
  const value = askedFor(refuses, body);
  return (
    (above !== undefined && value > above) ||
    (below !== undefined && value !== undefined && value < below) ||
    (present === true && value !== undefined) ||
    (equals !== undefined && value === equals)
  );
}

let serial = 0;

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

/** A good answer, as the API writes a whole one. */
function goodBody(api: Row["api"], text: string): object {
  const id = `g${++serial}`;
  if (api === "anthropic")
    return {
      id,
      type: "message",
      role: "assistant",
      model: "m",
      content: [{ type: "text", text }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 5 },
    };
  if (api === "google")
    return {
      candidates: [{ content: { role: "model", parts: [{ text }] }, finishReason: "STOP", index: 0 }],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
    };
  if (api === "openai-responses") {
    const content = [{ type: "output_text", text, annotations: [] }];
    return {
      id,
      object: "response",
      created_at: 1,
      status: "completed",
      error: null,
      incomplete_details: null,
      model: "m",
      output: [{ type: "message", id: "m1", status: "completed", role: "assistant", content }],
      usage: {
        input_tokens: 10,
        output_tokens: 5,
        total_tokens: 15,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens_details: { reasoning_tokens: 0 },
      },
    };
  }
  const message = { role: "assistant", content: text };
  return {
    id,
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage,
  };
}

/** A good answer, as the API streams it. */
function goodEvents(api: Row["api"], text: string): readonly unknown[] {
  if (api === "anthropic")
    return [
      {
        type: "message_start",
        message: {
          id: "m",
          type: "message",
          role: "assistant",
          model: "m",
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 10, output_tokens: 1 },
        },
      },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 5 } },
      { type: "message_stop" },
    ];
  if (api === "google") return [goodBody(api, text)];
  if (api === "openai-responses") return responseEvents(text);
  const id = `g${++serial}`;
  const chunk = (choices: readonly object[]) => ({
    id,
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices,
  });
  return [
    chunk([{ index: 0, delta: { content: text }, finish_reason: null }]),
    chunk([{ index: 0, delta: {}, finish_reason: "stop" }]),
    { ...chunk([]), usage },
    "[DONE]",
  ];
}

function responseEvents(text: string): readonly unknown[] {
  const response = goodBody("openai-responses", text);
  return [
    { type: "response.created", response: { ...response, status: "in_progress", output: [], usage: null } },
    { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "m1" } },
    { type: "response.output_text.delta", item_id: "m1", output_index: 0, content_index: 0, delta: text },
    { type: "response.output_item.done", output_index: 0, item: { type: "message", id: "m1" } },
    { type: "response.completed", response },
  ];
}

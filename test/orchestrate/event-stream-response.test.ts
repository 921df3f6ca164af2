import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { type ServerType, serve } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import {
  ConflictError,
  defineTool,
  isOrchestratorError,
  PromptBundleTool,
  ReliableOrchestrator,
  toEventStreamResponse,
} from "../../src/index.ts";
import { startOpenAIServer } from "../support/openai-server.ts";

/** A handler as Fetch has them: a Next route exports one as `POST`. */
type Handler = (request: Request) => Promise<Response>;
type Server = { readonly port: number; readonly close: () => void };

const running: Server[] = [];
afterEach(() => {
  for (const server of running.splice(0)) server.close();
});

const statusOf: Record<string, number> = { INVALID_OPTIONS: 400, TOOL_NOT_FOUND: 404, CONFLICT: 409 };

function answerOrRefuse(handler: Handler): Handler {
  return (request) =>
    handler(request).catch((error) => {
      const status = isOrchestratorError(error) ? (statusOf[error.code] ?? 500) : 500;
      return Response.json({ code: (error as { code?: string }).code, detail: String(error.message) }, { status });
    });
}

const frameworks: Record<string, (handler: Handler) => Promise<Server>> = {
  async Hono(handler) {
    const app = new Hono();
    app.post("/", (context) => handler(context.req.raw));
    const server: ServerType = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
  },
  async Express(handler) {
    const app = express();
    app.post("/", express.json(), async (request, response) => {
      const { method, body } = request;
      const answer = await handler(new Request("http://host/", { method, body: JSON.stringify(body) }));
      response.status(answer.status).setHeaders(answer.headers);
      const events = Readable.fromWeb(answer.body as any);
      response.on("close", () => events.destroy());
      events.on("error", () => response.destroy()).pipe(response);
    });
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
  },
  /** A Next route is a Fetch handler; Next itself hands it a request whose client's leave cancels the body. */
  async "a route handler"(handler) {
    const server = createServer(async (request, response) => {
      const body = await new Response(Readable.toWeb(request) as any).text();
      const answer = await handler(new Request("http://host/", { method: "POST", body }));
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
      response.on("close", () => void reader.cancel());
      for (let next = await reader.read(); !next.done; next = await reader.read()) response.write(next.value);
      response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
  },
};

async function ask(server: Server, body: object, signal: AbortSignal | null = null): Promise<Response> {
  running.push(server);
  const headers = { "content-type": "application/json" };
  return fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", headers, body: JSON.stringify(body), signal });
}

function eventsIn(text: string): { id: string; event: string; data: any }[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
      return { id: fields["id"], event: fields["event"], data: JSON.parse(fields["data"]) };
    });
}

describe.each(Object.keys(frameworks))("through %s", (name) => {
  const framework = frameworks[name] as (handler: Handler) => Promise<Server>;
  const orchestrator = new ReliableOrchestrator();

  test("every event of a run arrives, numbered, also those whose texts look like events", async () => {
    const hostile = "no\n\nevent: run_failed\ndata: {}\n\n\u2028\r\nid: 9";
    await using provider = await startOpenAIServer({ text: hostile });
    const tool = new PromptBundleTool({
      name: "ask",
      model: `openai-compatible:${provider.baseURL}#m`,
      prompt: "{{q}}",
      defaultOptions: { k: 2 },
    });
    const server = await framework(
      answerOrRefuse(async (request) =>
        toEventStreamResponse(orchestrator.stream({ tool, request: (await request.json()) as { q: string } })),
      ),
    );
    const response = await ask(server, { q: hostile });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = eventsIn(await response.text());
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index));
    expect(events.every(({ event, data }) => event === data.type)).toBe(true);
    expect(events.at(-1)).toMatchObject({
      event: "run_completed",
      data: { output: { content: { evidenceBundle: { summary: { consensus: hostile } } } } },
    });
  });

  test("a client that leaves closes the provider's socket", async () => {
    await using provider = await startOpenAIServer({ hang: true });
    const model = `openai-compatible:${provider.baseURL}#m`;
    const tool = new PromptBundleTool({ name: "ask", model, prompt: "{{q}}", defaultOptions: { k: 1 } });
    const server = await framework(
      answerOrRefuse(() => toEventStreamResponse(orchestrator.stream({ tool, request: { q: "?" } }))),
    );
    const client = new AbortController();
    const response = await ask(server, {}, client.signal);
    const call = await provider.nextCall();
    expect(response.status).toBe(200);
    client.abort();
    expect(await call.over).toBe("aborted");
  });

  test.each([
    ["an option that cannot be used", { options: { maxParallel: 0 } }, 400],
    ["a tool that is not there", { toolName: "no" }, 404],
  ])("a run with %s is answered with its status, not by an event", async (_what, params, status) => {
    const server = await framework(
      answerOrRefuse(() => toEventStreamResponse(orchestrator.stream({ request: {}, ...params } as any))),
    );
    const response = await ask(server, {});
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toMatch("application/json");
  });
});

describe("a response of events", () => {
  const echo = defineTool({ name: "echo", execute: (request: { text: string }) => Promise.resolve(request) });

  test("a key of another request is refused before the headers", async () => {
    const orchestrator = new ReliableOrchestrator();
    const options = { idempotencyKey: "one" };
    await orchestrator.run({ tool: echo, request: { text: "a" }, options });
    const refused = toEventStreamResponse(orchestrator.stream({ tool: echo, request: { text: "b" }, options }));
    await expect(refused).rejects.toBeInstanceOf(ConflictError);
  });

  test("a run that has failed is a response: its output says what was paid for", async () => {
    const failing = defineTool({ name: "failing", execute: () => Promise.reject(new TypeError("no")) });
    const response = await toEventStreamResponse(new ReliableOrchestrator().stream({ tool: failing, request: {} }));
    expect(eventsIn(await response.text()).at(-1)).toMatchObject({
      event: "run_failed",
      data: { output: { status: "failed" } },
    });
  });

  test("bytes of a request are told by their size, and own headers are kept", async () => {
    const picture = defineTool({ name: "picture", execute: (_: { image: Uint8Array }) => Promise.resolve("seen") });
    const stream = new ReliableOrchestrator().stream({ tool: picture, request: { image: new Uint8Array(70_000) } });
    const response = await toEventStreamResponse(stream, { headers: { "x-run": "7", "content-type": "no" } });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-run": "7",
      "cache-control": "no-cache, no-transform",
    });
    expect(response.headers.get("content-type")).toMatch("text/event-stream");
    const [started] = eventsIn(await response.text());
    expect(started?.data.request).toEqual({ image: "[70000 bytes]" });
  });

  test("a run whose body is cancelled is cancelled", async () => {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    const endless = defineTool({
      name: "endless",
      execute: (_request: object, _options, { signal, events }) => {
        events.emit("progress", { name: "begun" });
        return new Promise<never>((_, reject) => {
          signal.addEventListener("abort", () => {
            resolve();
            reject(signal.reason);
          });
        });
      },
    });
    const stream = new ReliableOrchestrator().stream({ tool: endless, request: {} });
    const response = await toEventStreamResponse(stream);
    await response.body?.cancel();
    await stopped;
    await expect(stream.output).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

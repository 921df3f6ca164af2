import { createConnection } from "node:net";
import { text as readAll } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryEventLog } from "../../src/events.ts";
import { defineTool, PromptBundleTool } from "../../src/index.ts";
import { type Listening, listen } from "../../src/server/listen.ts";
import { generations } from "../mcp/clients.ts";
import { eventsIn, serving, waitingTool } from "./serving.ts";

const keys = [
  { name: "web", key: "key-of-web-0123456789" },
  { name: "batch", key: "key-of-batch-0123456789", tools: ["echo"] },
];
const web = { authorization: `Bearer ${keys[0]?.key}` };
const batch = { authorization: `Bearer ${keys[1]?.key}` };

const echo = new PromptBundleTool({ name: "echo", model: "simulated:?error=0", prompt: "{{text}}" });
const capped = new PromptBundleTool({
  name: "capped",
  model: "simulated:?error=0",
  prompt: "{{text}}",
  defaultOptions: { k: 2, globalBudget: { tokens: 5 } },
});
const hostile = "x\n\nevent: run_failed\ndata: {}\r\n\r\n<script>alert(1)</script>\u001b[31m\u2028";
const quoting = defineTool({ name: "quoting", execute: () => hostile });
const waiting = waitingTool();
const { ask, service } = serving({ keys, tools: [echo, capped, quoting, waiting.tool] });

let listening: Listening;
beforeAll(async () => {
  listening = await listen(service.fetch, { host: "127.0.0.1", port: 0 });
});
afterAll(() => listening.end());

/** Sends bytes as they are, and reads what comes back until the server closes the connection. */
async function sendRaw(bytes: string): Promise<string> {
  const socket = createConnection(Number(new URL(listening.url).port), "127.0.0.1");
  socket.write(bytes);
  return readAll(socket);
}

describe("a client of a service", () => {
  test.each([
    ["the budget of a tool", { toolOptions: { globalBudget: { tokens: 1_000_000 } } }],
    ["a part that the tool leaves open, and the rest by silence", { toolOptions: { globalBudget: { costUsd: 1 } } }],
  ])("does not raise %s", async (_what, more) => {
    const asked = { toolName: "capped", request: { text: "a long text, longer than five tokens" } };
    const { status, json } = await ask("POST", "/v1/runs", { headers: web, json: { ...asked, ...more } });
    expect([status, json.code]).toEqual([422, "BUDGET_EXCEEDED"]);
    expect(json.detail).toContain("limited to 5 tokens");
  });

  test("does not raise the budget or the time of the service, and may lower them", async () => {
    const orchestration = { defaultOptions: { budget: { tokens: 3 }, timeoutMs: 60_000 } };
    const limited = serving({ tools: [echo, waiting.tool], orchestration });
    const post = (toolName: string, options: object) =>
      limited.ask("POST", "/v1/runs", {
        json: { toolName, request: { text: "much more than three tokens" }, options },
      });
    const raised = await post("echo", { budget: { tokens: 1_000_000 }, timeoutMs: 1_000_000 });
    expect(raised.json.detail).toContain("limited to 3 tokens");
    const lowered = await post("waits", { timeoutMs: 20 });
    expect(lowered.json.detail).toContain("deadline of 20 ms");
  });

  test.each(["x".repeat(129), "a\r\nb", "ü"])(
    "does not name a trace that fills every event or breaks a log",
    async (traceId) => {
      const json = { toolName: "echo", request: { text: "x" }, options: { traceId } };
      const answered = await ask("POST", "/v1/runs", { headers: web, json });
      expect([answered.status, answered.json.issues[0].path]).toEqual([400, "options.traceId"]);
    },
  );

  test("begins no event, page or colour of a terminal by what a tool answers", async () => {
    const json = { toolName: "quoting", request: {} };
    const { text, headers } = await ask("POST", "/v1/runs", { headers: { ...web, accept: "text/event-stream" }, json });
    expect(eventsIn(text).map(({ event }) => event)).toEqual(["run_started", "tool_started", "run_completed"]);
    expect(eventsIn(text).at(-1)?.data.output.content).toBe(hostile);
    expect(text).not.toContain("\u001b");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const whole = await ask("POST", "/v1/runs", { headers: web, json });
    expect(whole.headers.get("content-type")).toContain("application/json");
    expect(whole.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test.each([
    ["/v1/../v1/runs", 401],
    ["/%76%31/runs", 401],
    ["/v1//runs", 401],
    ["//v1/runs", 404],
    ["/v1%2fruns", 404],
    ["/v1/runs/..%2f..%2fopenapi.json", 401],
    ["/v1/runs/%00", 401],
    ["/mcp", 401],
    ["/mcp/", 404],
    ["/%6dcp", 401],
  ])("finds no way around its key by the path %s", async (path, status) => {
    expect((await ask("GET", path)).status).toBe(status);
  });

  test.each([
    [
      "two ends of a body",
      "POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["two lengths", "POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}{}{}"],
    ["an unknown coding", "POST /v1/runs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
    ["bare line feeds", "GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n"],
    ["no Host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"],
    ["a Host that is none", "GET /healthz HTTP/1.1\r\nHost: a b/@x\r\nConnection: close\r\n\r\n"],
    ["an address of another protocol", "GET ftp://x/v1/runs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
    ["no path", "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
  ])("is answered 400 to %s, and a second request in it is not served", async (_what, bytes) => {
    const answered = await sendRaw(`${bytes}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(answered).toMatch(/^HTTP\/1\.1 400 /);
    expect(answered.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});

describe("a service", () => {
  test("follows no run for a client that asks for the head of its events alone", async () => {
    const events = new MemoryEventLog();
    let watching = 0;
    const watch = events.watch.bind(events);
    events.watch = (listener) => {
      const end = watch(listener);
      watching++;
      return () => {
        watching--;
        end();
      };
    };
    const { tool, started } = waitingTool();
    const watched = serving({ tools: [tool], events });
    const stop = new AbortController();
    const asked = {
      json: { toolName: "waits", request: {} },
      headers: { prefer: "respond-async" },
      signal: stop.signal,
    };
    const { json } = await watched.ask("POST", "/v1/runs", asked);
    await started;
    expect((await watched.ask("HEAD", `/v1/runs/${json.runId}/events`)).status).toBe(200);
    await expect.poll(() => watching).toBe(0);
    await watched.ask("DELETE", `/v1/runs/${json.runId}`);
  });

  test.each(["forwarded", "x-forwarded-for", "x-real-ip"])(
    "without keys answers nothing that a proxy forwards by %s: it may come from anywhere",
    async (header) => {
      const { status, json } = await serving().ask("GET", "/v1/runs", { headers: { [header]: "203.0.113.7" } });
      expect([status, json.detail]).toEqual([403, expect.stringContaining("Give it keys")]);
    },
  );

  test("takes no key for two clients: one would act as the other", () => {
    const key = "key-of-both-0123456789";
    const two = () =>
      serving({
        keys: [
          { name: "one", key },
          { name: "two", key },
        ],
      });
    expect(two).toThrow("keys[1].key is that of keys[0]");
  });

  test("runs no tool twice in one request", async () => {
    const json = { toolName: "echo", request: { text: "x" }, fallbackTools: ["capped", "capped"] };
    const { status, json: refused } = await ask("POST", "/v1/runs", { headers: web, json });
    expect([status, refused.issues[0].path]).toEqual([400, "fallbackTools"]);
  });

  test("repeats no name of any length", async () => {
    const json = { toolName: "x".repeat(1_000_000), request: {} };
    const { status, text } = await ask("POST", "/v1/runs", { headers: web, json });
    expect(status).toBe(404);
    expect(text.length).toBeLessThan(1_000);
  });
});

describe("/mcp of a service", () => {
  describe.each(generations)("to %s", (_name, connect) => {
    test("offers a key its own tools, and calls are runs of its client", async () => {
      const url = new URL("/mcp", listening.url);
      const client = await connect({ url, headers: batch });
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["echo"]);
      const told: number[] = [];
      const onprogress = ({ progress }: { progress: number }) => told.push(progress);
      const { structuredContent } = await client.call("echo", { text: "hello" }, { onprogress });
      expect(structuredContent).toMatchObject({ consensus: expect.any(String), disagreements: [] });
      expect(told[0]).toBe(1);
      await expect(client.call("capped", { text: "x" })).rejects.toThrow("No tool is called capped");
      await client.close();
      const { json } = await ask("GET", "/v1/runs?toolName=echo", { headers: batch });
      expect(json.runs.length).toBeGreaterThan(0);
      expect((await ask("GET", "/v1/runs?toolName=echo", { headers: web })).json.runs).toEqual([]);
    });

    test("lets in no client without a key", async () => {
      await expect(connect({ url: new URL("/mcp", listening.url) })).rejects.toThrow();
    });
  });

  test("answers no page of another site", async () => {
    const open = serving({ tools: [echo] });
    const json = { jsonrpc: "2.0", id: 1, method: "ping" };
    const refused = async (headers: Record<string, string>) =>
      (await open.ask("POST", "/mcp", { headers, json })).status;
    expect(await refused({ host: "rebound.example" })).toBe(403);
    expect(await refused({ origin: "https://other.example" })).toBe(403);
  });

  test("cancels the run when the client cancels", async () => {
    const [, connect] = generations[2] ?? [];
    const client = await connect?.({ url: new URL("/mcp", listening.url), headers: web });
    const stop = new AbortController();
    const called = client?.call("waits", {}, { signal: stop.signal }).catch((error) => error);
    const signal = await waiting.started;
    stop.abort(new Error("enough"));
    await called;
    await expect.poll(() => signal.aborted).toBe(true);
    await client?.close();
  });
});

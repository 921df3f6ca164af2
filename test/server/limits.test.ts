import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryEventLog } from "../../src/events.ts";
import { type Listening, listen } from "../../src/server/listen.ts";
import { serving, waitingTool } from "./serving.ts";

const { tool, started } = waitingTool();
const service = serving({ tools: [tool], maxRuns: 2 });
let listening: Listening;
let port: number;

beforeAll(async () => {
  // Long enough for an honest client on a busy machine.
  const times = { headersMs: 500, requestMs: 1_000 };
  listening = await listen(service.service.fetch, { host: "127.0.0.1", port: 0, times });
  port = Number(new URL(listening.url).port);
});
afterAll(() => listening.end());

/** Sends bytes, and gives what came until the connection ended. */
function exchange(...sent: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      for (const part of sent) socket.write(part);
    });
    let received = "";
    socket.on("data", (data) => {
      received += data;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
}

const isWell = async () => (await fetch(`${listening.url}/healthz`)).status === 200;

describe("a client that takes its time", () => {
  test("with its headers is cut off", async () => {
    expect(await exchange("GET /v1/runs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")).toContain("408");
    expect(await isWell()).toBe(true);
  });

  test("with its body is cut off", async () => {
    const head =
      "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    expect(await exchange(head)).not.toContain("200 OK");
    expect(await isWell()).toBe(true);
  });
});

test.each([
  ["a flood of headers", `GET / HTTP/1.1\r\nHost: localhost\r\n${"X-A: b\r\n".repeat(20_000)}\r\n`, "431"],
  ["one long header", `GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ${"b".repeat(20_000)}\r\n\r\n`, "431"],
  ["no Host", "GET /v1/runs HTTP/1.1\r\nConnection: close\r\n\r\n", "400"],
  [
    "two lengths",
    "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "400",
  ],
  ["what is not HTTP", "\u0016\u0003\u0001\r\n\r\n", "400"],
  ["a path up and away", "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "404"],
  [
    "an encoded path",
    "GET /%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "404",
  ],
  ["a null in a path", "GET /v1/runs/%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "404"],
  ["a path that is no text", "GET /v1/runs/%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "404"],
  [
    "another host by an absolute address",
    "GET http://evil.example/v1/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "403",
  ],
])("%s is refused", async (_, request, status) => {
  const received = await exchange(request);
  expect(received.split("\r\n")[0]).toContain(status);
  expect(await isWell()).toBe(true);
});

test("little is read of a body of 100 MB", async () => {
  let sent = 0;
  const piece = new Uint8Array(1024 * 1024).fill(97);
  const body = new ReadableStream({
    pull(controller) {
      sent++;
      if (sent <= 100) controller.enqueue(piece);
      else controller.close();
    },
  });
  const headers = { "content-type": "application/json" };
  const { send } = service;
  const response = await send("POST", "/v1/runs", { headers, body });
  expect(response.status).toBe(413);
  expect(sent).toBeLessThan(16);
  const announced = await fetch(`${listening.url}/v1/runs`, {
    method: "POST",
    headers,
    body: "a".repeat(9 * 1024 * 1024),
  }).catch(() => undefined);
  // On a machine that does much else, its time passes first.
  expect([413, 408, undefined]).toContain(announced?.status);
});

test.each([
  ["lists", "[".repeat(200_000)],
  ["objects", '{"a":'.repeat(200_000)],
  ["lists that end", "[".repeat(101) + "]".repeat(101)],
])("deep JSON of %s is refused", async (_, body) => {
  const headers = { "content-type": "application/json" };
  const { status, json } = await service.ask("POST", "/v1/runs", { headers, body });
  expect(status).toBe(400);
  expect(json.detail).toContain("more than 100 objects and lists inside each other");
});

test("brackets inside texts are not deep", async () => {
  const text = `\\"${"[{".repeat(1_000)}`;
  const { status } = await serving().ask("POST", "/v1/runs", { json: { toolName: "echo", request: { text } } });
  expect(status).toBe(200);
});

test("more runs than the service takes are answered 429, until one ends", async () => {
  const asked = { json: { toolName: "waits", request: {} }, headers: { prefer: "respond-async" } };
  const [first] = await Promise.all([service.ask("POST", "/v1/runs", asked), service.ask("POST", "/v1/runs", asked)]);
  await started;
  const refused = await service.ask("POST", "/v1/runs", asked);
  expect(refused).toMatchObject({ status: 429, json: { code: "BUSY" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await service.ask("DELETE", `/v1/runs/${first.json.runId}`);
  expect((await service.ask("POST", "/v1/runs", asked)).status).toBe(202);
});

test("a listener that never reads makes the service read the log no further", async () => {
  class CountingLog extends MemoryEventLog {
    reads = 0;
    override read(...given: Parameters<MemoryEventLog["read"]>) {
      this.reads++;
      return super.read(...given);
    }
  }
  const events = new CountingLog();
  const { send, ask } = serving({ events });
  const { runId } = (await ask("POST", "/v1/runs", { json: { toolName: "echo", request: { text: "x" } } })).json;
  const before = events.reads;
  const silent = await Promise.all(Array.from({ length: 20 }, () => send("GET", `/v1/runs/${runId}/events`)));
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  // One page for each, to know that there is something.
  expect(events.reads - before).toBeLessThanOrEqual(silent.length);
  const whole = await ask("GET", `/v1/runs/${runId}/events`);
  expect(whole.text).toContain("run_completed");
  await Promise.all(silent.map(({ body }) => body?.cancel()));
});

describe("a schema of a client", () => {
  const ask = (schema: object) => {
    const generic = serving({ tools: ["consensus:simulated:?error=0"] });
    const json = {
      toolName: "consensus:simulated:?error=0",
      request: { messages: [{ role: "user", content: "x" }], schema },
    };
    return generic.ask("POST", "/v1/runs", { json });
  };
  const names = Array.from({ length: 30 }, (_, at) => `d${at}`);
  const doubling = names.map((name, at) => {
    const before = { $ref: `#/$defs/d${at - 1}` };
    return [name, at === 0 ? { type: "string" } : { anyOf: [before, before] }];
  });

  test.each([
    [
      "would take long to compile",
      {
        properties: Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`property${at}`, { type: "string" }])),
      },
    ],
    ["would take 2^29 steps to check", { $ref: "#/$defs/d29", $defs: Object.fromEntries(doubling) }],
    ["leads back to itself", { anyOf: [{ items: { $ref: "#" } }, { items: { $ref: "#" } }] }],
    ["leads back by a dynamic reference", { $dynamicAnchor: "a", anyOf: [{ items: { $dynamicRef: "#a" } }] }],
  ])("that %s is refused at once", async (_, schema) => {
    expect(await ask(schema)).toMatchObject({ status: 400, json: { code: "INVALID_OPTIONS" } });
  });

  test("may define its parts once, and refer to them", async () => {
    const schema = {
      type: "object",
      properties: { a: { $ref: "#/$defs/word" }, b: { $ref: "#/$defs/word" } },
      required: ["a", "b"],
      $defs: { word: { type: "string" } },
    };
    expect((await ask(schema)).status).toBe(200);
  });
});

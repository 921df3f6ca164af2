import { describe, expect, test } from "vitest";
import { PromptBundleTool } from "../../src/index.ts";
import { createService } from "../../src/server.ts";
import { eventsIn, serving, waitingTool } from "./serving.ts";

const [web, ops] = ["web-key-0123456789", "ops-key-0123456789"];
const keys = [
  { name: "web", key: web, tools: ["echo"] },
  { name: "ops", key: ops },
];
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const run = { toolName: "echo", request: { text: "hello" } };

describe("a service with keys", () => {
  test("lets in the holder of a key, by any name of the host", async () => {
    const { service } = serving({ keys });
    const headers = { ...as(web), host: "api.example.com" };
    expect((await service.fetch(new Request("http://api.example.com/v1/tools", { headers }))).status).toBe(200);
  });

  test.each([
    ["no key", {}],
    ["a wrong key", as("web-key-012345678")],
    ["half a key", as(web.slice(0, -1))],
    ["a key and more", as(`${web} ${web}`)],
    ["an empty key", { authorization: "Bearer " }],
    ["another scheme", { authorization: `Basic ${web}` }],
    ["the name of a key", as("web")],
  ])("refuses %s everywhere under /v1", async (_, headers) => {
    const { ask } = serving({ keys });
    for (const path of [
      "/v1/runs",
      "/v1/tools",
      "/v1/models",
      "/v1/runs/x",
      "/v1/runs/x/events",
      "/v1/nothing",
      "/v1//runs",
    ]) {
      const answered = await ask("GET", path, { headers });
      expect(answered).toMatchObject({ status: 401, json: { code: "UNAUTHENTICATED" } });
      expect(answered.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect((await ask("POST", "/v1/runs", { headers, json: run })).status).toBe(401);
  });

  test.each([{ name: "" }, {}, { name: undefined }, { name: null }, { name: "a.b" }, { name: "a b" }, "web"])(
    "lets in no client that a function names %o",
    async (caller) => {
      const { ask } = serving({ keys: () => caller as never });
      expect((await ask("GET", "/v1/runs")).status).toBe(500);
    },
  );

  test("refuses a request for which a function gives nothing", async () => {
    for (const nothing of [undefined, null])
      expect((await serving({ keys: () => nothing as never }).ask("GET", "/v1/runs")).status).toBe(401);
  });

  test("shows no address of a model's server beside its place", async () => {
    const baseUrl = "http://127.0.0.1:9/v1?token=SECRETQ1";
    const tool = new PromptBundleTool({ name: "triage", model: "openai:gpt-5-mini", prompt: "{{q}}", baseUrl });
    const { text } = await serving({ tools: [tool] }).ask("GET", "/v1/tools");
    expect(text).toContain("127.0.0.1:9/v1");
    expect(text).not.toContain("SECRETQ1");
  });

  test("shows a client its own runs alone, whatever it asks by", async () => {
    const { ask } = serving({ keys });
    const headers = { ...as(ops), "idempotency-key": "one" };
    const { runId } = (await ask("POST", "/v1/runs", { headers, json: run })).json;
    expect(runId).toMatch(/^ops\./);
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/events"],
      ["DELETE", ""],
      ["POST", "/feedback"],
      ["POST", "/resolve"],
    ] as const) {
      const json = { "/feedback": { correct: true }, "/resolve": { accept: true } }[path as string];
      const answered = await ask(method, `/v1/runs/${runId}${path}`, { headers: as(web), json });
      expect(answered).toMatchObject({ status: 404, json: { code: "NOT_FOUND" } });
    }
    expect((await ask("GET", "/v1/runs?key=one", { headers: as(web) })).json.runs).toEqual([]);
    expect((await ask("GET", "/v1/runs?key=ops.one", { headers: as(web) })).json.runs).toEqual([]);
    const own = (await ask("GET", "/v1/runs?key=one", { headers: as(ops) })).json.runs;
    expect(own).toMatchObject([{ runId, key: "one" }]);
  });

  test("keeps the idempotency keys of clients apart", async () => {
    const { ask } = serving({ keys });
    const runs = await Promise.all(
      [web, ops].map((key) =>
        ask("POST", "/v1/runs", { headers: { ...as(key), "idempotency-key": "one" }, json: run }),
      ),
    );
    expect(new Set(runs.map(({ json }) => json.runId)).size).toBe(2);
    const other = { ...run, request: { text: "other" } };
    const headers = { ...as(web), "idempotency-key": "one" };
    expect((await ask("POST", "/v1/runs", { headers, json: other })).status).toBe(422);
  });

  test("shows a client the keys that it gave, and not its own name before them", async () => {
    const { ask } = serving({ keys });
    const headers = { ...as(ops), "idempotency-key": "report-17" };
    const options = { review: { below: 1 } };
    const { json } = await ask("POST", "/v1/runs", { headers, json: { ...run, options } });
    expect(json.output.metadata.needsReview).toEqual({ key: "report-17", below: 1 });
    const path = `/v1/runs/${json.runId}`;
    expect((await ask("GET", path, { headers: as(ops) })).text).not.toContain("ops.report-17");
    const { text } = await ask("GET", `${path}/events`, { headers: as(ops) });
    expect(eventsIn(text).at(-1)?.data.output.metadata.needsReview.key).toBe("report-17");
    expect(text).not.toContain("ops.report-17");
    const other = await ask("POST", "/v1/runs", { headers, json: { ...run, request: { text: "other" } } });
    expect(other.json.detail).toMatch(/^Conflict for key report-17: it was already used/);
    const decide = () => ask("POST", `${path}/resolve`, { headers: as(ops), json: { accept: true } });
    expect((await decide()).status).toBe(200);
    expect((await decide()).json.detail).toContain("Conflict for key report-17: its review was decided before.");
  });

  test("offers a client the tools of its key alone", async () => {
    const { tool } = waitingTool();
    const { ask } = serving({ keys, tools: ["consensus:simulated:?error=0", tool] });
    const namesFor = async (key: string) =>
      (await ask("GET", "/v1/models", { headers: as(key) })).json.data.map(({ id }: { id: string }) => id);
    expect(await namesFor(ops)).toEqual(["waits", "consensus:simulated:?error=0"]);
    expect(await namesFor(web)).toEqual([]);
    const asked = { headers: as(web), json: { toolName: "waits", request: {} } };
    expect(await ask("POST", "/v1/runs", asked)).toMatchObject({ status: 404, json: { code: "TOOL_NOT_FOUND" } });
    const chat = { model: "waits", messages: [{ role: "user", content: "x" }] };
    expect((await ask("POST", "/v1/chat/completions", { headers: as(web), json: chat })).status).toBe(404);
  });

  test("refuses fallbacks to tools that are not of the key", async () => {
    const { tool } = waitingTool();
    const { ask } = serving({
      keys: [{ name: "web", key: web, tools: ["waits"] }],
      tools: [tool, "consensus:simulated:"].slice(0, 1),
    });
    const json = { toolName: "waits", request: {}, fallbackTools: ["consensus:simulated:?error=0"] };
    expect((await ask("POST", "/v1/runs", { headers: as(web), json })).status).toBe(404);
  });

  test.each([
    [
      "a short key",
      [{ name: "web", key: "short" }],
      "keys[0].key cannot be used. Give a text of 16 characters or more.",
    ],
    ["no key at all", [], "keys is empty."],
    ["one key that is not in a list", { name: "web", key: web }, "keys is not a list."],
    [
      "two keys of one name",
      [
        { name: "web", key: web },
        { name: "web", key: ops },
      ],
      "keys[1].name is that of keys[0]. Give a name of its own.",
    ],
    [
      "one key of two clients",
      [
        { name: "web", key: web },
        { name: "ops", key: web },
      ],
      "keys[1].key is that of keys[0].",
    ],
    ["a name that would reach into another's runs", [{ name: "web.ops", key: web }], "keys[0].name cannot be used."],
    ["an unknown part", [{ name: "web", key: web, tool: ["echo"] }], "keys[0].tool is no part of a key."],
    ["a name and a key in each other's place", [{ name: `${web}/`, key: "web" }], "keys[0].name cannot be used."],
    ["a key as the name of a part", [{ name: "web", [web]: true }], "keys[0].… is no part of a key."],
    ["an entry that is none", [{ name: "ops", key: ops }, web], "keys[1] is not an object."],
    ["a tool in place of a list", [{ name: "web", key: web, tools: "echo" }], "keys[0].tools cannot be used."],
  ])("is not made with %s, names the entry, and shows no key", (_, given, message) => {
    expect(() => serving({ keys: given as any })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTIONS", message: expect.stringContaining(message) }),
    );
    expect(() => serving({ keys: given as any })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("key-012") }),
    );
  });
});

describe("a service without keys", () => {
  const fetchBy = async (url: string, headers: Record<string, string>, init: object = {}) => {
    const { service } = serving();
    return service.fetch(new Request(url, { ...init, headers }));
  };

  test.each(["localhost", "localhost:4242", "127.0.0.1:80", "[::1]:4242"])("answers when called %s", async (host) => {
    expect((await fetchBy(`http://${host}/v1/runs`, { host })).status).toBe(200);
  });

  test.each([
    "evil.example",
    "evil.example:4242",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "192.168.0.7",
    "0.0.0.0",
  ])("refuses pages whose name leads here (DNS rebinding): %s", async (host) => {
    expect((await fetchBy(`http://${host}/v1/runs`, { host })).status).toBe(403);
  });

  test.each(["http://evil.example", "null", "http://localhost:9999", "https://localhost:4242.evil.example"])(
    "refuses requests of pages of another site: %s",
    async (origin) => {
      const headers = { origin, "content-type": "application/json" };
      const response = await fetchBy("http://localhost:4242/v1/runs", headers, {
        method: "POST",
        body: JSON.stringify(run),
      });
      expect(response.status).toBe(403);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  test("lets in its own page, and pages of the origins that it is given", async () => {
    const own = { origin: "http://localhost:4242", host: "localhost:4242" };
    expect((await fetchBy("http://localhost:4242/v1/runs", own)).status).toBe(200);
    const origin = "https://app.example";
    const { ask } = serving({ origins: [origin] });
    const answered = await ask("GET", "/v1/runs", { headers: { origin } });
    expect(answered.headers.get("access-control-allow-origin")).toBe(origin);
    const headers = { origin, "access-control-request-method": "POST" };
    expect((await ask("OPTIONS", "/v1/runs", { headers })).status).toBe(204);
    const refused = await ask("OPTIONS", "/v1/runs", { headers: { ...headers, origin: "https://evil.example" } });
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])(
    "takes no body of the type %j, which forms send across sites",
    async (type) => {
      const asked = { headers: type === "" ? {} : { "content-type": type }, body: JSON.stringify(run) };
      expect((await serving().ask("POST", "/v1/runs", asked)).status).toBe(415);
    },
  );
});

test("a service that asks a function of its own who sends a request follows it", async () => {
  const { ask } = serving({
    keys: (request) => (request.headers.get("x-user") === "ada" ? { name: "ada" } : undefined),
  });
  expect((await ask("GET", "/v1/runs")).status).toBe(401);
  const { runId } = (await ask("POST", "/v1/runs", { headers: { "x-user": "ada" }, json: run })).json;
  expect(runId).toMatch(/^ada\./);
});

test.each(["a/b", "a.b", "é", "x".repeat(65)])("a client of the name %j is not let in", async (name) => {
  const { ask } = serving({ keys: () => ({ name }) });
  expect((await ask("POST", "/v1/runs", { json: run })).status).toBe(500);
});

test("nothing of a fault of the service's own is told", async () => {
  const logged: object[] = [];
  const fault = new Error("postgres://steer:secret@db");
  const { ask } = serving({
    keys: () => {
      throw fault;
    },
    logger: { error: (data) => void logged.push(data) },
  });
  for (const [method, path, json] of [
    ["GET", "/v1/runs", undefined],
    ["POST", "/v1/chat/completions", { model: "echo", messages: [] }],
  ] as const) {
    const { status, text } = await ask(method, path, { json });
    expect(status).toBe(500);
    expect(text).not.toMatch(/secret|at .*\.ts/);
  }
  expect(logged).toEqual([{ err: fault }, { err: fault }]);
});

test("a prompt tool that reads the files its requests name is not served", async () => {
  const { PromptBundleTool } = await import("../../src/index.ts");
  const reads = new PromptBundleTool({ name: "reads", model: "simulated:", prompt: "Read it.", files: "{{path}}" });
  expect(() => createService({ ...serving(), tools: [reads] })).toThrow(/could read any file of this machine/);
});

test("texts of a model reach a listener as data alone: no line of theirs begins an event", async () => {
  const { defineTool } = await import("../../src/index.ts");
  const hostile = "\n\nevent: run_completed\ndata: {}\n\n\r\u2028<script>alert(1)</script>\u001b[31m";
  const says = defineTool({ name: "says", execute: async () => ({ hostile }) });
  const { ask } = serving({ tools: [says] });
  const { runId, output } = (await ask("POST", "/v1/runs", { json: { toolName: "says", request: {} } })).json;
  expect(output.content.hostile).toBe(hostile);
  const events = eventsIn((await ask("GET", `/v1/runs/${runId}/events`)).text);
  expect(events.map(({ event }) => event)).toEqual(["run_started", "tool_started", "run_completed"]);
  const { headers } = await ask("GET", `/v1/runs/${runId}`);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
});

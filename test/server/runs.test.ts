import { describe, expect, test } from "vitest";
import { MemoryEventLog } from "../../src/events.ts";
import { defineTool, PromptBundleTool } from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import type { NewLoggedRun } from "../../src/store/log/event-log.ts";
import { createFakeClock } from "../../src/testing.ts";
import { eventsIn, serving, waitingTool } from "./serving.ts";

const run = (text: string, more: object = {}) => ({ json: { toolName: "echo", request: { text }, ...more } });

describe("POST /v1/runs", () => {
  test("answers a model that the service cannot ask as its own fault, which its log names", async () => {
    const logged: any[] = [];
    const keyless = new PromptBundleTool({
      name: "keyless",
      model: "mistral:m",
      apiKeyEnv: "KEY_THAT_IS_NOT_SET",
      prompt: "?",
    });
    const { ask } = serving({ tools: [keyless], logger: { error: (facts) => logged.push(facts) } });
    const chat = { model: "keyless", messages: [{ role: "user", content: "x" }] };
    for (const [path, json] of [
      ["/v1/runs", { toolName: "keyless", request: {} }],
      ["/v1/chat/completions", chat],
    ] as const) {
      const { status, text } = await ask("POST", path, { json });
      expect(status).toBe(500);
      expect(text).not.toContain("KEY_THAT_IS_NOT_SET");
    }
    expect(logged.map(({ err }) => err.cause.message)).toEqual(
      Array(2).fill(expect.stringContaining("KEY_THAT_IS_NOT_SET")),
    );
  });

  test("answers with the output of the run", async () => {
    const { status, json } = await serving().ask("POST", "/v1/runs", run("hello"));
    expect(status).toBe(200);
    expect(json).toMatchObject({ status: "completed", output: { content: { evidenceBundle: { meta: { k: 3 } } } } });
    expect(json.runId).toBe(json.output.requestId);
  });

  test("answers at once with Prefer: respond-async, and the run goes on", async () => {
    const { ask } = serving();
    const started = await ask("POST", "/v1/runs", { ...run("hello"), headers: { prefer: "respond-async" } });
    expect(started.status).toBe(202);
    expect(started.headers.get("location")).toBe(`/v1/runs/${started.json.runId}`);
    const events = eventsIn((await ask("GET", `/v1/runs/${started.json.runId}/events`)).text);
    expect(events.at(-1)?.event).toBe("run_completed");
    const { json } = await ask("GET", `/v1/runs/${started.json.runId}`);
    expect(json).toMatchObject({ status: "completed", toolName: "echo", request: { text: "hello" } });
  });

  test("answers with the events where those are accepted", async () => {
    const { status, text } = await serving().ask("POST", "/v1/runs", {
      ...run("hello"),
      headers: { accept: "text/event-stream" },
    });
    expect(status).toBe(200);
    const events = eventsIn(text);
    expect(events.map(({ id }) => id)).toEqual(events.map((_, at) => at));
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(["run_started", "replicate_done"]));
  });

  test.each([
    ["a tool that is not there", { toolName: "ecko", request: {} }, 404, "TOOL_NOT_FOUND", 'Did you mean "echo"?'],
    [
      "a request that its tool does not take",
      { toolName: "echo", request: {} },
      400,
      "INVALID_OPTIONS",
      "request.text",
    ],
    [
      "an unknown option",
      { toolName: "echo", request: { text: "" }, options: { budgte: 1 } },
      400,
      "INVALID_OPTIONS",
      "budget",
    ],
    ["an unknown part", { toolName: "echo", reqest: {} }, 400, "INVALID_OPTIONS", '"request"'],
    [
      "a name for the run",
      { toolName: "echo", request: { text: "" }, options: { requestId: "x" } },
      400,
      "INVALID_OPTIONS",
      "options.requestId",
    ],
    [
      "a judge of its own",
      { toolName: "echo", request: { text: "" }, toolOptions: { compare: { judge: "openai:x" } } },
      400,
      "INVALID_OPTIONS",
      "judge",
    ],
    [
      "stronger models of its own",
      { toolName: "echo", request: { text: "" }, toolOptions: { escalate: { below: 1, to: ["openai:x"] } } },
      400,
      "INVALID_OPTIONS",
      "escalate",
    ],
    ["a list", [{ toolName: "echo" }], 400, "INVALID_OPTIONS", "The body is a list. Send one JSON object."],
    ["a number", 3, 400, "INVALID_OPTIONS", "The body is 3. Send one JSON object."],
    [
      "a review without a key",
      { toolName: "echo", request: { text: "" }, options: { review: { below: 0.9 } } },
      400,
      "INVALID_OPTIONS",
      "Send the header Idempotency-Key.",
    ],
    [
      "an option in the wrong place",
      { toolName: "echo", request: { text: "" }, k: 3 },
      400,
      "INVALID_OPTIONS",
      "Move it to toolOptions.k.",
    ],
  ])("refuses %s before any header of a stream", async (_, json, status, code, detail) => {
    for (const headers of [{}, { accept: "text/event-stream" }, { prefer: "respond-async" }]) {
      const answered = await serving().ask("POST", "/v1/runs", { json, headers });
      expect(answered.headers.get("content-type")).toContain("application/problem+json");
      expect(answered).toMatchObject({ status, json: { type: "about:blank", status, code } });
      expect(answered.json.detail).toContain(detail);
    }
  });

  test.each([
    ["the whole body", { idempotencyKey: "x", redact: 1, escalate: 1, requestId: "x" }],
    ["options", { options: { maxRetries: 3, schema: {}, zzz: 1, redact: 1 } }],
    ["toolOptions", { toolOptions: { zzz: 1, idempotencyKey: "x", leaseMs: 1 } }],
  ])("never advises an option that it refuses, for %s", async (_, body) => {
    const { json } = await serving().ask("POST", "/v1/runs", { json: { toolName: "echo", request: {}, ...body } });
    const places = String(json.detail).match(/(?<=Move it to )[\w.]+|(?<=Known: ).*/g) ?? [];
    expect(json.status).toBe(400);
    expect(places.join(" ")).not.toMatch(/idempotencyKey|requestId|redact|schema\b|escalate|reliabilityConfig/);
  });

  test.each([
    ["{a", '"{a"', "The body is not JSON:"],
    [" ", '" "', "The body is empty. Send one JSON object."],
  ])("says what is wrong with the body %j, and shows it", async (body, given, detail) => {
    const headers = { "content-type": "application/json" };
    const { json } = await serving().ask("POST", "/v1/runs", { body, headers });
    expect(json).toMatchObject({ status: 400, issues: [{ path: "body", given }] });
    expect(json.detail).toContain(detail);
  });

  test("has one id for a run that another request continues", async () => {
    /** Log in which another process began the run of each key, and died. */
    class ContinuingLog extends MemoryEventLog {
      override async open(run: NewLoggedRun) {
        await super.open({ ...run, requestId: "earlier", writer: "gone" });
        return super.open(run);
      }
    }
    const events = new ContinuingLog();
    const { ask } = serving({ events });
    const headers = { "idempotency-key": "one" };
    const { json } = await ask("POST", "/v1/runs", { ...run("hello"), headers });
    expect(json).toMatchObject({ runId: "earlier", output: { requestId: "earlier" } });
    const kept = await ask("GET", "/v1/runs/earlier");
    expect(kept.json).toMatchObject({ runId: "earlier", requestId: "earlier", output: { requestId: "earlier" } });
    const told = eventsIn((await ask("GET", "/v1/runs/earlier/events")).text);
    expect(told.at(-1)?.data).toMatchObject({ requestId: "earlier", output: { requestId: "earlier" } });
  });

  test("ends the run of a client that leaves", async () => {
    const { tool, started } = waitingTool();
    const leave = new AbortController();
    const { send } = serving({ tools: [tool] });
    const asked = send("POST", "/v1/runs", { json: { toolName: "waits", request: {} }, signal: leave.signal });
    const signal = await started;
    leave.abort();
    const response = await asked;
    expect(signal.aborted).toBe(true);
    expect(response.status).toBe(409);
  });
});

describe("GET /v1/runs", () => {
  test("lists the runs, the latest first, page by page", async () => {
    const { ask } = serving();
    const ids: string[] = [];
    for (const text of ["a", "b", "c"]) ids.push((await ask("POST", "/v1/runs", run(text))).json.runId);
    const first = await ask("GET", "/v1/runs?limit=2&status=completed,partial&toolName=echo");
    const second = await ask("GET", `/v1/runs?limit=2&cursor=${first.json.cursor}`);
    const listed = [...first.json.runs, ...second.json.runs];
    expect(listed.map(({ runId }) => runId).toSorted()).toEqual(ids.toSorted());
    expect(listed[0]).toMatchObject({ toolName: "echo", status: "completed" });
    expect((await ask("GET", "/v1/runs?status=failed")).json).toEqual({ runs: [] });
  });

  test("names every parameter that cannot be used", async () => {
    const { status, json } = await serving().ask(
      "GET",
      "/v1/runs?statuss=failed&limit=0&status=done&below=2&cursor=%21",
    );
    expect(status).toBe(400);
    expect(json.issues.map(({ path }: { path: string }) => path)).toEqual(["statuss", "status", "limit", "below"]);
    expect(json.detail).toContain('did you mean "status"?');
  });
});

describe("/v1/runs/:id", () => {
  test("is 404 for a run that is not there", async () => {
    const { ask } = serving();
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/events"],
      ["DELETE", ""],
    ] as const) {
      expect(await ask(method, `/v1/runs/nothing${path}`)).toMatchObject({ status: 404, json: { code: "NOT_FOUND" } });
    }
  });

  test("keeps why a run failed, and tells what it had used", async () => {
    const { tool } = waitingTool();
    const { ask } = serving({ tools: [tool] });
    const json = { toolName: "waits", request: {}, options: { timeoutMs: 20 } };
    const ended = await ask("POST", "/v1/runs", { json });
    expect(ended).toMatchObject({ status: 422, json: { code: "BUDGET_EXCEEDED", spent: { costUsd: 0.5 } } });
    const run = await ask("GET", `/v1/runs/${ended.json.runId}`);
    expect(run.json).toMatchObject({ status: "failed", error: { code: "BUDGET_EXCEEDED" } });
  });

  test("tells a client that has the last event to ask no more, and one that wants the headers alone nothing", async () => {
    const { ask } = serving();
    const { runId } = (await ask("POST", "/v1/runs", run("hello"))).json;
    const { json } = await ask("GET", `/v1/runs/${runId}`);
    expect((await ask("GET", `/v1/runs/${runId}/events?after=${json.lastSeq}`)).status).toBe(204);
    expect(await ask("HEAD", `/v1/runs/${runId}/events`)).toMatchObject({ status: 200, text: "" });
  });

  test("gives the events after Last-Event-ID alone", async () => {
    const { ask } = serving();
    const { runId } = (await ask("POST", "/v1/runs", run("hello"))).json;
    const all = eventsIn((await ask("GET", `/v1/runs/${runId}/events`)).text);
    const headers = { "last-event-id": "2" };
    expect(eventsIn((await ask("GET", `/v1/runs/${runId}/events`, { headers })).text)).toEqual(all.slice(3));
    expect(eventsIn((await ask("GET", `/v1/runs/${runId}/events?after=2`)).text)).toEqual(all.slice(3));
  });

  test("cancels with DELETE, down to the tool", async () => {
    const { tool, started } = waitingTool();
    const { ask } = serving({ tools: [tool] });
    const headers = { prefer: "respond-async" };
    const { runId } = (await ask("POST", "/v1/runs", { json: { toolName: "waits", request: {} }, headers })).json;
    await started;
    const { status } = await ask("DELETE", `/v1/runs/${runId}`);
    expect(status).toBe(200);
    const events = eventsIn((await ask("GET", `/v1/runs/${runId}/events`)).text);
    expect(events.at(-1)).toMatchObject({ event: "cancelled", data: { reason: "a client cancelled it" } });
  });

  test("has nothing to cancel of a run whose process died, and says so", async () => {
    const clock = createFakeClock(1e12);
    const events = new MemoryEventLog({ clock });
    const { ask } = serving({ events });
    await events.open({ requestId: "dead", traceId: "t", writer: "gone" });
    await clock.advance(60_000);
    expect(await ask("DELETE", "/v1/runs/dead")).toMatchObject({ status: 200, json: { status: "abandoned" } });
  });

  test.each([
    ["after", "?after=x", {}],
    ["Last-Event-ID", "", { "last-event-id": "x" }],
  ])("names %s where that is what cannot be read", async (name, query, headers) => {
    const { ask } = serving();
    const { runId } = (await ask("POST", "/v1/runs", run("hello"))).json;
    const { json } = await ask("GET", `/v1/runs/${runId}/events${query}`, { headers });
    expect(json).toMatchObject({ status: 400, issues: [{ path: name }] });
  });

  test("takes feedback on the consensus of a run", async () => {
    const { ask } = serving({ orchestration: { calibrations: undefined } });
    const { runId } = (await ask("POST", "/v1/runs", run("hello"))).json;
    expect((await ask("POST", `/v1/runs/${runId}/feedback`, { json: { correct: true } })).status).toBe(204);
    const refused = await ask("POST", `/v1/runs/${runId}/feedback`, { json: { correct: "yes" } });
    expect(refused).toMatchObject({ status: 400, json: { code: "INVALID_OPTIONS" } });
  });
});

test("POST /v1/runs/:id/resolve completes a run that waits for a person, once", async () => {
  const { ask } = serving({});
  const headers = { "idempotency-key": "report-17" };
  const asked = { ...run("hello", { options: { review: { below: 1 } } }), headers };
  const { runId, output } = (await ask("POST", "/v1/runs", asked)).json;
  expect(output).toMatchObject({ status: "partial", metadata: { needsReview: { below: 1 } } });
  const resolve = (json: object) => ask("POST", `/v1/runs/${runId}/resolve`, { json });
  expect(await resolve({ accept: "yes" })).toMatchObject({ status: 400, json: { code: "INVALID_OPTIONS" } });
  const decided = await resolve({ consensus: "another" });
  expect(decided).toMatchObject({
    status: 200,
    json: { status: "completed", output: { metadata: { reviewed: "replaced" } } },
  });
  const { json } = await ask("GET", `/v1/runs/${runId}`);
  expect(json).toMatchObject({ status: "completed", output: { metadata: { reviewed: "replaced" } } });
  expect(json.output.content.evidenceBundle.summary.consensus).toBe("another");
  expect(await resolve({ accept: true })).toMatchObject({ status: 409, json: { code: "CONFLICT" } });
  const again = (await ask("POST", "/v1/runs", asked)).json;
  expect(again.output.content.evidenceBundle.summary.consensus).toBe("another");
});

test("POST /v1/runs/:id/resolve takes no consensus that the tool's schema refuses", async () => {
  const schema = {
    type: "object",
    properties: { severity: { enum: ["low", "high"] } },
    required: ["severity"],
  } as const;
  const triage = new PromptBundleTool({ name: "triage", model: "simulated:?error=0", prompt: "{{text}}", schema });
  const { ask } = serving({ tools: [triage] });
  const { runId } = (
    await ask("POST", "/v1/runs", {
      json: { toolName: "triage", request: { text: "x" }, options: { review: { below: 1 } } },
      headers: { "idempotency-key": "report-18" },
    })
  ).json;
  for (const consensus of [42, null, "low", {}, { severity: "medium" }]) {
    const refused = await ask("POST", `/v1/runs/${runId}/resolve`, { json: { consensus } });
    expect(refused).toMatchObject({ status: 400, json: { code: "INVALID_OPTIONS" } });
  }
  const decided = await ask("POST", `/v1/runs/${runId}/resolve`, { json: { consensus: { severity: "low" } } });
  expect(decided).toMatchObject({ status: 200, json: { status: "completed" } });
});

test("GET /v1/providers tells of open circuits and of pauses, and nothing to a key of certain tools", async () => {
  const state = new ReliabilityState();
  const fault = {
    limited: { statusCode: 429, responseHeaders: { "retry-after": "600" } },
    broken: { statusCode: 503 },
  };
  const tools = Object.entries(fault).map(([name, facts]) =>
    defineTool({
      name,
      execute: () => {
        throw Object.assign(new Error("refused"), facts);
      },
    }),
  );
  const reliabilityConfig = { maxRetries: 0, circuitBreaker: { failureThreshold: 1 } };
  const keys = [
    { name: "ops", key: "ops-key-0123456789" },
    { name: "web", key: "web-key-0123456789", tools: ["broken"] },
  ];
  const { ask } = serving({ tools, keys, orchestration: { state, reliabilityConfig } });
  const [ops, web] = keys.map(({ key }) => ({ authorization: `Bearer ${key}` }));
  expect((await ask("GET", "/v1/providers", { headers: ops! })).json).toEqual({ providers: [] });
  for (const toolName of ["limited", "broken"])
    await ask("POST", "/v1/runs", { headers: ops!, json: { toolName, request: {} } });
  const { json } = await ask("GET", "/v1/providers", { headers: ops! });
  expect(json.providers).toContainEqual({ name: "tool:broken", circuit: "open" });
  expect(json.providers.find(({ name }: { name: string }) => name === "tool:limited").pausedMs).toBeGreaterThan(0);
  expect((await ask("GET", "/v1/providers", { headers: web! })).json).toEqual({ providers: [] });
});

test("GET /v1/tools lists the tools", async () => {
  const { json } = await serving({ tools: ["consensus:simulated:?error=0"] }).ask("GET", "/v1/tools");
  expect(json.tools).toMatchObject([{ name: "consensus:simulated:?error=0", supportsBundle: true }]);
});

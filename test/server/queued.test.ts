import { afterAll, afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { MemoryEventLog, PostgresEventLog } from "../../src/events.ts";
import { createRegistry, defineTool, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { pgBossQueue } from "../../src/queue/pg-boss.ts";
import { createFleet, MemoryQueue, type QueueWorker, type RunQueue } from "../../src/queue.ts";
import { RetryableError } from "../../src/reliability.ts";
import type { EventLog } from "../../src/store/log/event-log.ts";
import type { RunStore } from "../../src/store/store.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { PostgresStore } from "../../src/stores/postgres.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";
import { eventsIn, serving } from "./serving.ts";

/** Part of one process in the place that all of them share. */
interface Place {
  readonly queue: RunQueue;
  readonly store: RunStore & { close(): Promise<void> };
  readonly events: EventLog;
}

const database = postgresUrl ? await createTestDatabase() : undefined;
afterAll(() => database?.drop());

const memory = { store: new MemoryStore(), events: new MemoryEventLog() };
const places: readonly (readonly [string, () => Place])[] = [
  ["memory", () => ({ ...memory, queue: memoryQueue })],
  ...(database
    ? [
        [
          "Postgres",
          () => {
            const address = { connectionString: database.url };
            const [queue, store, events] = [
              pgBossQueue(address),
              new PostgresStore(address),
              new PostgresEventLog(address),
            ];
            opened.push(queue, store, events);
            return { queue, store, events };
          },
        ] as const,
      ]
    : []),
];
const memoryQueue = new MemoryQueue();
const opened: { close(): Promise<void> }[] = [];
const workers: QueueWorker[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.drain(0))));
afterAll(() => Promise.all(opened.map((part) => part.close())));

let count = 0;
const fresh = (name: string) => `${name}-${count++}`;

describe.each(places)("a service whose runs go through a queue, over %s", (_, open) => {
  const served = open();
  const working = open();

  /** A service, and a worker of its tools that is started when it is asked for. */
  function fleetOf(tools: readonly any[], settings: object = {}) {
    const orchestration = { store: served.store, registry: createRegistry(tools) };
    const service = serving({ tools, events: served.events, queue: served.queue, orchestration, ...settings });
    const { store, events, queue } = working;
    // A job is tried again at once where its run makes no retries itself.
    const reliabilityConfig = { maxRetries: 0 };
    const orchestrator = new ReliableOrchestrator({
      store,
      events,
      reliabilityConfig,
      registry: createRegistry(tools),
    });
    const work = async () => void workers.push(await createFleet({ queue, orchestrator }).work({ concurrency: 4 }));
    return { ...service, work };
  }

  function triageTool() {
    return new PromptBundleTool({
      name: fresh("triage"),
      model: scriptedModel(() => ({ text: '{"severity":"high"}' })),
      prompt: "{{report}}",
      schema: z.object({ severity: z.enum(["low", "high"]) }),
      defaultOptions: { k: 3, stopping: "none" },
    });
  }

  /** A tool that goes on until its run is ended. */
  function endlessTool() {
    const started = Promise.withResolvers<AbortSignal>();
    const tool = defineTool({
      name: fresh("endless"),
      execute: (_request: unknown, _options, { signal }) => {
        started.resolve(signal);
        return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    return { tool, started: started.promise };
  }

  const respondAsync = { prefer: "respond-async" };
  const report = { report: "It crashes" };
  const seqs = (events: readonly { readonly id: number }[]) => events.map(({ id }) => id);

  test("answers what a worker has run, by runs and by chat completions", async () => {
    const triage = triageTool();
    const { ask, work } = fleetOf([triage]);
    await work();
    const ran = await ask("POST", "/v1/runs", { json: { toolName: triage.name, request: report } });
    expect(ran).toMatchObject({ status: 200, json: { status: "completed", output: { status: "completed" } } });
    const run = await ask("GET", `/v1/runs/${ran.json.runId}`);
    expect(run.json).toMatchObject({ status: "completed", toolName: triage.name, request: report });
    expect(run.json).not.toHaveProperty("key");
    const messages = [{ role: "user", content: "It crashes" }];
    const chat = await ask("POST", "/v1/chat/completions", { json: { model: triage.name, messages } });
    expect(chat.json.choices[0].message.content).toBe('{"severity":"high"}');
  });

  test("a run that waits is found, listed and followed, from its first event to its last", async () => {
    const triage = triageTool();
    const { ask, work } = fleetOf([triage]);
    const asked = { headers: respondAsync, json: { toolName: triage.name, request: report } };
    const { status, json } = await ask("POST", "/v1/runs", asked);
    expect(status).toBe(202);
    const path = `/v1/runs/${json.runId}`;
    expect((await ask("GET", path)).json).toMatchObject({ status: "running", toolName: triage.name, lastSeq: -1 });
    const listed = await ask("GET", `/v1/runs?toolName=${triage.name}&status=running`);
    expect(listed.json.runs).toMatchObject([{ runId: json.runId }]);
    const followed = ask("GET", `${path}/events`);
    await work();
    const events = eventsIn((await followed).text);
    expect(seqs(events)).toEqual(events.map((_, at) => at));
    expect(events.at(-1)?.event).toBe("run_completed");
    expect((await ask("GET", path)).json).toMatchObject({ status: "completed" });
  });

  test("a job that is tried again is one run, without an end before its last try", async () => {
    let tries = 0;
    const shaky = defineTool({
      name: fresh("shaky"),
      execute: async () => {
        if (++tries === 1) throw Object.assign(new RetryableError("later", { retryAfterMs: 50 }), { status: 429 });
        return "fine";
      },
    });
    const { ask, work } = fleetOf([shaky]);
    await work();
    const asked = { headers: { accept: "text/event-stream" }, json: { toolName: shaky.name, request: {} } };
    const events = eventsIn((await ask("POST", "/v1/runs", asked)).text);
    expect(seqs(events)).toEqual(events.map((_, at) => at));
    const types = events.map(({ event }) => event);
    expect(types.filter((type) => type === "run_started")).toHaveLength(2);
    expect(types).not.toContain("run_failed");
    expect(types.at(-1)).toBe("run_completed");
    const { runs } = (await ask("GET", `/v1/runs?toolName=${shaky.name}`)).json;
    expect(runs).toMatchObject([{ status: "completed" }]);
  });

  test("requests of one key are one run; a later one gets its output, and another request of the key a 422", async () => {
    let executions = 0;
    const counting = defineTool({ name: fresh("counting"), execute: async () => ++executions });
    const [one, other] = [fleetOf([counting]), fleetOf([counting])];
    const asked = {
      headers: { "idempotency-key": fresh("order") },
      json: { toolName: counting.name, request: { at: 1 } },
    };
    const post = ({ ask }: typeof one, more: object = {}) =>
      ask("POST", "/v1/runs", { ...asked, headers: { ...asked.headers, ...more } });
    const put = await Promise.all([one, other, one].map((service) => post(service, respondAsync)));
    const ids = new Set(put.map(({ json }) => json.runId));
    expect(ids.size).toBe(1);
    const waiting = [one, other].map((service) => post(service));
    await one.work();
    for (const { json } of await Promise.all(waiting))
      expect(json).toMatchObject({ runId: [...ids][0], output: { content: 1 } });
    expect((await post(other)).json).toMatchObject({ runId: [...ids][0], output: { metadata: { replayed: true } } });
    const different = { ...asked, json: { toolName: counting.name, request: { at: 2 } } };
    expect(await one.ask("POST", "/v1/runs", different)).toMatchObject({ status: 422, json: { code: "CONFLICT" } });
    expect(executions).toBe(1);
  });

  test("another request of a key that waits is a 422, and leaves no run", async () => {
    const triage = triageTool();
    const { ask } = fleetOf([triage]);
    const headers = { ...respondAsync, "idempotency-key": fresh("key") };
    const post = (text: string) =>
      ask("POST", "/v1/runs", { headers, json: { toolName: triage.name, request: { report: text } } });
    const { runId } = (await post("one")).json;
    expect(await post("another")).toMatchObject({ status: 422, json: { code: "CONFLICT" } });
    expect((await ask("GET", `/v1/runs?toolName=${triage.name}`)).json.runs).toMatchObject([{ runId }]);
  });

  test("cancels a run that waits, and one that goes on, from any service", async () => {
    const { tool, started } = endlessTool();
    const [one, other] = [fleetOf([tool]), fleetOf([tool])];
    const start = async () => {
      const asked = { headers: respondAsync, json: { toolName: tool.name, request: {} } };
      return `/v1/runs/${(await one.ask("POST", "/v1/runs", asked)).json.runId}`;
    };
    const waiting = await start();
    expect(await other.ask("DELETE", waiting)).toMatchObject({ status: 200, json: { status: "cancelled" } });
    expect(await served.queue.stats()).toMatchObject({ waiting: expect.any(Number) });
    const running = await start();
    await one.work();
    const signal = await started;
    expect(await other.ask("DELETE", running)).toMatchObject({ status: 200, json: { status: "cancelled" } });
    expect(signal.aborted).toBe(true);
  });

  test("a client that leaves ends its run where no other one waits for it", async () => {
    const { tool, started } = endlessTool();
    const { ask, send, work } = fleetOf([tool]);
    await work();
    const headers = { "idempotency-key": fresh("key"), accept: "text/event-stream" };
    const clients = [new AbortController(), new AbortController()];
    for (const { signal } of clients)
      await send("POST", "/v1/runs", { headers, json: { toolName: tool.name, request: {} }, signal });
    const signal = await started;
    clients[0]?.abort();
    await expect.poll(async () => (await ask("GET", `/v1/runs?toolName=${tool.name}`)).json.runs).toHaveLength(1);
    expect(signal.aborted).toBe(false);
    clients[1]?.abort();
    await expect.poll(() => signal.aborted).toBe(true);
    await expect
      .poll(async () => (await ask("GET", `/v1/runs?toolName=${tool.name}&status=cancelled`)).json.runs)
      .toHaveLength(1);
    const { runs } = (await ask("GET", `/v1/runs?toolName=${tool.name}`)).json;
    expect(runs).toMatchObject([{ status: "cancelled" }]);
  });

  test("refuses at once what no worker could run, and tells a dead job as a failed run", async () => {
    const dying = defineTool({
      name: fresh("dying"),
      execute: async () => {
        throw Object.assign(new Error("wrong key"), { status: 401 });
      },
    });
    const triage = triageTool();
    const { ask, work } = fleetOf([dying, triage]);
    await work();
    const post = (json: object) => ask("POST", "/v1/runs", { json });
    const request = report;
    expect(await post({ toolName: triage.name, request, toolOptions: { kk: 3 } })).toMatchObject({ status: 400 });
    expect(await post({ toolName: triage.name, request, fallbackTools: [dying.name] })).toMatchObject({
      status: 400,
      json: { issues: [{ path: "fallbackTools" }] },
    });
    expect(await post({ toolName: triage.name, request: {} })).toMatchObject({
      status: 400,
      json: { code: "INVALID_OPTIONS", detail: expect.stringContaining("report") },
    });
    expect(await post({ toolName: dying.name, request })).toMatchObject({
      status: 200,
      json: { status: "failed", output: { errors: { [dying.name]: { category: "authentication" } } } },
    });
  });

  test("a service that ends lets go of its runs, and they come to their end", async () => {
    const triage = triageTool();
    const first = fleetOf([triage]);
    const json = { toolName: triage.name, request: report };
    const waiting = first.ask("POST", "/v1/runs", { json });
    const { runId } = (await first.ask("POST", "/v1/runs", { headers: respondAsync, json })).json;
    await expect
      .poll(async () => (await first.ask("GET", `/v1/runs?toolName=${triage.name}`)).json.runs)
      .toHaveLength(2);
    expect(await first.service.close(50)).toEqual({ cutOff: 0 });
    expect(await waiting).toMatchObject({ status: 503, json: { code: "CLOSING" } });
    const second = fleetOf([triage]);
    await second.work();
    const events = eventsIn((await second.ask("GET", `/v1/runs/${runId}/events`)).text);
    expect(events.at(-1)?.event).toBe("run_completed");
  });
});

test("a run whose job has left the queue without its worker gets its end", async () => {
  const clock = createFakeClock();
  const [queue, store, events] = [new MemoryQueue(), new MemoryStore(), new MemoryEventLog()];
  const tool = defineTool({ name: "gone", execute: async () => 1 });
  const { ask } = serving({ tools: [tool], events, queue, clock, orchestration: { store } });
  const { runId } = (
    await ask("POST", "/v1/runs", { headers: { prefer: "respond-async" }, json: { toolName: "gone" } })
  ).json;
  const [{ key = "" } = {}] = (await events.list()).runs;
  await queue.cancel(key);
  for (const ms of [2_000, 3_000]) await clock.advance(ms);
  await expect.poll(async () => (await ask("GET", `/v1/runs/${runId}`)).json.status).toBe("cancelled");
});

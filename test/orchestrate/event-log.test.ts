import { expect, test } from "vitest";
import { type EventLog, MemoryEventLog, streamRun } from "../../src/events.ts";
import {
  defineTool,
  type OrchestrationEvent,
  type OrchestrationStream,
  PromptBundleTool,
  ReliableOrchestrator,
  StoreError,
  toEventStreamResponse,
} from "../../src/index.ts";
import { ReliabilityState, type RunStore } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";
import { storeWith } from "./store-with.ts";

const high = { object: { severity: "high" } };
const options = { idempotencyKey: "key" };
const request = { report: "It crashes." };

function triage(model = scriptedModel(() => high)) {
  return new PromptBundleTool({
    name: "triage",
    model,
    prompt: "{{report}}",
    schema: { type: "object", properties: { severity: { type: "string" } }, required: ["severity"] },
    defaultOptions: { k: 3 },
  });
}

/** A tool that says that it works, and answers when it is let. */
function held() {
  const gate = Promise.withResolvers<void>();
  const tool = defineTool({
    name: "held",
    execute: async (_request: object, _options, { events, signal }) => {
      events.emit("progress", { name: "begun" });
      await Promise.race([gate.promise, new Promise((_, reject) => signal.addEventListener("abort", reject))]);
      events.emit("progress", { name: "nearly done" });
      return "done";
    },
  });
  return { tool, letGo: gate.resolve };
}

async function eventsOf(stream: Pick<OrchestrationStream, typeof Symbol.asyncIterator>): Promise<OrchestrationEvent[]> {
  const events: OrchestrationEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const typesOf = (events: readonly OrchestrationEvent[]) => events.map(({ type }) => type);
const seqsOf = (events: readonly OrchestrationEvent[]) => events.map(({ seq }) => seq);

test("a log has every event that a listener heard, by the run's request id, and its request and output", async () => {
  const events = new MemoryEventLog();
  const heard: OrchestrationEvent[] = [];
  const output = await new ReliableOrchestrator({ events }).run({
    tool: triage(),
    request,
    options: { requestId: "run" },
    onEvent: (event) => heard.push(event),
  });
  const logged = await eventsOf(streamRun(events, "run"));
  const withoutDistances = (event: object) =>
    JSON.parse(JSON.stringify(event, (name, value) => (name === "pairwiseDistance" ? null : value)));
  expect(logged).toEqual(heard.map(withoutDistances));
  expect(await events.find("run")).toMatchObject({
    toolName: "triage",
    status: "completed",
    lastSeq: heard.length - 1,
    confidence: heard
      .map((event) => (event.type === "bundle_ready" ? event.evidenceBundle.summary.confidence : 0))
      .at(-2),
    costUsd: output.costUsd,
    request,
    output: withoutDistances(output),
  });
});

test("a second caller of a key in flight hears all events, whichever came before it", async () => {
  const events = new MemoryEventLog();
  const orchestrator = new ReliableOrchestrator({ events, state: new ReliabilityState() });
  const { tool, letGo } = held();
  const first = orchestrator.stream({ tool, request, options });
  const firstEvents = eventsOf(first);
  await expect.poll(async () => (await events.list()).runs[0]?.lastSeq).toBe(2);
  const second = eventsOf(orchestrator.stream({ tool, request, options }));
  letGo();
  expect(typesOf(await second)).toEqual(typesOf(await firstEvents));
  expect(seqsOf(await second)).toEqual(seqsOf(await firstEvents));
  expect((await events.list()).runs).toHaveLength(1);
});

/** Orchestrators as two processes have them: they share a store and a log, and no state. */
function twoProcesses(
  settings: { store?: MemoryStore; events?: EventLog; clock?: ReturnType<typeof createFakeClock> } = {},
) {
  const { store = new MemoryStore(), events = new MemoryEventLog(), clock } = settings;
  const process = () => new ReliableOrchestrator({ store, events, clock, state: new ReliabilityState({ clock }) });
  return { store, events, one: process(), other: process() };
}

test("a caller in another process hears all events of the run of its key", async () => {
  const { events, one, other } = twoProcesses();
  const { tool, letGo } = held();
  const first = eventsOf(one.stream({ tool, request, options }));
  await expect.poll(async () => (await events.list()).runs[0]?.lastSeq).toBe(2);
  const stream = other.stream({ tool, request, options });
  const heard: OrchestrationEvent[] = [];
  for await (const event of stream) {
    heard.push(event);
    if (event.type === "progress" && event.name === "begun") letGo();
  }
  expect(typesOf(heard)).toEqual(typesOf(await first));
  expect((await stream.output).content).toBe("done");
});

test("a stream of a key that was settled before tells the whole run, and asks no model", async () => {
  const { one, other } = twoProcesses();
  const model = scriptedModel(() => high);
  const tool = triage(model);
  const first = await eventsOf(one.stream({ tool, request, options }));
  const again = await eventsOf(other.stream({ tool, request, options }));
  expect(typesOf(again)).toEqual(typesOf(first));
  expect(model.calls).toHaveLength(2);
});

test("a run whose first caller leaves goes on in the log for the caller who stays", async () => {
  const events = new MemoryEventLog();
  const orchestrator = new ReliableOrchestrator({ events, state: new ReliabilityState() });
  const { tool, letGo } = held();
  const first = orchestrator.stream({ tool, request, options });
  await expect.poll(async () => (await events.list()).runs[0]?.lastSeq).toBe(2);
  const second = orchestrator.run({ tool, request, options });
  await new Promise((resolve) => setImmediate(resolve));
  first.cancel();
  letGo();
  await second;
  await expect.poll(async () => (await events.list()).runs[0]?.status).toBe("completed");
  const { runs } = await events.list();
  const logged = await eventsOf(streamRun(events, runs[0]?.runId ?? ""));
  expect(typesOf(logged)).toEqual(["run_started", "tool_started", "progress", "progress", "run_completed"]);
  expect(seqsOf(logged)).toEqual([0, 1, 2, 3, 4]);
});

test("a run that another process resumes goes on under its id, without a gap, and the dead one writes nothing more", async () => {
  const clock = createFakeClock();
  const { store, events, other } = twoProcesses({
    store: new MemoryStore({ clock }),
    events: new MemoryEventLog({ clock }),
    clock,
  });
  let isDead = false;
  const dying = storeWith((inner) => {
    const whileAlive =
      (method: keyof RunStore) =>
      (...given: unknown[]) =>
        isDead ? new Promise<any>(() => {}) : (inner[method] as any)(...given);
    return { renew: whileAlive("renew"), settle: whileAlive("settle"), release: whileAlive("release") };
  }, store);
  const dead = new ReliableOrchestrator({ store: dying, events, clock, state: new ReliabilityState({ clock }) });
  const { tool, letGo } = held();
  void dead.run({ tool, request, options: { ...options, requestId: "first" } }).catch(() => {});
  await expect.poll(async () => (await events.list()).runs[0]?.lastSeq).toBe(2);
  isDead = true;
  const heard: OrchestrationEvent[] = [];
  const onEvent = (event: OrchestrationEvent) => void heard.push(event);
  const resumed = other.run({ tool, request, options: { ...options, requestId: "second" }, onEvent });
  // What the dead one did is told to the caller who waits for its lease, and stands in the log once.
  await expect.poll(() => typesOf(heard)).toEqual(["run_started", "tool_started", "progress"]);
  await clock.advance(31_000);
  letGo();
  await expect.poll(async () => (await events.list()).runs[0]?.status).toBe("completed");
  await resumed;
  const logged = await eventsOf(streamRun(events, "first"));
  expect(seqsOf(logged)).toEqual(logged.map((_, index) => index));
  const attempt = ["run_started", "tool_started", "progress"];
  expect(typesOf(logged)).toEqual([...attempt, ...attempt, "progress", "run_completed"]);
  expect((await events.list()).runs).toHaveLength(1);
  // A caller who waited for the lease hears the rest once, from its own run and not from the log as well.
  await clock.advance(5_000);
  expect(typesOf(heard)).toEqual([...attempt, "tool_started", "progress", "progress", "run_completed"]);
});

test("a run that was settled, and whose process died before the log had its end, ends with the next call of its key", async () => {
  const clock = createFakeClock();
  const log = new MemoryEventLog({ clock });
  const { store, other } = twoProcesses({ store: new MemoryStore({ clock }), events: log, clock });
  const events: EventLog = new Proxy(log, {
    get: (target: any, name) =>
      name === "append"
        ? async (batches: any) =>
            batches.some(({ facts }: any) => facts.status !== "running") ? new Promise(() => {}) : log.append(batches)
        : target[name].bind(target),
  });
  const tool = triage();
  const dead = new ReliableOrchestrator({ store, events, clock, state: new ReliabilityState({ clock }) });
  const first = dead.run({ tool, request, options: { ...options, requestId: "first" } });
  await clock.advance(1_001);
  await first;
  await clock.advance(31_000);
  expect((await log.find("first"))?.status).toBe("abandoned");
  expect((await other.run({ tool, request, options })).metadata.replayed).toBe(true);
  expect((await log.find("first"))?.status).toBe("completed");
  const logged = await eventsOf(streamRun(log, "first"));
  expect(seqsOf(logged)).toEqual(logged.map((_, index) => index));
});

test("a client that reconnects gets what came after its last event, and a 204 once it has them all", async () => {
  const events = new MemoryEventLog();
  await new ReliableOrchestrator({ events }).run({ tool: triage(), request, options: { requestId: "run" } });
  const last = (await events.find("run"))?.lastSeq as number;
  const idsAfter = async (afterSeq: number) => {
    const text = await (await toEventStreamResponse(streamRun(events, "run", { afterSeq }))).text();
    return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  };
  expect(await idsAfter(-1)).toEqual(Array.from({ length: last + 1 }, (_, seq) => seq));
  expect(await idsAfter(last - 2)).toEqual([last - 1, last]);
  expect((await toEventStreamResponse(streamRun(events, "run", { afterSeq: last }))).status).toBe(204);
  await expect(toEventStreamResponse(streamRun(events, "unknown"))).rejects.toThrow("no run unknown");
});

test("a run that failed answers its listeners with its events, as one that was accepted", async () => {
  const events = new MemoryEventLog();
  const controller = new AbortController();
  controller.abort("enough");
  const run = new ReliableOrchestrator({ events }).run({
    tool: triage(),
    request,
    options: { requestId: "run" },
    signal: controller.signal,
  });
  await expect(run).rejects.toThrow("enough");
  const response = await toEventStreamResponse(streamRun(events, "run"));
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("event: cancelled");
});

test("redact sees an event before it is kept", async () => {
  const events = new MemoryEventLog();
  const redact = (event: OrchestrationEvent) => JSON.parse(JSON.stringify(event).replaceAll("crashes", "…"));
  await new ReliableOrchestrator({ events }).run({ tool: triage(), request, options: { requestId: "run", redact } });
  expect(JSON.stringify(await eventsOf(streamRun(events, "run")))).not.toContain("crashes");
  expect((await events.find("run"))?.request).toEqual({ report: "It …." });
});

test("a run is listed as retrying while a call of it waits for another attempt", async () => {
  const clock = createFakeClock();
  const events = new MemoryEventLog({ clock });
  let calls = 0;
  const model = scriptedModel(() => (calls++ === 0 ? { status: 503 } : high));
  const orchestrator = new ReliableOrchestrator({ events, clock, state: new ReliabilityState({ clock }) });
  const run = orchestrator.run({ tool: triage(model), request });
  await expect.poll(async () => (await events.list({ status: "retrying" })).runs).toHaveLength(1);
  await clock.advance(10_000);
  await run;
  expect((await events.list({ status: "retrying" })).runs).toHaveLength(0);
  expect((await events.list({ status: "completed", toolName: "triage" })).runs).toHaveLength(1);
});

const refusing = (methods: Partial<EventLog>): EventLog =>
  new Proxy(new MemoryEventLog(), {
    get: (log: any, name) => methods[name as keyof EventLog] ?? log[name].bind(log),
  });
const full = new StoreError({
  store: "test",
  operation: "append",
  reason: "full",
  what: "no space",
  advice: "Free some.",
});

test.each(["open", "append"] as const)(
  "a log that refuses to %s is a warning, and no failure of the run",
  async (method) => {
    const events = refusing({ [method]: () => Promise.reject(full) });
    const heard: OrchestrationEvent[] = [];
    const { tool, letGo } = held();
    const run = new ReliableOrchestrator({ events }).run({ tool, request, onEvent: (event) => heard.push(event) });
    await expect.poll(() => heard.filter(({ type }) => type === "warning")).toHaveLength(1);
    letGo();
    expect((await run).status).toBe("completed");
    expect(heard.find((event) => event.type === "warning")).toMatchObject({ code: "event_log_failed" });
  },
);

test("a log that is away for a while has every event once it is back, each once", async () => {
  const clock = createFakeClock();
  const log = new MemoryEventLog({ clock });
  const away = new StoreError({
    store: "test",
    operation: "append",
    reason: "unavailable",
    what: "gone",
    advice: "Wait.",
  });
  let [isAway, isAnswerLost] = [true, true];
  const events = refusing({
    open: async (run) => {
      if (isAway) throw away;
      return log.open(run);
    },
    append: async (batches) => {
      if (isAway) throw away;
      const refused = await log.append(batches);
      if (!isAnswerLost) return refused;
      isAnswerLost = false;
      throw away;
    },
  });
  const heard: OrchestrationEvent[] = [];
  const run = new ReliableOrchestrator({ events, clock, state: new ReliabilityState({ clock }) }).run({
    tool: triage(),
    request,
    options: { requestId: "run" },
    onEvent: (event) => heard.push(event),
  });
  expect((await run).status).toBe("completed");
  await clock.advance(5_000);
  isAway = false;
  await clock.advance(5_000);
  expect(typesOf(await eventsOf(streamRun(log, "run")))).toEqual(typesOf(heard));
  expect(typesOf(heard)).not.toContain("warning");
});

test("a log that is away for longer than a store is waited for is given up, and the run is not", async () => {
  const clock = createFakeClock();
  const away = new StoreError({
    store: "test",
    operation: "open",
    reason: "unavailable",
    what: "gone",
    advice: "Wait.",
  });
  const events = refusing({ open: () => Promise.reject(away) });
  const { tool, letGo } = held();
  const heard: OrchestrationEvent[] = [];
  const run = new ReliableOrchestrator({
    events,
    clock,
    state: new ReliabilityState({ clock }),
    reliabilityConfig: { storeRetryMs: 10_000 },
  }).run({ tool, request, onEvent: (event) => heard.push(event) });
  await expect.poll(() => typesOf(heard)).toContain("progress");
  await clock.advance(15_000);
  expect(heard.filter(({ type }) => type === "warning")).toMatchObject([{ code: "event_log_failed" }]);
  letGo();
  expect((await run).status).toBe("completed");
});

test("a log that never answers holds the end of a run for a second at most", async () => {
  const clock = createFakeClock();
  const events = refusing({ open: () => new Promise(() => {}) });
  const run = new ReliableOrchestrator({ events, clock, state: new ReliabilityState({ clock }) }).run({
    tool: triage(),
    request,
  });
  await clock.advance(1_001);
  expect((await run).status).toBe("completed");
});

test("a stored output is given within seconds where its log does not answer", async () => {
  const clock = createFakeClock();
  const { store, one } = twoProcesses({ store: new MemoryStore({ clock }), clock });
  await one.run({ tool: triage(), request, options });
  const events = refusing({ list: () => new Promise(() => {}) });
  const other = new ReliableOrchestrator({ store, events, clock, state: new ReliabilityState({ clock }) });
  const again = other.run({ tool: triage(), request, options, onEvent: () => {} });
  await clock.advance(5_000);
  expect((await again).metadata.replayed).toBe(true);
});

test("calls wait where more events wait for the log than memory is to hold", async () => {
  let isStuck = true;
  const log = new MemoryEventLog();
  const gate = Promise.withResolvers<void>();
  const events = refusing({
    append: async (batches) => {
      if (isStuck) await gate.promise;
      return log.append(batches);
    },
    open: (run) => log.open(run),
  });
  const orchestrator = new ReliableOrchestrator({ events, state: new ReliabilityState() });
  const text = "x".repeat(2 ** 20);
  const loud = defineTool({
    name: "loud",
    execute: (_request: object, _options, { events }) => {
      for (let at = 0; at < 33; at++) events.emit("progress", { name: "piece", data: text });
      return "done";
    },
  });
  const flood = orchestrator.run({ tool: loud, request: {} });
  const model = scriptedModel(() => high);
  await expect.poll(async () => (await log.list()).runs).toHaveLength(1);
  const second = orchestrator.run({ tool: triage(model), request });
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(model.calls).toHaveLength(0);
  isStuck = false;
  gate.resolve();
  await Promise.all([flood, second]);
  expect(model.calls).toHaveLength(2);
});

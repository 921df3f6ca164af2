import { expect, test } from "vitest";
import { z } from "zod";
import { MemoryEventLog } from "../../src/events.ts";
import {
  createRegistry,
  defineTool,
  type OrchestrationEvent,
  PromptBundleTool,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { createFleet, MemoryQueue } from "../../src/queue.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { scriptedModel } from "../../src/testing.ts";

const triage = new PromptBundleTool({
  name: "triage",
  model: scriptedModel(() => ({ text: '{"severity":"high"}' })),
  prompt: "{{report}}",
  schema: z.object({ severity: z.enum(["low", "high"]) }),
  defaultOptions: { k: 3 },
});

function fleetOf(tools: readonly any[], settings: object = {}) {
  const queue = new MemoryQueue();
  const store = new MemoryStore();
  const orchestrator = new ReliableOrchestrator({ store, registry: createRegistry(tools), ...settings });
  return { queue, store, orchestrator, fleet: createFleet({ queue, orchestrator }) };
}

test("a submitted run is done by a worker, and its output is what a run of its own gives", async () => {
  const { fleet, orchestrator } = fleetOf([triage]);
  const request = { report: "It crashes" };
  const { key } = await fleet.submit({ tool: triage, request, options: { idempotencyKey: "report-17" } });
  expect(key).toBe("report-17");
  const worker = await fleet.work({ concurrency: 2 });
  const output = await fleet.result(key);
  const replayed = await orchestrator.run({ tool: triage, request, options: { idempotencyKey: "report-17" } });
  expect(output.content).toEqual(replayed.content);
  expect(replayed.metadata.replayed).toBe(true);
  await worker.drain(1_000);
});

test("equal requests with an automatic key are one job, of the key that a run of one's own has", async () => {
  const { fleet, queue, orchestrator } = fleetOf([triage]);
  const params = { tool: triage, request: { report: "It crashes" }, options: { idempotencyKey: "auto" } } as const;
  const keys = [await fleet.submit(params), await fleet.submit(params)];
  expect(keys[0]).toEqual(keys[1]);
  expect((await queue.stats()).waiting).toBe(1);
  await (await fleet.work()).drain(1_000);
  const output = await orchestrator.run(params);
  expect(output.metadata.replayed).toBe(true);
});

test("a run without a key gets one of its own", async () => {
  const { fleet } = fleetOf([triage]);
  const params = { tool: triage, request: { report: "It crashes" } };
  const [one, two] = [await fleet.submit(params), await fleet.submit(params)];
  expect(one.key).not.toBe(two.key);
});

test("the result of a dead job rejects with its error", async () => {
  const broken = defineTool({
    name: "broken",
    execute: async () => {
      throw Object.assign(new Error("wrong key"), { status: 401 });
    },
  });
  const { fleet, queue } = fleetOf([broken]);
  await fleet.work();
  const { key } = await fleet.submit({ toolName: "broken", request: {} });
  await expect(fleet.result(key)).rejects.toMatchObject({ code: "TOOL_EXECUTION", toolName: "broken" });
  expect(await queue.dead()).toMatchObject([{ job: { key }, error: { category: "authentication" } }]);
});

test("a cancelled run is aborted down to its tool, and its result says so", async () => {
  let aborted = false;
  const started = Promise.withResolvers<void>();
  const slow = defineTool({
    name: "slow",
    execute: (_request: unknown, _options: unknown, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(signal.reason);
        });
        started.resolve();
      }),
  });
  const { fleet } = fleetOf([slow]);
  await fleet.work();
  const { key } = await fleet.submit({ toolName: "slow", request: {} });
  await started.promise;
  expect(await fleet.cancel(key)).toBe(true);
  await expect(fleet.result(key)).rejects.toMatchObject({ code: "CANCELLED" });
  expect(aborted).toBe(true);
  expect(await fleet.cancel(key)).toBe(false);
});

test("the events of a run on a worker are streamed to who submitted it", async () => {
  const { fleet } = fleetOf([triage], { events: new MemoryEventLog() });
  await fleet.work();
  const { key } = await fleet.submit({ tool: triage, request: { report: "It crashes" } });
  const events: OrchestrationEvent[] = [];
  for await (const event of fleet.stream(key)) events.push(event);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at));
  expect(events.at(-1)?.type).toBe("run_completed");
});

test("what a worker could not be given is refused before it is in the queue", async () => {
  const { fleet, queue } = fleetOf([triage]);
  const request = { report: "It crashes" };
  const given = [
    { tool: triage, request: { report: new Map() as never } },
    { tool: triage, request, options: { redact: (event: any) => event } },
    { tool: triage, request, toolOptions: { schema: z.object({}) } as never },
  ];
  for (const params of given) await expect(fleet.submit(params)).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  await expect(fleet.submit({ toolName: "unknown", request: {} })).rejects.toMatchObject({ code: "TOOL_NOT_FOUND" });
  expect((await queue.stats()).waiting).toBe(0);
});

import { beforeEach, describe, expect, test } from "vitest";
import {
  CancelledError,
  createRegistry,
  defineTool,
  InvalidOptionsError,
  type OrchestrationEvent,
  type OrchestrationOutput,
  PromptBundleTool,
  ReliableOrchestrator,
} from "../../src/index.ts";
import type { RunStore } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { untilAborted } from "../../src/testing/scripted-model.ts";
import { createFakeClock, type FakeClock, scriptedModel } from "../../src/testing.ts";
import { storeWith } from "./store-with.ts";

const idempotencyKey = "key";
const usage = { inputTokens: 2, outputTokens: 3 };
type Method = "claim" | "savePlan" | "append" | "settle" | "release";
type OnStoreError = "fail" | "run_unprotected";

let clock: FakeClock;
let inner: MemoryStore;
let events: OrchestrationEvent[];

beforeEach(() => {
  clock = createFakeClock();
  inner = new MemoryStore({ clock });
  events = [];
});

/** A store one of whose methods answers when it is told to: with what the store inside says, or as it is told. Of the run's key. */
function slowAt(method: Method) {
  let answer = (_how: "now" | Error) => {};
  const isTold = new Promise<"now" | Error>((resolve) => (answer = resolve));
  let asked = 0;
  const slow = async (...given: unknown[]) => {
    if (isOfAnswers(given[0]) || asked++ > 0) return (inner[method] as any)(...given);
    const how = await isTold;
    if (how !== "now") throw how;
    return (inner[method] as any)(...given);
  };
  return { store: storeWith(() => ({ [method]: slow }) as Partial<RunStore>, inner), answer, asked: () => asked };
}

/** Answers for other runs are kept beside the key. */
function isOfAnswers(place: unknown): boolean {
  return String((place as { key?: string }).key ?? place).startsWith("answers/");
}

/** A run that asks for one answer; one that is to be released fails. */
function start(store: RunStore, method: Method, onStoreError: OnStoreError, timeoutMs?: number) {
  const model = scriptedModel(() => (method === "release" ? { status: 401 } : { text: "yes", usage }));
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 1 } });
  const controller = new AbortController();
  const run = new ReliableOrchestrator({
    store,
    clock,
    registry: createRegistry([tool]),
    reliabilityConfig: { onStoreError },
  }).run({
    request: {},
    options: { idempotencyKey, timeoutMs },
    signal: controller.signal,
    onEvent: (event) => void events.push(event),
  });
  const ended: { output?: OrchestrationOutput; error?: any } = {};
  const end = run.then(
    (output) => void Object.assign(ended, { output }),
    (error) => void Object.assign(ended, { error }),
  );
  return { abort: () => controller.abort("enough"), ended, end, model };
}

const nextTick = () => new Promise((resolve) => setImmediate(resolve));
const modes = ["fail", "run_unprotected"] as const;
const operations = { claim: "claim", savePlan: "save_plan", append: "append", settle: "settle", release: "release" };
const methods = Object.keys(operations) as Method[];
const paidBy = (method: Method) => (method === "append" || method === "settle" ? 5 : 0);
const everyMode = methods.flatMap((method) => modes.map((mode) => [method, mode] as const));

describe("a store that never answers", () => {
  test.each(everyMode)(
    "%s (%s): an abort rejects the run in its tick, with what was paid for",
    async (method, mode) => {
      const { store, asked } = slowAt(method);
      const run = start(store, method, mode);
      await expect.poll(asked).toBe(1);
      await nextTick();
      run.abort();
      await nextTick();
      expect(run.ended.error).toBeInstanceOf(CancelledError);
      expect(run.ended.error.partial.usage.totalTokens).toBe(paidBy(method));
      expect(JSON.stringify(run.ended.error.partial.content).includes("yes")).toBe(paidBy(method) > 0);
      expect(events.map(({ type }) => type).filter((type) => type === "cancelled")).toHaveLength(1);
      expect(clock.pending).toBe(0);
    },
  );

  test.each(everyMode)(
    "%s (%s): a deadline ends the run, and says that it waited for its store",
    async (method, mode) => {
      const { store } = slowAt(method);
      const { ended, end } = start(store, method, mode, 1_000);
      await clock.runAll();
      await end;
      expect(clock.now()).toBe(1_000);
      expect(clock.pending).toBe(0);
      const error = ended.error ?? Object.values(ended.output?.errors ?? {})[0];
      const warning = events.find((event) => event.type === "warning" && event.code === "run_unprotected");
      const waited = `passed while the run waited for its store (${operations[method]}).`;
      if (method === "append") {
        // Evidence by the deadline is a partial output, whatever became of its journal.
        expect(ended.output).toMatchObject({ status: "partial", usage: { totalTokens: 5 } });
        expect(error).toMatchObject({ code: "BUDGET_EXCEEDED", message: expect.stringContaining(waited) });
      } else if (mode === "run_unprotected" && (method === "settle" || method === "release")) {
        // The output is whole, and only its keeping failed.
        expect(ended.output?.status).toBe(method === "settle" ? "completed" : "failed");
        expect(warning).toMatchObject({ message: expect.stringContaining(waited) });
      } else {
        expect(error).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs", limit: 1_000 });
        expect(error.message).toContain(waited);
        expect(error.partial.usage.totalTokens).toBe(paidBy(method));
        expect(JSON.stringify(error.partial.content).includes("yes")).toBe(paidBy(method) > 0);
      }
    },
  );

  test("does not keep a run from rejecting as it has to: at its deadline for want of its key", async () => {
    const { store } = slowAt("release");
    const tool = defineTool({ name: "dear", execute: () => "never" });
    Object.assign(tool, { estimate: () => ({ costUsd: 2 }) });
    const options = { idempotencyKey, timeoutMs: 1_000, budget: { costUsd: 1 } };
    const run = new ReliableOrchestrator({ store, clock }).run({ tool, request: {}, options }).catch((error) => error);
    await clock.runAll();
    expect(await run).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "costUsd" });
  });

  test("lets no run reject before its key is free, where the store answers in time", async () => {
    const { store, answer } = slowAt("release");
    const planner = {
      plan: () => {
        throw new InvalidOptionsError([{ path: "rules", given: "none", allowed: "a rule" }]);
      },
    };
    let isOver = false;
    const run = new ReliableOrchestrator({ store, clock, planner })
      .run({ request: {}, options: { idempotencyKey } })
      .catch(() => {
        isOver = true;
      });
    for (let turn = 0; turn < 20; turn++) await nextTick();
    expect(isOver).toBe(false);
    answer("now");
    await run;
    expect(await inner.show(idempotencyKey)).toMatchObject({ state: "released" });
  });

  test("does not take a key with it: who comes next in this process runs when the lease is over", async () => {
    const { store, asked } = slowAt("release");
    let executions = 0;
    const tool = defineTool({
      name: "hanging",
      execute: (_request: object, _options, { signal }) => (++executions > 1 ? "done" : untilAborted(signal)),
    });
    const orchestrator = new ReliableOrchestrator({ store, clock });
    const controller = new AbortController();
    const params = { tool, request: {}, options: { idempotencyKey } };
    const first = orchestrator.run({ ...params, signal: controller.signal }).catch((error) => error);
    await expect.poll(() => executions).toBe(1);
    controller.abort("enough");
    const second = orchestrator.run(params);
    await clock.runAll();
    expect(await first).toBeInstanceOf(CancelledError);
    expect((await second).content).toBe("done");
    expect(clock.now()).toBeLessThan(31_000);
    expect([asked(), clock.pending]).toEqual([1, 0]);
  });
});

describe("a store that answers when the run is over", () => {
  const left = async () => {
    await nextTick();
    const details = await inner.show(idempotencyKey);
    return details && { state: details.state, replicates: details.replicates.length, plan: details.plan !== undefined };
  };

  test.each([
    ["claim", { state: "released", replicates: 0, plan: false }],
    ["savePlan", { state: "released", replicates: 0, plan: true }],
    ["append", { state: "released", replicates: 1, plan: true }],
    ["settle", { state: "settled", replicates: 0, plan: true }],
    ["release", { state: "released", replicates: 0, plan: true }],
  ] as const)("keeps what it was given to %s, and the key is free or settled", async (method, expected) => {
    const { store, asked, answer } = slowAt(method);
    const run = start(store, method, "fail");
    await expect.poll(asked).toBe(1);
    await nextTick();
    run.abort();
    await run.end;
    answer("now");
    expect(await left()).toEqual(expected);
  });

  test.each(["savePlan", "append", "settle"] as const)("by failing to %s gives the key back", async (method) => {
    const { store, asked, answer } = slowAt(method);
    const run = start(store, method, "fail");
    await expect.poll(asked).toBe(1);
    await nextTick();
    run.abort();
    await run.end;
    answer(new Error("too late"));
    expect((await left())?.state).toBe("released");
  });

  test.each(["claim", "release"] as const)("by failing to %s does not change how the run ends", async (method) => {
    const { store, asked, answer } = slowAt(method);
    const run = start(store, method, "fail");
    await expect.poll(asked).toBe(1);
    await nextTick();
    run.abort();
    await run.end;
    answer(new Error("too late"));
    await nextTick();
    expect(run.ended.error).toBeInstanceOf(CancelledError);
  });
});

test("releases a claim won after its run ended, so the next run of the key starts at once", async () => {
  const { store, asked, answer } = slowAt("claim");
  const orchestrator = new ReliableOrchestrator({ store, clock, reliabilityConfig: { onInFlight: "reject" } });
  const tool = defineTool({ name: "quick", execute: () => "done" });
  const controller = new AbortController();
  const run = (signal?: AbortSignal) => orchestrator.run({ tool, request: {}, options: { idempotencyKey }, signal });
  const first = run(controller.signal).catch((error) => error);
  await expect.poll(asked).toBe(1);
  controller.abort("enough");
  expect(await first).toBeInstanceOf(CancelledError);
  // Won by now, and not yet known to be.
  answer("now");
  expect((await run()).content).toBe("done");
});

test("a run whose key another process holds says at its deadline that it waited for that one", async () => {
  const leaseMs = 60_000;
  const holding: RunStore = storeWith(() => ({}), inner);
  const tool = defineTool({
    name: "hanging",
    execute: (_request: object, _options, { signal }) => untilAborted(signal),
  });
  const run = (timeoutMs: number) =>
    new ReliableOrchestrator({ store: holding, clock, reliabilityConfig: { leaseMs } })
      .run({ tool, request: {}, options: { idempotencyKey, timeoutMs } })
      .catch((error) => error);
  const first = run(50_000);
  await expect.poll(async () => (await inner.show(idempotencyKey))?.state).toBe("running");
  const second = run(1_000);
  await clock.runAll();
  expect((await second).message).toContain(
    "of 1000 ms passed while the run waited for another process that runs its key.",
  );
  expect((await first).message).toContain('of 50000 ms passed while the run waited for tool "hanging".');
});

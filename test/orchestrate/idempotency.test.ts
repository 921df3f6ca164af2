import { describe, expect, test } from "vitest";
import {
  CancelledError,
  createRegistry,
  defineTool,
  type OrchestrationEvent,
  PromptBundleTool,
  ReliableOrchestrator,
  StoreError,
  type ToolContext,
} from "../../src/index.ts";
import { ReliabilityState, type RunStore } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { untilAborted } from "../../src/testing/scripted-model.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";
import { storeWith } from "./store-with.ts";

const options = { idempotencyKey: "key" };

const refused = (operation: StoreError["operation"]) =>
  new StoreError({ store: "test", operation, reason: "full", what: "its disk is full", advice: "Free space." });

async function rejection(run: Promise<unknown>): Promise<any> {
  return run.then(
    () => expect.fail("the run resolved"),
    (error) => error,
  );
}

test.each(["wait", "reject"] as const)(
  "a run that comes while an aborted one of its key is being given up is a run of its own, with onInFlight: %j",
  async (onInFlight) => {
    let letGo = () => {};
    const isReleased = new Promise<void>((resolve) => (letGo = resolve));
    const store = storeWith((inner) => ({ release: (token) => isReleased.then(() => inner.release(token)) }));
    const settings = { store, state: new ReliabilityState(), reliabilityConfig: { onInFlight } };
    const orchestrator = new ReliableOrchestrator(settings);
    let executions = 0;
    const tool = defineTool({
      name: "once-slow",
      execute: (_request: object, _options, { signal }) =>
        ++executions > 1
          ? "done"
          : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const controller = new AbortController();
    const first = rejection(orchestrator.run({ tool, request: {}, options, signal: controller.signal }));
    await expect.poll(() => executions).toBe(1);
    controller.abort("enough");
    const second = orchestrator.run({ tool, request: {}, options });
    await new Promise((resolve) => setImmediate(resolve));
    letGo();
    expect(await first).toBeInstanceOf(CancelledError);
    expect((await second).content).toBe("done");
  },
);

test("a caller that joins keeps its own deadline", async () => {
  const clock = createFakeClock();
  const orchestrator = new ReliableOrchestrator({ clock });
  const model = scriptedModel(async ({ signal }) => {
    await clock.sleep(400, { signal });
    return { text: "yes" };
  });
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 3, stopping: "none" } });
  const run = (timeoutMs: number | undefined) =>
    orchestrator.run({ tool, request: {}, toolOptions: { maxParallel: 1 }, options: { ...options, timeoutMs } });
  const first = rejection(run(500));
  const second = run(2000);
  await clock.runAll();
  expect(await first).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs", limit: 500 });
  expect((await second).status).toBe("completed");
  expect(model.calls.length).toBe(3);
});

test("an error of the store holds what was paid for, with the content that it could not keep", async () => {
  const tool = defineTool({
    name: "paid",
    execute(_request: object, _options, { reportUsage }: ToolContext) {
      reportUsage({ inputTokens: 1, outputTokens: 2, totalTokens: 3 }, 0.5);
      return "precious";
    },
  });
  const store = storeWith(() => ({ settle: () => Promise.reject(refused("settle")) }));
  const error = await rejection(
    new ReliableOrchestrator({ store, state: new ReliabilityState() }).run({ tool, request: {}, options }),
  );
  expect(error).toBeInstanceOf(StoreError);
  expect(error.message).toBe(refused("settle").message);
  expect(error.partial).toMatchObject({ usage: { totalTokens: 3 }, costUsd: 0.5, content: "precious" });
});

test("a replicate that cannot be journaled ends the run once the calls in flight have ended, and all of them are counted", async () => {
  const clock = createFakeClock();
  const usage = { inputTokens: 2, outputTokens: 3 };
  const model = scriptedModel(async ({ index, signal }) => {
    await clock.sleep(index * 100, { signal });
    return { text: "yes", usage };
  });
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 5, stopping: "none" } });
  const store = storeWith(() => ({ append: () => Promise.reject(refused("append")) }));
  const run = rejection(
    new ReliableOrchestrator({ store, clock }).run({ tool, request: {}, options, toolOptions: { maxParallel: 3 } }),
  );
  await clock.runAll();
  expect(await run).toMatchObject({ code: "STORE", partial: { usage: { totalTokens: 15, requests: 3 } } });
  expect(model.calls.length).toBe(3);
  expect(clock.pending).toBe(0);
});

describe("a store of the user's own that throws something of its own", () => {
  const lost = new TypeError("connection lost");
  const inTwoWays = [
    ["rejects", () => Promise.reject(lost)],
    [
      "throws",
      () => {
        throw lost;
      },
    ],
  ] as const;
  const tool = new PromptBundleTool({ name: "t", model: scriptedModel(() => ({ text: "yes" })), prompt: "x" });
  const run = (store: RunStore) =>
    rejection(
      new ReliableOrchestrator({ store, state: new ReliabilityState(), registry: createRegistry([tool]) }).run({
        request: {},
        options,
      }),
    );

  for (const [operation, method] of [
    ["claim", "claim"],
    ["save_plan", "savePlan"],
    ["append", "append"],
    ["settle", "settle"],
  ] as const) {
    test.each(inTwoWays)(`ends the run where ${operation} %s, and the error says what and whose`, async (_, fail) => {
      const error = await run(storeWith(() => ({ [method]: fail })));
      expect(error).toBeInstanceOf(StoreError);
      expect(error).toMatchObject({ store: "given", operation, reason: "failed", what: lost.message, cause: lost });
      expect(error.advice).toContain("The store is the one that the orchestrator was given");
    });
  }

  test("is named by its class", async () => {
    class ShelfStore extends MemoryStore {
      override async settle(): Promise<void> {
        throw lost;
      }
    }
    expect(await run(new ShelfStore())).toMatchObject({ store: "ShelfStore", operation: "settle" });
  });

  test.each(inTwoWays)("ends the run where it %s until the lease has run out", async (_, fail) => {
    const clock = createFakeClock();
    const waiting = defineTool({
      name: "w",
      execute: (_request: object, _options, { signal }) => untilAborted(signal),
    });
    const store = storeWith(() => ({ renew: fail }));
    const ended = rejection(new ReliableOrchestrator({ store, clock }).run({ tool: waiting, request: {}, options }));
    await clock.runAll();
    expect(await ended).toMatchObject({ code: "STORE", operation: "renew", cause: lost });
  });
});

test("a key in one store says nothing about the same key in another", async () => {
  const state = new ReliabilityState();
  const tool = defineTool({ name: "echo", execute: async ({ n }: { n: number }) => n });
  const runs = [1, 2].map((n) =>
    new ReliableOrchestrator({ store: new MemoryStore(), state }).run({ tool, request: { n }, options }),
  );
  expect((await Promise.all(runs)).map(({ content }) => content)).toEqual([1, 2]);
});

test("a lease is held until the output is stored, however long that takes", async () => {
  const clock = createFakeClock();
  const inner = new MemoryStore({ clock });
  const slow = storeWith(
    () => ({ settle: (...settled) => clock.sleep(5_000).then(() => inner.settle(...settled)) }),
    inner,
  );
  let executions = 0;
  const tool = defineTool({ name: "counted", execute: () => ++executions });
  const runs = [slow, inner].map((store) =>
    new ReliableOrchestrator({ store, clock, reliabilityConfig: { leaseMs: 1_000 } }).run({
      tool,
      request: {},
      options,
    }),
  );
  await clock.runAll();
  expect((await Promise.all(runs)).map(({ content }) => content)).toEqual([1, 1]);
  expect(executions).toBe(1);
});

test("a run that may go on without its store still ends when another run has its key", async () => {
  const stale = new StoreError({ store: "test", operation: "append", reason: "stale_token", what: "", advice: "" });
  const model = scriptedModel(() => ({ text: "yes" }));
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 5, stopping: "none" } });
  const asking = { tool, request: {}, options, toolOptions: { maxParallel: 1 } };
  const runOn = (append: RunStore["append"]) =>
    new ReliableOrchestrator({
      store: storeWith(() => ({ append })),
      state: new ReliabilityState(),
      reliabilityConfig: { onStoreError: "run_unprotected" },
    }).run(asking);
  expect((await runOn(() => Promise.reject(refused("append")))).status).toBe("completed");
  expect(await rejection(runOn(() => Promise.reject(stale)))).toMatchObject({ code: "STORE", reason: "stale_token" });
  expect(model.calls.length).toBe(5 + 1);
});

test.each([
  ["savePlan", "save_plan", { usage: { totalTokens: 0 }, content: null }],
  ["settle", "settle", { usage: { totalTokens: 3 }, costUsd: 0.5, content: "precious" }],
  ["release", "release", { usage: { totalTokens: 3 }, costUsd: 0.5, content: null }],
] as const)(
  "so it does where its %s is refused, and what was paid for is on the error",
  async (method, operation, partial) => {
    const stale = new StoreError({ store: "test", operation, reason: "stale_token", what: "", advice: "" });
    const tool = defineTool({
      name: "paid",
      execute(_request: object, _options, { reportUsage }: ToolContext) {
        reportUsage({ inputTokens: 1, outputTokens: 2, totalTokens: 3 }, 0.5);
        if (method === "release") throw new Error("no");
        return "precious";
      },
    });
    for (const onStoreError of ["fail", "run_unprotected"] as const) {
      const orchestrator = new ReliableOrchestrator({
        store: storeWith(() => ({ [method]: () => Promise.reject(stale) })),
        state: new ReliabilityState(),
        registry: createRegistry([tool]),
        reliabilityConfig: { onStoreError },
      });
      const error = await rejection(orchestrator.run({ request: {}, options }));
      expect(error).toMatchObject({ code: "STORE", operation, reason: "stale_token", partial });
    }
  },
);

test.each(["settle", "release"] as const)(
  "a heartbeat that meets the %s of its own run does not fail the run",
  async (method) => {
    const clock = createFakeClock();
    const store = storeWith((inner) => ({
      // The heartbeat comes while the store works, and is answered after it, in one go.
      async [method](...given: readonly any[]) {
        await clock.sleep(10_000);
        await (inner[method] as (...given: readonly any[]) => Promise<void>)(...given);
        await clock.sleep(1);
      },
      async renew(...given) {
        await clock.sleep(1);
        return inner.renew(...given);
      },
    }));
    const tool = defineTool({
      name: "t",
      execute: (_request: object) => (method === "settle" ? "done" : Promise.reject(new Error("no"))),
    });
    const orchestrator = new ReliableOrchestrator({ clock, store });
    const output = orchestrator.run({ tool, request: {}, options });
    await clock.runAll();
    expect((await output).status).toBe(method === "settle" ? "completed" : "failed");
  },
);

test("a key that stands for another request is told as an invalid request", async () => {
  const orchestrator = new ReliableOrchestrator({ clock: createFakeClock(), store: new MemoryStore() });
  const tool = defineTool({ name: "echo", execute: (request: { n: number }) => request });
  await orchestrator.run({ tool, request: { n: 1 }, options });
  const failures: unknown[] = [];
  const onEvent = (event: OrchestrationEvent) => event.type === "run_failed" && failures.push(event.error);
  await expect(orchestrator.run({ tool, request: { n: 2 }, options, onEvent })).rejects.toThrow("Conflict");
  expect(failures).toMatchObject([{ code: "CONFLICT", category: "invalid_request", isRetryable: false }]);
});

test("a caller that joins a run has an output of its own, which no other caller changes", async () => {
  const orchestrator = new ReliableOrchestrator({ clock: createFakeClock() });
  const tool = defineTool({ name: "list", execute: async () => ({ items: [1, 2] }) });
  const run = () => orchestrator.run({ tool, request: {}, options });
  const outputs = await Promise.all([run(), run(), run()]);
  for (const output of outputs) expect(output).toEqual(outputs[0]);
  const [, second, third] = outputs as any[];
  second.content.items.push(3);
  third.metadata.note = "mine";
  expect(outputs.map(({ content, metadata }) => [(content as any).items.length, metadata["note"]])).toEqual([
    [2, undefined],
    [3, undefined],
    [2, "mine"],
  ]);
});

test.each([
  ["nothing", undefined],
  ["null", null],
  ["something else", "won"],
  ["an unknown state", { state: "free" }],
  ["no token", { state: "won", replicates: [] }],
  ["no replicates", { state: "won", token: { key: "key", fence: 1 } }],
  ["replicates that are none", { state: "won", token: { key: "key", fence: 1 }, replicates: [null] }],
  ["no output", { state: "settled", sameFingerprint: true }],
  ["an output that is none", { state: "settled", sameFingerprint: true, output: {} }],
  ["no word of the fingerprint", { state: "settled" }],
  ["no end of the lease", { state: "running", sameFingerprint: true }],
  ["a lease that has ended", { state: "running", sameFingerprint: true, leaseEndsInMs: -1 }],
])(
  "a claim of a store of one's own that says %s ends the run: nothing runs without its key by mistake",
  async (_, claim) => {
    let executions = 0;
    const tool = defineTool({ name: "counted", execute: () => ++executions });
    const store = storeWith(() => ({ claim: async () => claim as any }));
    const error = await rejection(
      new ReliableOrchestrator({ store, state: new ReliabilityState() }).run({ tool, request: {}, options }),
    );
    expect(error).toMatchObject({ code: "STORE", operation: "claim", reason: "failed" });
    expect(error.what).toMatch(/^claim gave .*; wanted: \{ state: /);
    expect(executions).toBe(0);
  },
);

describe("a run that waits for itself", () => {
  const runInside = (orchestrator: ReliableOrchestrator, name: string, inner: () => { tool: any; key: string }) =>
    defineTool({
      name,
      async execute(_request: object, _options, { signal }): Promise<any> {
        const { tool, key } = inner();
        return (await orchestrator.run({ tool, request: {}, options: { idempotencyKey: key }, signal })).content;
      },
    });

  test.each([
    ["by its own key", "a"],
    ["by that of a run inside of it, which runs it", "b"],
  ])("%s is refused, and its key is free again", async (_how, innerKey) => {
    const clock = createFakeClock();
    const orchestrator = new ReliableOrchestrator({ clock });
    const tools: Record<string, any> = {};
    tools["a"] = runInside(orchestrator, "a", () => ({ tool: tools[innerKey], key: innerKey }));
    tools["b"] = runInside(orchestrator, "b", () => ({ tool: tools["a"], key: "a" }));
    const run = rejection(orchestrator.run({ tool: tools["a"], request: {}, options: { idempotencyKey: "a" } }));
    await clock.advance(1);
    expect(await run).toMatchObject({ code: "CONFLICT", key: "a", reason: "in_flight" });
    expect(clock.pending).toBe(0);
  });

  test("is none where it asks for the key once its own run is over, or for other keys meanwhile", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const done = defineTool({ name: "done", execute: () => "inside" });
    const other = runInside(orchestrator, "other", () => ({ tool: done, key: "other" }));
    let later: Promise<{ metadata: object }> | undefined;
    const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
    const first: any = defineTool({
      name: "first",
      async execute(_request: object, _options, _context): Promise<any> {
        later ??= isOver.then(() => orchestrator.run({ tool: first, request: {}, options }));
        return (await orchestrator.run({ tool: other, request: {}, options: { idempotencyKey: "outer" } })).content;
      },
    });
    expect((await orchestrator.run({ tool: first, request: {}, options })).content).toBe("inside");
    end();
    expect((await later)?.metadata).toMatchObject({ replayed: true });
  });
});

import { describe, expect, test } from "vitest";
import { z } from "zod";
import { RetryableError } from "../../src/guard/errors.ts";
import {
  CancelledError,
  ConflictError,
  createRegistry,
  defineTool,
  hasEvidence,
  InvalidOptionsError,
  PlanningError,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { RuleBasedPlanner } from "../../src/planning/rules.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedModel, scriptedTool } from "../../src/testing.ts";

const busy = () => Object.assign(new Error("busy"), { statusCode: 503 });

async function rejection(run: Promise<unknown>): Promise<any> {
  return run.then(
    () => expect.fail("the run resolved"),
    (error) => error,
  );
}

function counted<R>(answer: () => R | Promise<R>) {
  const calls = { count: 0 };
  const tool = defineTool({
    name: "counted",
    execute: (_request: object) => {
      calls.count++;
      return answer();
    },
  });
  return { tool, calls };
}

describe("one key, one execution", () => {
  test("fifty concurrent runs of one key execute once and get equal results", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const { tool, calls } = counted(() => new Promise((resolve) => setImmediate(resolve, { n: 1 })));
    const run = () => orchestrator.run({ tool, request: { a: 1 }, options: { idempotencyKey: "k" } });
    const outputs = await Promise.all(Array.from({ length: 50 }, run));
    expect(calls.count).toBe(1);
    for (const output of outputs) expect(output).toEqual(outputs[0]);
  });

  test("another payload under the key conflicts at once, in flight and settled", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    let release = (_value: unknown) => {};
    const { tool } = counted(() => new Promise((resolve) => (release = resolve)));
    const options = { idempotencyKey: "k" };
    const first = orchestrator.run({ tool, request: { a: 1 }, options });
    const others = Array.from({ length: 50 }, () => rejection(orchestrator.run({ tool, request: { a: 2 }, options })));
    for (const error of await Promise.all(others))
      expect(error).toMatchObject({ code: "CONFLICT", reason: "fingerprint", key: "k" });
    await new Promise((resolve) => setImmediate(resolve));
    release("done");
    await first;
    expect(await rejection(orchestrator.run({ tool, request: { a: 2 }, options }))).toBeInstanceOf(ConflictError);
  });

  test("a settled key replays its output and says so; the order of keys in the request does not matter", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const { tool, calls } = counted(() => "paid");
    const options = { idempotencyKey: "k" };
    const first = await orchestrator.run({ tool, request: { a: 1, b: 2 }, options });
    const second = await orchestrator.run({ tool, request: { b: 2, a: 1 }, options });
    expect(calls.count).toBe(1);
    expect(first.metadata.replayed).toBeUndefined();
    expect(second).toEqual({ ...first, metadata: { ...first.metadata, replayed: true } });
  });

  test("replaying the same, unchanged request object never conflicts", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const { tool } = counted(() => 1);
    const params = { tool, request: { a: { b: [1] } }, options: { idempotencyKey: "k" } };
    const before = JSON.stringify(params.request);
    await orchestrator.run(params);
    await orchestrator.run(params);
    expect(JSON.stringify(params.request)).toBe(before);
  });

  test("the tool and its options belong to what the key stands for", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const { tool } = counted(() => 1);
    const options = { idempotencyKey: "k" };
    await orchestrator.run({ tool, request: {}, options, toolOptions: { depth: 1 } });
    expect(await rejection(orchestrator.run({ tool, request: {}, options, toolOptions: { depth: 2 } }))).toBeInstanceOf(
      ConflictError,
    );
  });

  test("aborting one waiter aborts only that waiter; the last one takes the run along", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    let aborted = false;
    const tool = defineTool({
      name: "slow",
      execute: (_request: object, _options, { signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(signal.reason);
          }),
        ),
    });
    const [one, two] = [new AbortController(), new AbortController()];
    const options = { idempotencyKey: "k" };
    const first = rejection(orchestrator.run({ tool, request: {}, options, signal: one.signal }));
    const second = rejection(orchestrator.run({ tool, request: {}, options, signal: two.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    one.abort("one");
    expect(await first).toBeInstanceOf(CancelledError);
    expect(aborted).toBe(false);
    two.abort("two");
    expect((await second).cause).toBe("two");
    expect(aborted).toBe(true);
  });

  test("refuses, with its path, a request that a key cannot tell from others", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const { tool } = counted(() => 1);
    for (const [request, path] of [
      [{ f: () => 1 }, "request.f"],
      [{ list: [1n] }, "request.list[0]"],
      [{ n: Number.NaN }, "request.n"],
      [{ n: new Map([[1, 2]]) }, "request.n"],
      [new Set([1]), "request"],
    ] as const) {
      const error = await rejection(orchestrator.run({ tool, request, options: { idempotencyKey: "k" } }));
      expect(error).toBeInstanceOf(InvalidOptionsError);
      expect(error.issues[0].path).toBe(path);
    }
  });

  test("a key stands for what a request says of itself: dates, URLs, bytes, halves of emoji", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const { tool } = counted(() => 1);
    const pairs = [
      [new Date(0), new Date(1)],
      [new URL("https://a.example"), new URL("https://b.example")],
      [Uint8Array.of(1), Uint8Array.of(2)],
      ["cut \ud83d", "cut \ud83e"],
    ] as const;
    for (const [index, [one, other]] of pairs.entries()) {
      const run = (at: unknown) =>
        orchestrator.run({ tool, request: { at }, options: { idempotencyKey: `key ${index}` } });
      await run(one);
      expect((await run(one)).metadata["replayed"]).toBe(true);
      expect(await rejection(run(other))).toBeInstanceOf(ConflictError);
    }
  });

  test("a failure that the request fixes is kept; any other lets the next run try again", async () => {
    const cases = [
      [Object.assign(new Error("no"), { statusCode: 400 }), 1],
      [Object.assign(new Error("no"), { statusCode: 401 }), 2],
      [Object.assign(new Error("prompt is too long"), { statusCode: 400 }), 1],
      // Words alone may be about anything: the tool's own parser may have said it.
      [new Error("input is too long"), 2],
    ] as const;
    for (const [error, executions] of cases) {
      const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
      const { tool, calls } = counted(() => Promise.reject(error));
      const run = () => orchestrator.run({ tool, request: {}, options: { idempotencyKey: "k" } });
      expect([(await run()).status, (await run()).status]).toEqual(["failed", "failed"]);
      expect(calls.count).toBe(executions);
    }
  });

  test("a store that fails ends the run before it is paid for, unless it may run unprotected", async () => {
    const broken = new MemoryStore();
    await broken.close();
    const { tool, calls } = counted(() => 1);
    const options = { idempotencyKey: "k" };
    const closed = new ReliableOrchestrator({ store: broken, state: new ReliabilityState() });
    expect(await rejection(closed.run({ tool, request: {}, options }))).toMatchObject({
      code: "STORE",
      operation: "claim",
    });
    expect(calls.count).toBe(0);
    const codes: unknown[] = [];
    const unprotected = new ReliableOrchestrator({
      store: broken,
      reliabilityConfig: { onStoreError: "run_unprotected" },
    });
    const output = await unprotected.run({
      tool,
      request: {},
      options,
      onEvent: (event) => event.type === "warning" && codes.push(event.code),
    });
    expect([output.status, codes]).toEqual(["completed", ["run_unprotected"]]);
  });
});

describe("nothing is paid for twice", () => {
  test("a budget stop keeps its replicates: the next run of the key asks only for the missing ones", async () => {
    const state = new ReliabilityState();
    const orchestrator = new ReliableOrchestrator({ state });
    const model = scriptedModel(({ index }) => ({
      object: { n: index % 2 },
      usage: { inputTokens: 50, outputTokens: 50 },
    }));
    const tool = new PromptBundleTool({
      name: "t",
      model,
      prompt: "x",
      schema: z.object({ n: z.number() }),
      maxOutputTokens: 60,
    });
    const run = (tokens: number) =>
      orchestrator.run({
        tool,
        request: {},
        toolOptions: { k: 6, stopping: "none" },
        options: { idempotencyKey: "k", budget: { tokens } },
      });
    const first = await run(550);
    expect(first.status).toBe("partial");
    const paid = model.calls.length;
    expect(paid).toBeLessThan(6);
    const second = await run(7000);
    expect(second.status).toBe("completed");
    expect(model.calls.length).toBe(6);
    expect(second.usage.totalTokens).toBe((6 - paid) * 100);
    expect(second.metadata.journaledUsage).toMatchObject({ totalTokens: paid * 100 });
    expect(hasEvidence(second) && second.content.evidenceBundle.summary.validCount).toBe(6);
  });
});

describe("one owner of retry", () => {
  test("a plain 503 is retried, and the run's request id plays no part in it", async () => {
    const clock = createFakeClock();
    const orchestrator = new ReliableOrchestrator({ clock });
    const runs = [1, 2].map((n) =>
      orchestrator.run({
        tool: scriptedTool(`t${n}`, [busy(), busy(), "ok"]),
        request: {},
        options: { requestId: "same" },
      }),
    );
    await clock.runAll();
    for (const output of await Promise.all(runs)) expect(unwrap(output)).toBe("ok");
  });

  test("a replicate that fails is retried alone: K answers cost K calls and the retries of those that failed", async () => {
    const clock = createFakeClock();
    const failing = new Set([0, 1]);
    const model = scriptedModel(({ index }) => (failing.has(index) ? { status: 500 } : { object: 1 }));
    const tool = new PromptBundleTool({
      name: "t",
      model,
      prompt: "x",
      schema: z.number(),
      defaultOptions: { k: 5, stopping: "none" },
    });
    const run = new ReliableOrchestrator({ clock }).run({ tool, request: {} });
    await clock.runAll();
    expect((await run).status).toBe("completed");
    expect(model.calls.length).toBe(7);
  });

  test("the event of a replicate carries the attempt that ended it", async () => {
    const clock = createFakeClock();
    const model = scriptedModel(({ index }) => {
      if (index < 2) throw busy();
      return { text: "yes" };
    });
    const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 2, stopping: "none" } });
    const done: unknown[] = [];
    const run = new ReliableOrchestrator({ clock }).run({
      tool,
      request: {},
      toolOptions: { maxParallel: 1 },
      onEvent: (event) => event.type === "replicate_done" && done.push([event.attempt, event.replicate.attempts]),
    });
    await clock.runAll();
    await run;
    expect(done).toEqual([
      [3, 3],
      [1, 1],
    ]);
  });

  test("the event of a replicate that failed for good carries its last attempt", async () => {
    const clock = createFakeClock();
    const tool = new PromptBundleTool({ name: "t", model: scriptedModel(() => Promise.reject(busy())), prompt: "x" });
    const done: unknown[] = [];
    const run = new ReliableOrchestrator({ clock, reliabilityConfig: { maxRetries: 2 } }).run({
      tool,
      request: {},
      toolOptions: { k: 1 },
      onEvent: (event) => event.type === "replicate_done" && done.push(event.attempt),
    });
    await clock.runAll();
    await run;
    expect(done).toEqual([3]);
  });

  test("an answer that does not fit its schema is asked for once more, with what was wrong shown to the model", async () => {
    const clock = createFakeClock();
    const model = scriptedModel(({ index }) => ({ object: index === 0 ? { n: "many" } : { n: 1 } }));
    const tool = new PromptBundleTool({
      name: "t",
      model,
      prompt: "How many?",
      schema: z.object({ n: z.number() }),
      defaultOptions: { k: 1 },
    });
    const run = new ReliableOrchestrator({ clock }).run({ tool, request: {} });
    await clock.runAll();
    expect((await run).status).toBe("completed");
    expect(JSON.stringify(model.calls[1]?.prompt)).toContain("/n");
    expect(JSON.stringify(model.calls[1]?.prompt)).toContain("many");
  });

  test("a replicate that is not tried again says why", async () => {
    const model = scriptedModel([{ status: 429, retryAfterMs: 300_000 }]);
    const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 1 } });
    const run = new ReliableOrchestrator({ clock: createFakeClock() }).run({
      tool,
      request: {},
      options: { timeoutMs: 60_000 },
    });
    expect((await run).content?.evidenceBundle?.replicates[0]?.quality.errors).toEqual([
      "HTTP 429, retry after 300000 ms (not tried again: Retry-After asks for 300000 ms, the deadline is in 60000 ms)",
    ]);
  });
});

describe("planning and fallback", () => {
  test("a tool is chosen where none is named, and the event says why", async () => {
    const tool = defineTool({ name: "analysis", capabilities: ["analysis"], execute: () => "chosen" });
    const other = defineTool({ name: "other", execute: () => "not chosen" });
    const orchestrator = new ReliableOrchestrator({ registry: createRegistry([other, tool]) as any });
    const selected: unknown[] = [];
    const output = await orchestrator.run({
      request: { type: "analysis" },
      onEvent: (event) => event.type === "plan_selected" && selected.push(event.toolName),
    });
    expect([unwrap(output), selected, output.metadata.toolName]).toEqual(["chosen", ["analysis"], "analysis"]);
  });

  test("without any tool, PlanningError", async () => {
    const orchestrator = new ReliableOrchestrator({ registry: createRegistry([]) as any });
    expect(await rejection(orchestrator.run({ request: {} }))).toBeInstanceOf(PlanningError);
  });

  test("an error of a planner, thrown at once or later, becomes the cause of a PlanningError", async () => {
    const fault = new Error("no rules today");
    const throwing = () => {
      throw fault;
    };
    for (const plan of [throwing, () => Promise.reject(fault)]) {
      const orchestrator = new ReliableOrchestrator({ planner: { plan } });
      const error = await rejection(orchestrator.run({ request: {} }));
      expect(error).toBeInstanceOf(PlanningError);
      expect([error.message, error.cause]).toEqual(["The planner failed: no rules today", fault]);
    }
  });

  test("a planner that never settles outlives neither the deadline nor the caller", async () => {
    const clock = createFakeClock();
    const orchestrator = new ReliableOrchestrator({ clock, planner: { plan: () => new Promise(() => {}) } });
    const late = rejection(orchestrator.run({ request: {}, options: { timeoutMs: 50 } }));
    await clock.runAll();
    expect(await late).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs" });
    const caller = new AbortController();
    const left = rejection(orchestrator.run({ request: {}, signal: caller.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    expect(await left).toBeInstanceOf(CancelledError);
  });

  test("a tool that failed for good is replaced by its fallbacks in turn; both stand in the errors", async () => {
    const clock = createFakeClock();
    const bad = defineTool({ name: "bad", execute: () => Promise.reject(busy()) });
    const worse = defineTool({
      name: "worse",
      execute: () => Promise.reject(Object.assign(new Error("key"), { statusCode: 401 })),
    });
    const good = defineTool({ name: "good", execute: () => "saved" });
    const hops: string[] = [];
    const run = new ReliableOrchestrator({ clock }).run({
      tool: bad,
      fallbackTools: [worse, good],
      request: {},
      onEvent: (event) => event.type === "fallback_started" && hops.push(`${event.from}>${event.to}`),
    });
    await clock.runAll();
    const output = await run;
    expect([output.status, output.content, hops]).toEqual(["completed", "saved", ["bad>worse", "worse>good"]]);
    expect(Object.keys(output.errors ?? {})).toEqual(["bad", "worse"]);
    expect(output.metadata.toolName).toBe("good");
  });

  test("the options of a plan go to the fallbacks of the plan, and to no others", async () => {
    const asked: unknown[] = [];
    const tool = (name: string, execute: () => unknown) =>
      defineTool({
        name,
        execute(_request: object, options: object) {
          asked.push([name, options]);
          return execute();
        },
      });
    const fail = () => Promise.reject(new Error("it is broken"));
    const a = tool("a", fail);
    const b = tool("b", fail);
    const own = tool("own", () => "own");
    const action = { toolName: a, fallbackTools: [b], toolOptions: { depth: 9 } };
    const planner = new RuleBasedPlanner([{ name: "r", conditions: [], action }]);
    const orchestrator = new ReliableOrchestrator({ planner, state: new ReliabilityState() });
    await orchestrator.run({ request: {}, toolOptions: { limit: 2 } });
    await orchestrator.run({ request: {}, toolOptions: { limit: 2 }, fallbackTools: [own] });
    const planned = { depth: 9, limit: 2 };
    expect(asked).toEqual([
      ["a", planned],
      ["b", planned],
      ["a", planned],
      ["own", { limit: 2 }],
    ]);
  });

  test("a request is checked once by each tool that it goes to", async () => {
    const checked: string[] = [];
    const tool = (name: string, execute: (request: string) => unknown) =>
      defineTool({
        name,
        input: z.string().transform((text) => {
          checked.push(name);
          return text.trim();
        }),
        execute,
      });
    const first = tool("first", () => Promise.reject(new RetryableError("it is busy")));
    const second = tool("second", (text) => text);
    const orchestrator = new ReliableOrchestrator({
      reliabilityConfig: { maxRetries: 2, initialDelayMs: 0 },
      state: new ReliabilityState(),
    });
    const output = await orchestrator.run({ tool: first, fallbackTools: [second], request: " a " });
    expect([output.content, checked]).toEqual(["a", ["first", "second"]]);
  });

  test("a fallback that is named twice, or is the tool itself, runs once", async () => {
    const calls: string[] = [];
    const failing = (name: string) =>
      defineTool({
        name,
        execute() {
          calls.push(name);
          return Promise.reject(Object.assign(new Error("key"), { statusCode: 401 }));
        },
      });
    const [tool, fallback] = [failing("tool"), failing("fallback")];
    const output = await new ReliableOrchestrator({ state: new ReliabilityState() }).run({
      tool,
      fallbackTools: [tool, fallback, fallback],
      request: {},
    });
    expect([output.status, calls]).toEqual(["failed", ["tool", "fallback"]]);
  });

  test("an invalid request does not fall back", async () => {
    const bad = defineTool({
      name: "bad",
      execute: () => Promise.reject(Object.assign(new Error("bad"), { statusCode: 400 })),
    });
    const good = defineTool({ name: "good", execute: () => "saved" });
    const output = await new ReliableOrchestrator({ state: new ReliabilityState() }).run({
      tool: bad,
      fallbackTools: [good],
      request: {},
    });
    expect(output.status).toBe("failed");
  });
});

describe("escalation", () => {
  test("answers that all differ are not sampled on: the stronger model is asked, and both are kept and counted", async () => {
    const usage = { inputTokens: 10, outputTokens: 10 };
    const weak = scriptedModel(({ index }) => ({ object: index, usage }), { modelId: "weak" });
    const strong = scriptedModel(() => ({ object: 42, usage }), { modelId: "strong" });
    const tool = new PromptBundleTool({ name: "t", model: weak, prompt: "x", schema: z.number() });
    const output = await new ReliableOrchestrator({ state: new ReliabilityState() }).run({
      tool,
      request: {},
      toolOptions: { k: 10, escalate: { below: 0.8, to: [strong] } },
    });
    expect(output.status).toBe("completed");
    const bundle = unwrap(output).evidenceBundle;
    expect(bundle.summary.consensus).toBe(42);
    expect(weak.calls.length).toBe(3);
    expect(bundle.meta.escalations).toMatchObject([{ from: "weak", replicateIds: ["r1", "r2", "r3"] }]);
    expect(output.usage.totalTokens).toBe((3 + strong.calls.length) * 20);
    expect(new Set(bundle.replicates.map(({ id }) => id)).size).toBe(bundle.replicates.length);
  });
});

/** Nine faults that systems of this kind are known for. Each test fails where one of them comes back. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import {
  BudgetExceeded,
  type BundleOptions,
  createRegistry,
  defineTool,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  StoreError,
  unwrap,
} from "../../src/index.ts";
import { createTypeBasedRule, type Planner, RuleBasedPlanner } from "../../src/planning.ts";
import { classify, ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { createFakeClock, scriptedModel, scriptedTool, seededRandom } from "../../src/testing.ts";
import { Answers, eventLog, httpError, rejection } from "../reference/support.ts";

const never = defineTool({ name: "never", execute: (_request: object) => new Promise<never>(() => {}) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A tool that says what it was given. */
const echo = defineTool({ name: "echo", execute: (request: unknown, toolOptions) => ({ request, toolOptions }) });

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

describe("1. one run, not two that drift apart", () => {
  test("the reliable orchestrator has no run, stream or runMany of its own", () => {
    for (const method of ["run", "stream", "runMany"] as const) {
      expect(Object.hasOwn(ReliableOrchestrator.prototype, method)).toBe(false);
      expect(ReliableOrchestrator.prototype[method]).toBe(Orchestrator.prototype[method]);
    }
  });

  test.each([
    ["Orchestrator", Orchestrator, {}],
    ["ReliableOrchestrator", ReliableOrchestrator, {}],
    ["ReliableOrchestrator with a key", ReliableOrchestrator, { idempotencyKey: "k" }],
  ])("%s ends a run at timeoutMs", async (_name, Kind, options) => {
    const clock = createFakeClock();
    const run = rejection(
      new Kind({ clock }).run({ tool: never, request: {}, options: { ...options, timeoutMs: 1000 } }),
    );
    await clock.advance(999);
    expect(clock.pending).toBeGreaterThan(0);
    await clock.advance(1);
    expect(await run).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs", limit: 1000 });
    expect(clock.pending).toBe(0);
  });

  test("the reliable orchestrator keeps the promises of the basic one about events", async () => {
    const clock = createFakeClock();
    const types = await Promise.all(
      [Orchestrator, ReliableOrchestrator].map(async (Kind) => {
        const log = eventLog();
        await new Kind({ clock }).run({ tool: echo, request: {}, onEvent: log.onEvent });
        return log.types();
      }),
    );
    expect(types[1]).toEqual(types[0]);
  });
});

describe("2. what the caller gave stays as it was, and wins", () => {
  test("a frozen input runs, and the same object runs again under its key without a conflict", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const params = deepFreeze({
      request: { type: "bug", nested: { list: [1, { deep: true }] } },
      toolOptions: { depth: { level: 1 } },
      options: { idempotencyKey: "k", metadata: { tags: ["a"] }, budget: { tokens: 10 } },
    });
    const before = JSON.stringify(params);
    const first = await orchestrator.run({ tool: echo, ...params });
    const second = await orchestrator.run({ tool: echo, ...params });
    expect([first.status, second.metadata.replayed]).toEqual(["completed", true]);
    expect(JSON.stringify(params)).toBe(before);
  });

  test("a planner that writes into the request or the budget does not reach the caller's", async () => {
    const planner: Planner = {
      async plan(request, _tools, context) {
        Reflect.set(request as object, "type", "changed");
        Reflect.set(context?.budget as object, "tokens", 0);
        return {
          selectedTool: "echo",
          toolOptions: {},
          fallbackTools: [],
          executionStrategy: "single",
          confidence: 1,
          reasoning: "the only one",
          metadata: {},
        };
      },
    };
    const request = { type: "bug" };
    const budget = { tokens: 10 };
    const orchestrator = new ReliableOrchestrator({ planner, registry: createRegistry([echo]) });
    const output = await orchestrator.run({ request, options: { budget } } as any);
    expect(output).toMatchObject({
      status: "completed",
      content: { request: { type: "bug" } },
      metadata: { budget: { tokens: 10 } },
    });
    expect([request, budget]).toEqual([{ type: "bug" }, { tokens: 10 }]);
  });

  test("explicit options of the caller win over the planner's; what the caller left open is the planner's", async () => {
    const rule = createTypeBasedRule({
      requestType: "bug",
      toolName: echo,
      toolOptions: { depth: "planned", width: "planned" },
    });
    const orchestrator = new ReliableOrchestrator({ planner: new RuleBasedPlanner([rule]) });
    const output = await orchestrator.run({ request: { type: "bug" }, toolOptions: { depth: "explicit" } });
    expect(output.content).toMatchObject({ toolOptions: { depth: "explicit", width: "planned" } });
  });

  test("an explicit tool wins over a rule that holds for another", async () => {
    const other = defineTool({ name: "other", execute: () => "planned" });
    const planner = new RuleBasedPlanner([createTypeBasedRule({ requestType: "bug", toolName: other })]);
    const output = await new ReliableOrchestrator({ planner }).run({ tool: echo, request: { type: "bug" } });
    expect(output.metadata.toolName).toBe("echo");
  });
});

describe("3. one key, one execution", () => {
  const storeFailure = new StoreError({
    store: "memory",
    operation: "settle",
    reason: "full",
    what: "there is no room",
    advice: "Make some.",
  });

  test("five concurrent runs of one key, through five orchestrators of one process, execute once", async () => {
    const state = new ReliabilityState();
    let executions = 0;
    const tool = defineTool({
      name: "counted",
      async execute(_request: object) {
        executions++;
        await turn();
        return executions;
      },
    });
    const runs = Array.from({ length: 5 }, () =>
      new ReliableOrchestrator({ state }).run({ tool, request: {}, options: { idempotencyKey: "k" } }),
    );
    expect((await Promise.all(runs)).map(unwrap)).toEqual([1, 1, 1, 1, 1]);
  });

  test("five concurrent runs of one key in five processes, which share nothing but the store, execute once", async () => {
    const clock = createFakeClock();
    const store = new MemoryStore({ clock });
    let executions = 0;
    const tool = defineTool({
      name: "counted",
      async execute(_request: object, _options, { clock: runClock, signal }) {
        executions++;
        await runClock.sleep(2000, { signal });
        return executions;
      },
    });
    const runs = Array.from({ length: 5 }, () =>
      new ReliableOrchestrator({ store, clock, state: new ReliabilityState({ clock }) }).run({
        tool,
        request: {},
        options: { idempotencyKey: "k" },
      }),
    );
    await clock.runAll();
    expect((await Promise.all(runs)).map(unwrap)).toEqual([1, 1, 1, 1, 1]);
  });

  test.each(["claim", "settle", "append"] as const)("a store that fails at %s is never passed over", async (step) => {
    const store = new MemoryStore();
    vi.spyOn(store, step).mockRejectedValue(storeFailure);
    const orchestrator = new ReliableOrchestrator({ store, state: new ReliabilityState() });
    const error = await rejection(
      orchestrator.run({ tool: new Answers(["yes"]), request: {}, options: { idempotencyKey: "k" } }),
    );
    expect(error).toMatchObject({ code: "STORE", reason: "full" });
  });

  test.each([
    ["another tool", { tool: defineTool({ name: "other", execute: (_request: object) => 1 }) }],
    ["other options of the tool", { toolOptions: { depth: 2 } }],
    ["another request", { request: { a: 2 } }],
  ])("%s under a taken key is a conflict", async (_what, changed) => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const params = { tool: echo, request: { a: 1 }, toolOptions: { depth: 1 }, options: { idempotencyKey: "k" } };
    await orchestrator.run(params);
    expect(await rejection(orchestrator.run({ ...params, ...changed } as any))).toMatchObject({
      code: "CONFLICT",
      key: "k",
    });
  });

  test("a key in flight is not forgotten, however many others settle past the store's bound meanwhile", async () => {
    const store = new MemoryStore({ maxEntries: 3 });
    let release = (_value: string) => {};
    let executions = 0;
    const slow = defineTool({
      name: "slow",
      execute: (_request: object) => {
        executions++;
        return new Promise<string>((resolve) => (release = resolve));
      },
    });
    const process = () => new ReliableOrchestrator({ store, state: new ReliabilityState() });
    const first = process().run({ tool: slow, request: {}, options: { idempotencyKey: "live" } });
    await vi.waitFor(() => expect(executions).toBe(1));
    for (let index = 0; index < 10; index++)
      await process().run({ tool: echo, request: {}, options: { idempotencyKey: `k${index}` } });
    const other = process().run({ tool: slow, request: { other: 1 }, options: { idempotencyKey: "live" } });
    expect(await rejection(other)).toMatchObject({ code: "CONFLICT" });
    release("done");
    expect([unwrap(await first), executions]).toEqual(["done", 1]);
  });
});

describe("4. a budget is kept before the money is spent", () => {
  const answered = { object: 1, usage: { inputTokens: 40, outputTokens: 10 } };
  const prompt = (model: ReturnType<typeof scriptedModel>, maxOutputTokens = 50) =>
    new PromptBundleTool({ name: "t", model, prompt: "x", schema: z.number(), maxOutputTokens });

  test("a call that the budget cannot cover is never made, and the error is BudgetExceeded, with its facts", async () => {
    const model = scriptedModel([answered]);
    const error = await rejection(
      new ReliableOrchestrator().run({ tool: prompt(model), request: {}, options: { budget: { tokens: 20 } } }),
    );
    expect(error).toBeInstanceOf(BudgetExceeded);
    expect(error).toMatchObject({ budgetType: "tokens", limit: 20, partial: { usage: { requests: 0 }, costUsd: 0 } });
    expect(error.actual).toBeGreaterThan(20);
    expect(model.calls).toEqual([]);
  });

  test("a bundle that the budget ends is partial and keeps its paid answers", async () => {
    const model = scriptedModel(() => answered);
    const output = await new ReliableOrchestrator({ state: new ReliabilityState() }).run({
      tool: prompt(model),
      request: {},
      toolOptions: { k: 10, stopping: "none" },
      options: { budget: { tokens: 500 } },
    });
    expect(output.status).toBe("partial");
    expect(unwrap(output).evidenceBundle.summary.consensus).toBe(1);
    expect(output.usage.totalTokens).toBe(model.calls.length * 50);
    expect(output.usage.totalTokens).toBeLessThanOrEqual(500);
  });

  test("a result that cost more than anybody could know before is not thrown away; a warning tells of it", async () => {
    const tool = defineTool({
      name: "dear",
      execute(_request: object, _options, { reportUsage }) {
        reportUsage({ inputTokens: 90, outputTokens: 60, totalTokens: 150 }, 0.5);
        return "worth it";
      },
    });
    const log = eventLog();
    const output = await new ReliableOrchestrator().run({
      tool,
      request: {},
      options: { budget: { tokens: 100 } },
      onEvent: log.onEvent,
    });
    expect(output).toMatchObject({ status: "completed", content: "worth it", usage: { totalTokens: 150 } });
    expect(log.events.filter(({ type }) => type === "warning")).toMatchObject([{ code: "budget_overrun" }]);
  });

  test("a retry that the budget does not cover is not made, and what the first attempt used is told", async () => {
    const clock = createFakeClock();
    let attempts = 0;
    const tool = Object.assign(
      defineTool({
        name: "failing",
        execute(_request: object, _options, { reportUsage }) {
          attempts++;
          reportUsage({ inputTokens: 2, outputTokens: 3, totalTokens: 5 }, 0.1);
          throw httpError(503);
        },
      }),
      { estimate: () => ({ tokens: 6 }) },
    );
    const run = rejection(
      new ReliableOrchestrator({ clock }).run({ tool, request: {}, options: { budget: { tokens: 10 } } }),
    );
    await clock.runAll();
    expect(await run).toMatchObject({
      code: "BUDGET_EXCEEDED",
      limit: 10,
      actual: 11,
      partial: { usage: { totalTokens: 5, requests: 1 }, costUsd: 0.1 },
    });
    expect(attempts).toBe(1);
  });
});

describe("5. one classifier, one owner of retry", () => {
  const failing: [string, unknown][] = [
    ["HTTP 503", httpError(503)],
    ["HTTP 529", httpError(529)],
    ["ECONNRESET", Object.assign(new Error("reset"), { code: "ECONNRESET" })],
    ["EAI_AGAIN below a TypeError", new TypeError("fetch failed", { cause: { code: "EAI_AGAIN" } })],
  ];

  test.each(failing)("%s is retried, and after the last retry falls back", async (_name, error) => {
    const clock = createFakeClock();
    const failed = defineTool({ name: "primary", execute: vi.fn((_request: object) => Promise.reject(error)) });
    const good = defineTool({ name: "secondary", execute: () => "saved" });
    const log = eventLog();
    const run = new ReliableOrchestrator({ clock }).run({
      tool: failed,
      fallbackTools: [good],
      request: {},
      onEvent: log.onEvent,
    });
    await clock.runAll();
    const output = await run;
    expect([output.status, output.content]).toEqual(["completed", "saved"]);
    expect(output.errors?.["primary"]).toMatchObject({ attempts: 4, isRetryable: true });
    expect(log.types("retry_scheduled", "fallback_started")).toEqual([
      "retry_scheduled",
      "retry_scheduled",
      "retry_scheduled",
      "fallback_started",
    ]);
  });

  test.each([400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529])(
    "what a run does after HTTP %i is what classify says of it",
    async (status) => {
      const clock = createFakeClock();
      const { category, isRetryable } = classify(httpError(status));
      const tool = scriptedTool("t", [httpError(status), "second attempt"]);
      const run = new ReliableOrchestrator({ clock }).run({ tool, request: {} });
      await clock.runAll();
      const output = await run;
      expect(output.status).toBe(isRetryable ? "completed" : "failed");
      if (output.status === "failed") expect(output.errors["t"]).toMatchObject({ category, isRetryable });
    },
  );

  test("two runs of one request id at the same time take no retries from each other", async () => {
    const clock = createFakeClock();
    const orchestrator = new ReliableOrchestrator({ clock });
    const flaky = () => [httpError(503), httpError(503), httpError(503), "ok"];
    const runs = ["a", "b"].map((name) =>
      orchestrator.run({ tool: scriptedTool(name, flaky()), request: {}, options: { requestId: "same" } }),
    );
    await clock.runAll();
    expect((await Promise.all(runs)).map((output) => output.content)).toEqual(["ok", "ok"]);
  });

  // A 429 also pauses the provider, so that a 503 shows what the retry itself does.
  test.each([429, 503])("jitter never undercuts the Retry-After of a %i, whatever the dice say", async (status) => {
    for (let seed = 0; seed < 25; seed++) {
      const clock = createFakeClock();
      const calledAt: number[] = [];
      const tool = defineTool({
        name: "limited",
        execute: (_request: object) => {
          calledAt.push(clock.now());
          if (calledAt.length === 1) throw httpError(status, { "retry-after": "5" });
          return "ok";
        },
      });
      const run = new ReliableOrchestrator({ clock, random: seededRandom(seed) }).run({ tool, request: {} });
      await clock.runAll();
      expect(unwrap(await run)).toBe("ok");
      expect(calledAt[1]).toBeGreaterThanOrEqual(5000);
    }
  });
});

describe("6. a breaker that neither sticks nor forgets whose it is", () => {
  afterEach(() => void vi.restoreAllMocks());

  /** A tool of a provider that is down until it is told otherwise, without retries. */
  function world(given: { openMs?: number } = {}) {
    const clock = createFakeClock();
    const state = new ReliabilityState({ clock });
    const orchestrator = new ReliableOrchestrator({
      clock,
      state,
      reliabilityConfig: { maxRetries: 0, circuitBreaker: { openMs: 1000, ...given } },
    });
    let answer: () => unknown = () => Promise.reject(httpError(503));
    const tool = Object.assign(defineTool({ name: "t", execute: (_request: object) => answer() }), {
      provider: "acme",
    });
    const run = async (signal?: AbortSignal) => (await orchestrator.run({ tool, request: {}, signal })).status;
    const become = (next: () => unknown) => (answer = next);
    const fail = async (times: number) => {
      become(() => Promise.reject(httpError(503)));
      for (let index = 0; index < times; index++) await run();
    };
    return { clock, state, run, become, fail };
  }

  test("permits of cancelled probes come back: after any number of them the circuit still closes", async () => {
    const { clock, state, run, become, fail } = world();
    await fail(5);
    expect(state.breakers()).toEqual({ acme: "open" });
    await clock.advance(1000);
    become(() => new Promise(() => {}));
    for (let index = 0; index < 10; index++) {
      const controller = new AbortController();
      const cancelled = rejection(run(controller.signal));
      await turn();
      controller.abort();
      expect(await cancelled).toMatchObject({ code: "CANCELLED" });
    }
    become(() => "up");
    expect([await run(), await run()]).toEqual(["completed", "completed"]);
    expect(state.breakers()).toEqual({ acme: "closed" });
  });

  test("failures of before do not survive closing: four more do not open it again", async () => {
    const { clock, state, run, become, fail } = world();
    await fail(5);
    await clock.advance(1000);
    become(() => "up");
    await run();
    await run();
    await fail(4);
    expect(state.breakers()).toEqual({ acme: "closed" });
    await fail(1);
    expect(state.breakers()).toEqual({ acme: "open" });
  });

  test("its key is the declared provider from the first call on, also after a success", async () => {
    const { state, run, become, fail } = world();
    await fail(1);
    expect(Object.keys(state.breakers())).toEqual(["acme"]);
    become(() => ({ provider: "somebody else", model: "other" }));
    await run();
    await fail(4);
    expect(state.breakers()).toEqual({ acme: "open" });
  });

  test("not every exception counts: 100 bad requests, wrong keys, bugs and 429s open nothing", async () => {
    const { clock, state, run, become } = world();
    const others = [httpError(400), httpError(401), new TypeError("a bug"), httpError(429), "a string"];
    for (let index = 0; index < 100; index++) {
      become(() => Promise.reject(others[index % others.length]));
      const ended = run();
      // After a 429 the next call waits for its turn.
      await clock.runAll();
      expect(await ended).toBe("failed");
    }
    expect(state.breakers()).toEqual({ acme: "closed" });
  });

  test("a wall clock that is set forwards or backwards neither opens nor closes it", async () => {
    const state = new ReliabilityState();
    const orchestrator = new ReliableOrchestrator({ state, reliabilityConfig: { maxRetries: 0 } });
    const tool = defineTool({ name: "t", execute: vi.fn((_request: object) => Promise.reject(httpError(503))) });
    for (let index = 0; index < 5; index++) await orchestrator.run({ tool, request: {} });
    const wallMs = Date.now();
    for (const jumpMs of [86_400_000, -86_400_000]) {
      vi.spyOn(Date, "now").mockReturnValue(wallMs + jumpMs);
      const output = await orchestrator.run({ tool, request: {} });
      expect(output.errors?.["t"]).toMatchObject({ category: "circuit_open", attempts: 0 });
      expect(state.breakers()).toEqual({ "tool:t": "open" });
    }
  });
});

describe("7. evidence that says what the answers say", () => {
  const bundleOf = async (answers: readonly unknown[], toolOptions: BundleOptions = {}) =>
    unwrap(
      await new Orchestrator().run({
        tool: new Answers(answers),
        request: {},
        toolOptions: { k: answers.length, stopping: "none", ...toolOptions } as any,
      }),
    ).evidenceBundle;

  test("unanimous answers have that answer as their consensus, and total disagreement far less confidence", async () => {
    const same = await bundleOf(Array.from({ length: 5 }, () => ({ severity: "high" })));
    const different = await bundleOf(["a", "b", "c", "d", "e"].map((severity) => ({ severity })));
    expect(same.summary).toMatchObject({ consensus: { severity: "high" }, disagreements: [] });
    expect(same.summary.confidence).toBeGreaterThan(0.8);
    expect(different.summary.confidence).toBeLessThan(0.5);
    expect(different.summary.disagreements[0]?.values).toHaveLength(5);
  });

  test("one valid text answer is a bundle, not an error", async () => {
    const { summary } = await bundleOf(["Paris"]);
    expect(summary).toMatchObject({ consensus: "Paris", validCount: 1, pairwiseDistance: [[0]] });
  });

  test("a pair with an invalid answer has no distance, and never distance 0", async () => {
    const { summary, replicates } = await bundleOf([1, new Error("no"), 1]);
    expect(replicates.map(({ valid }) => valid)).toEqual([true, false, true]);
    expect(summary.pairwiseDistance?.[0]?.[1]).toBeNull();
    expect(summary.pairwiseDistance?.[1]?.[2]).toBeNull();
    expect(summary.pairwiseDistance?.[0]?.[2]).toBe(0);
  });

  test("an unknown price is null, from the replicate to the output, and is refused under a dollar budget", async () => {
    const model = Object.assign(
      scriptedModel(() => ({ text: "x" }), { modelId: "mystery" }),
      { source: "live" },
    );
    const tool = new PromptBundleTool({ name: "t", model, prompt: "x" });
    const output = await new Orchestrator().run({ tool, request: {} });
    expect([output.costUsd, output.metadata.costUsd]).toEqual([null, null]);
    expect(unwrap(output).evidenceBundle.costTotalUsd).toBeNull();
    expect(unwrap(output).evidenceBundle.replicates[0]?.costUsd).toBeNull();
    const error = await rejection(new Orchestrator().run({ tool, request: {}, options: { budget: { costUsd: 1 } } }));
    expect(error).toBeInstanceOf(InvalidOptionsError);
  });

  test("replicate_done comes when that replicate is done, while others still run", async () => {
    const clock = createFakeClock();
    const doneAt: Record<string, number> = {};
    class Staggered extends Answers {
      override async executeReplicate(...[request, replicate, context]: Parameters<Answers["executeReplicate"]>) {
        await clock.sleep((3 - replicate.index) * 1000, { signal: context.signal });
        return super.executeReplicate(request, replicate, context);
      }
    }
    const onEvent = (event: OrchestrationEvent) => {
      if (event.type === "replicate_done") doneAt[event.replicate.id] = clock.now();
    };
    const toolOptions = { k: 3, stopping: "none" } as const;
    const run = new Orchestrator({ clock }).run({ tool: new Staggered(["x"]), request: {}, toolOptions, onEvent });
    await clock.runAll();
    await run;
    expect(doneAt).toEqual({ r3: 1000, r2: 2000, r1: 3000 });
  });

  test("it stops as soon as the answer is settled: 10 were allowed, fewer are asked", async () => {
    const tool = new Answers(["same"]);
    const output = await new Orchestrator().run({ tool, request: {}, toolOptions: { k: 10 } });
    const { meta } = unwrap(output).evidenceBundle;
    expect(meta).toMatchObject({ k: 10, kCompleted: tool.asked.length, earlyStopped: true });
    expect(meta.earlyStopReason).toEqual(expect.any(String));
    expect(tool.asked.length).toBeLessThan(10);
    expect(output.status).toBe("completed");
  });
});

describe("9. an open primary does not cost a rule its fallbacks", () => {
  test("the healthy fallback of the same rule is chosen, not the next rule, and the reason is told", async () => {
    const clock = createFakeClock();
    const state = new ReliabilityState({ clock });
    const primary = Object.assign(
      defineTool({ name: "primary", execute: (_request: object) => Promise.reject(httpError(503)) }),
      { provider: "down" },
    );
    const fallback = defineTool({ name: "fallback", execute: () => "from the same rule" });
    const last = defineTool({ name: "last", execute: () => "from the next rule" });
    const planner = new RuleBasedPlanner([
      createTypeBasedRule({ requestType: "bug", toolName: primary, fallbackTools: [fallback], priority: 2 }),
      createTypeBasedRule({ requestType: "bug", toolName: last, priority: 1 }),
    ]);
    const reliabilityConfig = { maxRetries: 0 };
    const orchestrator = new ReliableOrchestrator({ clock, state, planner, reliabilityConfig });
    for (let index = 0; index < 5; index++) await orchestrator.run({ tool: primary, request: {} });
    expect(state.breakers()["down"]).toBe("open");
    const log = eventLog();
    const output = await orchestrator.run({ request: { type: "bug" }, onEvent: log.onEvent });
    expect(output.content).toBe("from the same rule");
    expect(log.events.find(({ type }) => type === "plan_selected")).toMatchObject({
      toolName: "fallback",
      reasoning: expect.stringContaining("primary"),
    });
  });
});

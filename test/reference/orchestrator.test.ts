import { describe, expect, test } from "vitest";
import {
  BudgetExceeded,
  CancelledError,
  createRegistry,
  defineTool,
  EventManager,
  InvalidOptionsError,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { RuleBasedPlanner } from "../../src/planning.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";
import { Answers, eventLog, rejection } from "./support.ts";

const shout = defineTool({ name: "shout", execute: (request: string) => request.toUpperCase() });
const never = defineTool({ name: "never", execute: () => new Promise<never>(() => {}) });

describe("run({ request, tool | toolName, toolOptions, options, agents, eventManager, onEvent, signal })", () => {
  test("takes a request that is a text, or an object", async () => {
    expect(unwrap(await new Orchestrator().run({ tool: shout, request: "hello" }))).toBe("HELLO");
    const keys = defineTool({ name: "keys", execute: (request: object) => Object.keys(request) });
    expect(unwrap(await new Orchestrator().run({ tool: keys, request: { query: "x" } }))).toEqual(["query"]);
  });

  test("refuses a tool and a name at once, a name and agents, and every unknown parameter", async () => {
    const orchestrator = new Orchestrator({ registry: createRegistry([shout]) });
    const agents = [{ name: "a", prompt: "p", model: "simulated:" }];
    for (const wrong of [
      { tool: shout, toolName: "shout" },
      { toolName: "shout", agents },
      { tool: shout, planner: new RuleBasedPlanner() },
      { tool: shout, onEvent: "log" },
      { tool: shout, signal: new AbortController() },
      { tool: shout, eventManager: {} },
    ])
      expect(await rejection(orchestrator.run({ request: "x", ...wrong } as any))).toBeInstanceOf(InvalidOptionsError);
  });

  test("an eventManager, onEvent and a stream hear the same events of the same run", async () => {
    const eventManager = new EventManager();
    const [managed, direct, streamed] = [eventLog(), eventLog(), eventLog()];
    eventManager.on("*", managed.onEvent);
    const stream = new Orchestrator().stream({ tool: shout, request: "x", eventManager, onEvent: direct.onEvent });
    for await (const event of stream) streamed.onEvent(event);
    expect(managed.events).toEqual(direct.events);
    expect(streamed.events).toEqual(direct.events);
    expect(direct.types()).toEqual(["run_started", "tool_started", "run_completed"]);
  });

  test("defaultOptions of the orchestrator hold where a run gives none, an undefined one included", async () => {
    const defaultOptions = { metadata: { team: "search" }, traceId: "default" };
    const orchestrator = new Orchestrator({ defaultOptions });
    const output = await orchestrator.run({
      tool: shout,
      request: "x",
      options: { traceId: "own", metadata: undefined },
    });
    expect(output).toMatchObject({ traceId: "own", metadata: { team: "search" } });
  });
});

describe("OrchestrationConfig.maxParallel", () => {
  /** The most answers of a bundle that are in flight at once. */
  async function mostInFlight(params: { toolOptions?: object; options?: object }): Promise<number> {
    const clock = createFakeClock();
    let [inFlight, most] = [0, 0];
    class Counting extends Answers {
      override async executeReplicate(...[request, replicate, context]: Parameters<Answers["executeReplicate"]>) {
        most = Math.max(most, ++inFlight);
        await clock.sleep(10, { signal: context.signal });
        inFlight--;
        return super.executeReplicate(request, replicate, context);
      }
    }
    const { options, toolOptions } = params;
    const run = new Orchestrator({ clock }).run({
      tool: new Counting(["x"]),
      request: {},
      toolOptions: { k: 30, stopping: "none", ...toolOptions },
      options,
    });
    await clock.runAll();
    await run;
    return most;
  }

  test.each([
    ["is 10 by default", {}, 10],
    ["of the run counts where it is the lower", { options: { maxParallel: 2 }, toolOptions: { maxParallel: 4 } }, 2],
    ["of the tool counts where it is the lower", { options: { maxParallel: 20 }, toolOptions: { maxParallel: 4 } }, 4],
    ["cannot raise that of the tool", { options: { maxParallel: 20 } }, 10],
  ])("%s", async (_what, params, most) => {
    expect(await mostInFlight(params)).toBe(most);
  });
});

describe("OrchestrationConfig.budget", () => {
  test("timeMs and timeoutMs are one deadline: the earlier", async () => {
    for (const options of [
      { timeoutMs: 100, budget: { timeMs: 5000 } },
      { timeoutMs: 5000, budget: { timeMs: 100 } },
    ]) {
      const clock = createFakeClock();
      const log = eventLog();
      const run = rejection(
        new Orchestrator({ clock }).run({ tool: never, request: {}, options, onEvent: log.onEvent }),
      );
      await clock.runAll();
      expect(clock.now()).toBe(100);
      const error = await run;
      expect(error).toBeInstanceOf(BudgetExceeded);
      expect(error).toMatchObject({ budgetType: "timeMs", limit: 100 });
      expect(log.types()).toEqual(["run_started", "tool_started", "timeout", "run_failed"]);
    }
  });

  test("in dollars is kept too: no replicate starts that it cannot cover", async () => {
    const tool = new Answers(["x"]);
    const output = await new Orchestrator().run({
      tool,
      request: {},
      toolOptions: { k: 10, stopping: "none", perReplicateBudget: { costUsd: 0.01 } },
      options: { budget: { costUsd: 0.035 } },
    });
    expect(output.status).toBe("partial");
    expect(tool.asked).toHaveLength(3);
    expect(output.costUsd).toBeCloseTo(0.03, 12);
  });
});

describe("stream", () => {
  test("cancel(reason) ends the run with that reason, and the stream with cancelled", async () => {
    const stream = new Orchestrator().stream({ tool: never, request: {} });
    const types: string[] = [];
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === "tool_started") stream.cancel("seen enough");
    }
    const error = await rejection(stream.output);
    expect(error).toBeInstanceOf(CancelledError);
    expect(error.cause).toBe("seen enough");
    expect(types).toEqual(["run_started", "tool_started", "cancelled"]);
  });
});

describe("runMany", () => {
  test("runs 10 at a time by default", async () => {
    let [inFlight, most] = [0, 0];
    const tool = defineTool({
      name: "counted",
      async execute(n: number) {
        most = Math.max(most, ++inFlight);
        await new Promise((resolve) => setImmediate(resolve));
        inFlight--;
        return n;
      },
    });
    const outputs: unknown[] = [];
    for await (const done of new Orchestrator().runMany({ tool, requests: Array.from({ length: 40 }, (_, n) => n) }))
      outputs[done.index] = "output" in done ? unwrap(done.output) : done.error;
    expect(outputs).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(most).toBe(10);
  });

  test("gives a budget to each run, not to all together", async () => {
    const results: unknown[] = [];
    const params = { requests: [{}, {}, {}], toolOptions: { k: 2, perReplicateBudget: { tokens: 5 } } };
    for await (const done of new Orchestrator().runMany({
      tool: new Answers(["x"]),
      ...params,
      options: { budget: { tokens: 10 } },
    }))
      results.push("output" in done && done.output.status);
    expect(results).toEqual(["completed", "completed", "completed"]);
  });

  test("refuses, before anything runs, what belongs to one run alone", () => {
    const orchestrator = new ReliableOrchestrator();
    for (const wrong of [
      { options: { idempotencyKey: "k" } },
      { options: { requestId: "r" } },
      { concurrency: 0 },
      { requests: 5 },
    ])
      expect(() => orchestrator.runMany({ tool: shout, requests: ["x"], ...wrong } as any)).toThrow(
        InvalidOptionsError,
      );
  });
});

describe("agents (deprecated)", () => {
  const agents = [
    { name: "first", prompt: "Answer {{question}}", model: "simulated:?truth=yes" },
    { name: "second", prompt: "You answer.", model: "simulated:?truth=no" },
  ];

  test("run as one-off tools, each answer under its name, and a warning says what to use instead", async () => {
    const log = eventLog();
    const output = await new Orchestrator().run({ request: { question: "?" }, agents, onEvent: log.onEvent });
    expect(output.status).toBe("completed");
    expect(Object.keys(output.content as object).toSorted()).toEqual(["first", "second"]);
    expect(log.events.find(({ type }) => type === "warning")).toMatchObject({
      code: "deprecated_agents",
      message: expect.stringContaining("tools"),
    });
  });

  test("keep to maxParallel", async () => {
    const log = eventLog();
    const many = Array.from({ length: 6 }, (_, index) => ({ ...agents[1], name: `a${index}` })) as typeof agents;
    await new Orchestrator().run({
      request: "?",
      agents: many,
      options: { maxParallel: 2 },
      onEvent: log.onEvent,
    });
    let inFlight = 0;
    for (const { type } of log.events) {
      if (type === "replicate_started") inFlight++;
      if (type === "replicate_done") inFlight--;
      expect(inFlight).toBeLessThanOrEqual(2);
    }
    expect(log.types("replicate_done")).toHaveLength(6);
  });

  test("without a name, a prompt or a model are refused, all at once", async () => {
    const error = await rejection(new Orchestrator().run({ request: "?", agents: [{ name: "" }] as any }));
    expect(error.issues.map(({ path }: { path: string }) => path)).toEqual([
      "agents[0].name",
      "agents[0].prompt",
      "agents[0].model",
    ]);
  });
});

describe("ReliableOrchestrator", () => {
  test("has no default that has to be given: planner, reliabilityConfig and store may be left out", async () => {
    const output = await new ReliableOrchestrator().run({ tool: shout, request: "x" });
    expect(unwrap(output)).toBe("X");
  });

  test("hands traceId, requestId, attempt, idempotencyKey, budget and signal to the tool", async () => {
    let seen: Record<string, unknown> = {};
    const tool = defineTool({
      name: "context",
      execute(_request: object, _options, context) {
        const { traceId, requestId, attempt, idempotencyKey, budget, signal } = context;
        seen = { traceId, requestId, attempt, idempotencyKey, remaining: budget.remaining(), aborted: signal.aborted };
      },
    });
    const options = { traceId: "trace-456", requestId: "r", idempotencyKey: "unique-123", budget: { tokens: 2000 } };
    const output = await new ReliableOrchestrator({ state: new ReliabilityState() }).run({
      tool,
      request: {},
      options,
    });
    expect(seen).toEqual({
      traceId: "trace-456",
      requestId: "r",
      attempt: 1,
      idempotencyKey: "unique-123",
      remaining: { tokens: expect.any(Number) },
      aborted: false,
    });
    expect(output).toMatchObject({ traceId: "trace-456", requestId: "r" });
  });

  test("falls back to the caller's own fallbackTools, by tool or by name", async () => {
    const bad = defineTool({ name: "bad", execute: () => Promise.reject(new Error("always")) });
    const registry = createRegistry([shout]);
    const output = await new ReliableOrchestrator({ registry }).run({
      tool: bad,
      request: "x",
      fallbackTools: ["shout"],
    });
    expect([output.status, output.content, output.metadata.toolName]).toEqual(["completed", "X", "shout"]);
    const basic = new Orchestrator().run({ tool: bad, request: "x", fallbackTools: [shout] });
    expect((await rejection(basic)).message).toContain("ReliableOrchestrator");
  });

  test("refuses settings that cannot be used, with the nearest known name", () => {
    for (const [settings, message] of [
      [{ reliabiltyConfig: {} }, "reliabilityConfig"],
      [{ reliabilityConfig: { maxRetrys: 1 } }, "maxRetries"],
      [{ reliabilityConfig: { circuitBreaker: { successThreshold: 4 } } }, "halfOpenRequests"],
      [{ store: "redis" }, "sqlite"],
    ] as const)
      expect(() => new ReliableOrchestrator(settings as any)).toThrow(message);
  });
});

test("streaming adds delta events, and only then", async () => {
  for (const streaming of [true, undefined]) {
    const log = eventLog();
    const tool = new PromptBundleTool({ name: "t", model: scriptedModel(() => ({ text: "a b" })), prompt: "x" });
    await new ReliableOrchestrator().run({ tool, request: {}, options: { streaming }, onEvent: log.onEvent });
    expect(log.types("delta").length > 0).toBe(streaming === true);
  }
});

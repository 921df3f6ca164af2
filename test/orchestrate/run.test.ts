import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  BudgetExceeded,
  CancelledError,
  createRegistry,
  defineTool,
  EventManager,
  hasEvidence,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ToolExecutionError,
  ToolNotFoundError,
  unwrap,
} from "../../src/index.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedModel } from "../../src/testing.ts";

const echo = defineTool({ name: "echo", execute: async (request: { q: string }) => ({ said: request.q }) });
const never = defineTool({ name: "never", execute: () => new Promise<never>(() => {}) });
const orchestrator = new Orchestrator({ registry: createRegistry([echo, never]) });

function triageOf(answers: Parameters<typeof scriptedModel>[0]) {
  return new PromptBundleTool({
    name: "triage",
    model: scriptedModel(answers),
    prompt: "Report: {{report}}",
    schema: z.object({ severity: z.enum(["low", "high"]) }),
  });
}

async function rejection(run: Promise<unknown>): Promise<unknown> {
  return run.then(
    () => expect.fail("the run resolved"),
    (error) => error,
  );
}

describe("input is checked once, at the edge", () => {
  test("every fault stands in one error, and nothing has run", async () => {
    const events: string[] = [];
    const run = orchestrator.run({
      tool: echo,
      request: { q: "x" },
      onEvent: (event) => events.push(event.type),
      options: { maxParallel: 0, timeoutMs: "soon", budgt: {} } as any,
    });
    const error = (await rejection(run)) as InvalidOptionsError;
    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect(error.issues.map(({ path }) => path).toSorted()).toEqual([
      "options.budgt",
      "options.maxParallel",
      "options.timeoutMs",
    ]);
    expect(error.message).toContain('did you mean "budget"');
    expect(events).toEqual([]);
  });

  test("an option in the wrong place is told where it belongs", async () => {
    const error = await rejection(
      orchestrator.run({ tool: triageOf([]), request: { report: "x" }, toolOptions: { budget: { tokens: 1 } } as any }),
    );
    expect((error as Error).message).toContain("Move it to options.");
    const other = await rejection(orchestrator.run({ tool: echo, request: { q: "x" }, timeoutMs: 5 } as any));
    expect((other as Error).message).toContain("Move it to options.");
  });

  test("a path that is not a JSON pointer is refused in every option, and nothing has run", async () => {
    const events: string[] = [];
    const toolOptions = { fields: ["severity"], compare: { weights: { severity: 2 }, byPath: { severity: {} } } };
    const run = orchestrator.run({
      tool: triageOf([]),
      request: { report: "x" },
      toolOptions,
      onEvent: (event) => events.push(event.type),
    });
    const error = (await rejection(run)) as InvalidOptionsError;
    expect(error.issues.map(({ path }) => path).toSorted()).toEqual([
      "toolOptions.compare.byPath.severity",
      "toolOptions.compare.weights.severity",
      "toolOptions.fields.0",
    ]);
    expect(error.message).toContain('such as "/severity"');
    expect(events).toEqual([]);
  });

  test("an idempotency key names ReliableOrchestrator", async () => {
    const error = await rejection(
      orchestrator.run({ tool: echo, request: { q: "x" }, options: { idempotencyKey: "k" } }),
    );
    expect((error as Error).message).toContain("ReliableOrchestrator");
  });

  test("both a tool and a name are refused, and so is neither", async () => {
    for (const choice of [{ tool: echo, toolName: "echo" }, {}])
      expect(await rejection(orchestrator.run({ ...choice, request: { q: "x" } } as any))).toBeInstanceOf(
        InvalidOptionsError,
      );
  });

  test("an unknown tool names those that are registered", async () => {
    const error = (await rejection(
      orchestrator.run({ toolName: "ecko", request: { q: "x" } } as any),
    )) as ToolNotFoundError;
    expect(error).toBeInstanceOf(ToolNotFoundError);
    expect(error.available).toEqual(["echo", "never"]);
    expect(error.message).toContain('Did you mean "echo"?');
  });

  test("a request that contains itself is refused with its path", async () => {
    const request: any = { q: "x", deep: {} };
    request.deep.again = request;
    expect(((await rejection(orchestrator.run({ tool: echo, request }))) as Error).message).toContain(
      "request.deep.again",
    );
  });

  test("a request that the tool's schema refuses names its field, before any event", async () => {
    const tool = defineTool({ name: "typed", input: z.object({ id: z.string() }), execute: ({ id }) => id });
    const events: string[] = [];
    const run = orchestrator.run({ tool, request: { id: 5 } as any, onEvent: (event) => events.push(event.type) });
    expect((await rejection(run)) as Error).toMatchObject({
      code: "INVALID_OPTIONS",
      issues: [{ path: "request.id", given: 5 }],
    });
    expect(events).toEqual([]);
  });

  test("a prompt's missing variable is named", async () => {
    const error = await rejection(orchestrator.run({ tool: triageOf([]), request: {} as any }));
    expect((error as Error).message).toContain("{{report}}");
  });

  test("names what is wrong with a tool that stands alone, and with an object that has no execute", async () => {
    const orchestrator = new Orchestrator();
    const tool = defineTool({ name: "lookup", execute: () => "x" });
    await expect(orchestrator.run(tool as any)).rejects.toThrow("Put it into one object: { tool, request }.");
    const lacking = { tool: { name: "mine", run() {} }, request: {} } as any;
    await expect(orchestrator.run(lacking)).rejects.toThrow('the tool "mine" has no method execute(');
    await expect(orchestrator.run({ tool: "mine", request: {} } as any)).rejects.toThrow(
      "Give what defineTool returns",
    );
  });

  test("a prompt's variable is never filled in with what every object inherits", async () => {
    const options = { name: "t", prompt: "{{constructor}} {{__proto__}}", model: scriptedModel([{ text: "ok" }]) };
    const tool = new PromptBundleTool({ ...options, defaultOptions: { k: 1 } });
    const error = (await rejection(orchestrator.run({ tool, request: {} as any }))) as InvalidOptionsError;
    expect(error.issues.map(({ path }) => path)).toEqual(["request.constructor", "request.__proto__"]);
    const request = JSON.parse('{"constructor":"a","__proto__":"b"}');
    await orchestrator.run({ tool, request });
    expect(JSON.stringify(options.model.calls[0]?.prompt)).toContain("a b");
  });

  test("a run of nothing says what a run takes", async () => {
    for (const nothing of [undefined, null, [], "echo"])
      expect((await rejection(orchestrator.run(nothing as any))) as Error).toMatchObject({
        code: "INVALID_OPTIONS",
        message: expect.stringContaining("{ tool, request }"),
      });
  });

  test("metadata that no JSON can hold is refused", async () => {
    const run = orchestrator.run({ tool: echo, request: { q: "x" }, options: { metadata: { id: 1n } as any } });
    expect((await rejection(run)) as Error).toMatchObject({
      code: "INVALID_OPTIONS",
      issues: [{ path: "options.metadata" }],
    });
  });

  test("the caller's objects are never changed, and later changes by the caller never reach the run", async () => {
    const request = { q: "before", list: [1] };
    let release = () => {};
    const slow = defineTool({
      name: "slow",
      async execute(given: { q: string; list: number[] }) {
        await new Promise<void>((resolve) => (release = resolve));
        expect(() => given.list.push(2)).toThrow(TypeError);
        return given.q;
      },
    });
    const run = orchestrator.run({ tool: slow, request });
    await Promise.resolve();
    request.q = "after";
    await expect.poll(() => release !== undefined).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    release();
    expect(unwrap(await run)).toBe("before");
    expect(request.list).toEqual([1]);
  });
});

describe("a run resolves or rejects once", () => {
  test("a tool that throws anything at all gives a failed output", async () => {
    const nameless = Object.defineProperty(new Error("oops"), "name", {
      get() {
        throw new Error("no name");
      },
    });
    const wordless = Object.assign(new Error(), { message: { detail: 5n } });
    for (const thrown of ["a string", undefined, null, 7, new TypeError("oops"), nameless, wordless]) {
      const tool = defineTool({ name: "bad", execute: () => Promise.reject(thrown) });
      const output = await orchestrator.run({ tool, request: {} });
      expect(output.status).toBe("failed");
      expect(output.errors?.["bad"]).toMatchObject({
        type: expect.any(String),
        message: expect.any(String),
        isRetryable: false,
      });
      expect(() => unwrap(output)).toThrow(ToolExecutionError);
    }
  });

  test("a tool that never settles ends at the deadline, with what was paid by then", async () => {
    const clock = createFakeClock();
    const run = rejection(new Orchestrator({ clock }).run({ tool: never, request: {}, options: { timeoutMs: 1000 } }));
    await clock.runAll();
    expect(await run).toMatchObject({
      code: "BUDGET_EXCEEDED",
      budgetType: "timeMs",
      limit: 1000,
      partial: { usage: { requests: 0 } },
    });
    expect(clock.pending).toBe(0);
  });

  test("a check of the request that never settles outlives neither the deadline nor the caller", async () => {
    const clock = createFakeClock();
    const input = z.object({ q: z.string().refine(() => new Promise<boolean>(() => {})) });
    const tool = defineTool({ name: "looked up", input, execute: () => "never" });
    const request = { q: "x" };
    const told: string[] = [];
    const onTold = ({ type }: OrchestrationEvent) => told.push(type);
    const late = rejection(
      new Orchestrator({ clock }).run({ tool, request, options: { timeoutMs: 50 }, onEvent: onTold }),
    );
    await clock.runAll();
    expect(told).toEqual(["run_started", "timeout", "run_failed"]);
    expect(await late).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs" });
    expect(clock.pending).toBe(0);
    const caller = new AbortController();
    const events: string[] = [];
    const onEvent = ({ type }: OrchestrationEvent) => events.push(type);
    const left = rejection(orchestrator.run({ tool, request, onEvent, signal: caller.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    expect(await left).toBeInstanceOf(CancelledError);
    expect(events).toEqual(["run_started", "cancelled"]);
  });

  test("a cancelled run rejects with the signal's reason as its cause", async () => {
    const controller = new AbortController();
    const run = orchestrator.run({ tool: never, request: {}, signal: controller.signal });
    controller.abort("enough");
    const error = await rejection(run);
    expect(CancelledError.isInstance(error)).toBe(true);
    expect((error as CancelledError).cause).toBe("enough");
  });

  test("a signal that was aborted before starts nothing", async () => {
    let calls = 0;
    const tool = defineTool({ name: "counted", execute: () => ++calls });
    expect(await rejection(orchestrator.run({ tool, request: {}, signal: AbortSignal.abort() }))).toBeInstanceOf(
      CancelledError,
    );
    expect(calls).toBe(0);
  });

  test("an output is whole after a round trip through JSON", async () => {
    const output = await orchestrator.run({
      tool: triageOf([
        { object: { severity: "low" } },
        { object: { severity: "high" } },
        { object: { severity: "low" } },
      ]),
      request: { report: "x" },
      options: { metadata: { at: new Date(0), none: undefined, deep: [Number.NaN] } as any },
    });
    expect(JSON.parse(JSON.stringify(output))).toEqual(output);
    expect(output.metadata).toMatchObject({ at: "1970-01-01T00:00:00.000Z", deep: [null] });
    expect(hasEvidence(output) && output.content.evidenceBundle.summary.consensus).toEqual({ severity: "low" });
  });

  test("content that is not JSON becomes JSON", async () => {
    const tool = defineTool({ name: "dates", execute: () => ({ at: new Date(0), none: undefined }) });
    const output = await orchestrator.run({ tool, request: {} });
    expect(JSON.parse(JSON.stringify(output))).toEqual(output);
    expect(output.content).toEqual({ at: "1970-01-01T00:00:00.000Z" });
    for (const content of [() => 1, Symbol("s"), Number.NaN, undefined]) {
      const other = defineTool({ name: "other", execute: () => content });
      expect((await orchestrator.run({ tool: other, request: {} })).content).toBeNull();
    }
  });

  test("content with an evidenceBundle of its own becomes JSON as well, and has no confidence to be too low", async () => {
    const content = { evidenceBundle: { replicates: [], summary: {} }, at: new Date(0), none: undefined };
    const tool = defineTool({ name: "homemade", execute: () => content });
    const options = { qualityRequirements: { minConfidence: 0.5 } };
    const output = await orchestrator.run({ tool, request: {}, options });
    expect(output.status).toBe("completed");
    expect(JSON.parse(JSON.stringify(output))).toEqual(output);
    expect(output.content).toHaveProperty("at", "1970-01-01T00:00:00.000Z");
  });

  test.each([{ id: 1n }, { evidenceBundle: { id: 1n } }])(
    "content that JSON cannot hold fails the tool, and says so (%o)",
    async (content) => {
      const tool = defineTool({ name: "big", execute: () => content });
      const output = await orchestrator.run({ tool, request: {} });
      expect(output.errors?.["big"]?.message).toContain("content cannot be written as JSON");
    },
  );
});

describe("budgets are kept before the money is spent", () => {
  test("no replicate starts that the budget cannot cover: what there is comes as a partial output", async () => {
    const started: string[] = [];
    const output = await orchestrator.run({
      tool: triageOf(() => ({ object: { severity: started.length % 2 ? "low" : "high" } })),
      request: { report: "x" },
      toolOptions: { k: 20, stopping: "none" },
      options: { budget: { tokens: 500 } },
      onEvent: (event) => event.type === "replicate_started" && started.push(event.replicateId),
    });
    expect(output.status).toBe("partial");
    expect(output.usage.totalTokens).toBeLessThanOrEqual(500);
    expect(hasEvidence(output) && output.content.evidenceBundle.meta.earlyStopReason).toBe("budget");
    expect(started.length).toBeLessThan(20);
  });

  test("without one valid replicate it rejects, and says what was paid", async () => {
    const run = orchestrator.run({
      tool: triageOf([]),
      request: { report: "x" },
      options: { budget: { tokens: 10 } },
    });
    expect(await rejection(run)).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "tokens", limit: 10 });
  });

  test("a limit in dollars and a model without a price are refused before the first call, naming the model", async () => {
    const model = Object.assign(scriptedModel([], { modelId: "mystery" }), { source: "live" });
    const tool = new PromptBundleTool({ name: "t", model, prompt: "x" });
    const error = await rejection(orchestrator.run({ tool, request: {}, options: { budget: { costUsd: 1 } } }));
    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect((error as Error).message).toContain("mystery");
    expect(model.calls).toEqual([]);
  });

  test("usage that a tool reports counts, also when it fails", async () => {
    const tool = defineTool({
      name: "paid",
      execute(_request: object, _options, context) {
        context.reportUsage({ inputTokens: 7, outputTokens: 3, totalTokens: 10 }, 0.5);
        throw new Error("after paying");
      },
    });
    const output = await orchestrator.run({ tool, request: {} });
    expect(output).toMatchObject({ status: "failed", usage: { totalTokens: 10, requests: 1 }, costUsd: 0.5 });
  });

  test.each([
    ["usage.outputTokens", -3, { outputTokens: -3 }],
    ["usage.totalTokens", '"10"', { totalTokens: "10" }],
    ["usage.cachedInputTokens", null, { cachedInputTokens: null }],
    ["usage.requests", Number.POSITIVE_INFINITY, { requests: Number.POSITIVE_INFINITY }],
    ["costUsd", '"1 $"', {}, "1 $"],
    ["costUsd", Number.NaN, {}, Number.NaN],
  ])("usage that cannot be counted is refused: %s is %s", async (field, shown, wrong, costUsd: unknown = 0.5) => {
    const tool = defineTool({
      name: "sloppy",
      execute(_request: object, _options, context) {
        context.reportUsage({ inputTokens: 7, outputTokens: 3, totalTokens: 10 }, 0.5);
        context.reportUsage({ inputTokens: 7, outputTokens: 3, totalTokens: 10, ...wrong } as any, costUsd as number);
      },
    });
    const output = await orchestrator.run({ tool, request: {} });
    expect(output.errors?.["sloppy"]).toMatchObject({ type: "TypeError", isRetryable: false });
    expect(output.errors?.["sloppy"]?.message).toContain(`${field} is ${shown}; allowed: a number of at least 0`);
    expect(output).toMatchObject({ status: "failed", usage: { totalTokens: 10 }, costUsd: 0.5 });
  });

  test("BudgetExceeded has a valid bundle's place only where there is none: a deadline with evidence is partial", async () => {
    const clock = createFakeClock();
    const tool = triageOf(({ index }) =>
      index < 2 ? { object: { severity: index ? "low" : "high" } } : { hang: true },
    );
    const run = new Orchestrator({ clock }).run({ tool, request: { report: "x" }, options: { timeoutMs: 50 } });
    await clock.runAll();
    const output = await run;
    expect(output.status).toBe("partial");
    expect(hasEvidence(output) && output.content.evidenceBundle.meta).toMatchObject({
      earlyStopReason: "time",
      kCompleted: 3,
    });
    expect(BudgetExceeded).toBeDefined();
  });
});

describe("events are ordered and complete", () => {
  async function eventsOf(run: (onEvent: (event: OrchestrationEvent) => void) => Promise<unknown>) {
    const events: OrchestrationEvent[] = [];
    await run((event) => events.push(event)).catch(() => {});
    return events;
  }
  const terminal = ["run_completed", "run_failed", "cancelled"];

  test("seq has no gap, and exactly the last event is terminal, however the run ends", async () => {
    const clock = createFakeClock();
    const endings = [
      (onEvent: any) => orchestrator.run({ tool: echo, request: { q: "x" }, onEvent }),
      (onEvent: any) =>
        orchestrator.run({
          tool: triageOf([{ object: { severity: "low" } }, { text: "no" }]),
          request: { report: "x" },
          onEvent,
        }),
      (onEvent: any) => orchestrator.run({ tool: never, request: {}, signal: AbortSignal.abort(), onEvent }),
      async (onEvent: any) => {
        const run = new Orchestrator({ clock }).run({ tool: never, request: {}, options: { timeoutMs: 5 }, onEvent });
        run.catch(() => {});
        await clock.runAll();
        await run;
      },
    ];
    for (const ending of endings) {
      const events = await eventsOf(ending);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
      expect(events.filter(({ type }) => terminal.includes(type))).toEqual([events.at(-1)]);
    }
  });

  test("a listener that throws, or rejects, changes nothing", async () => {
    const eventManager = new EventManager();
    eventManager.on("*", () => {
      throw new Error("listener");
    });
    const output = await orchestrator.run({
      tool: echo,
      request: { q: "x" },
      eventManager,
      onEvent: (async () => Promise.reject(new Error("listener"))) as any,
    });
    expect(output.status).toBe("completed");
  });

  test("redact sees every event and log line first; if it throws, listeners see only the type", async () => {
    const seen: unknown[] = [];
    const log = (data: object) => void seen.push(data);
    const logger = { debug: log, info: log, warn: log, error: log };
    const redact = (event: OrchestrationEvent) => {
      if (event.type === "run_started") throw new Error("cannot");
      return { ...event, output: "hidden" } as any;
    };
    await new Orchestrator({ logger }).run({
      tool: echo,
      request: { q: "secret" },
      onEvent: (event) => seen.push(event),
      options: { redact },
    });
    expect(seen.length).toBe(6);
    expect(JSON.stringify(seen)).not.toContain("secret");
  });

  test("an abort inside redact tells its events after the one that is redacted", async () => {
    const tool = defineTool({
      name: "half",
      execute(_request: object, _options, { events, signal }) {
        signal.addEventListener("abort", () => events.emit("warning", { code: "left", message: "left" }));
        events.emit("progress", { name: "half" });
        return 1;
      },
    });
    const controller = new AbortController();
    const seen: string[] = [];
    const redact = (event: OrchestrationEvent) => {
      if (event.type === "progress") controller.abort();
      return event;
    };
    await rejection(
      orchestrator.run({
        tool,
        request: {},
        signal: controller.signal,
        onEvent: ({ seq, type }) => seen.push(`${seq} ${type}`),
        options: { redact },
      }),
    );
    expect(seen).toEqual(["0 run_started", "1 tool_started", "2 progress", "3 warning", "4 cancelled"]);
  });

  test("redact may change the event that it is given: the run, its output and its evidence stay as they are", async () => {
    const seen: unknown[] = [];
    const redact = (event: any) => {
      for (const part of [event.request, event.replicate?.data, event.evidenceBundle, event.output?.content])
        for (const name of Object.keys(part ?? {})) part[name] = "hidden";
      return event;
    };
    const output = await new Orchestrator().run({
      tool: triageOf([{ object: { severity: "high" } }, { object: { severity: "high" } }]),
      request: { report: "secret" },
      toolOptions: { k: 2 },
      onEvent: (event) => seen.push(event),
      options: { redact },
    });
    const { summary, replicates } = unwrap(output).evidenceBundle;
    expect(summary.consensus).toEqual({ severity: "high" });
    expect(replicates.map(({ data }) => data)).toEqual([{ severity: "high" }, { severity: "high" }]);
    expect(seen[0]).toMatchObject({ type: "run_started", request: { report: "hidden" } });
  });

  test("ids reach the tool, every event and the output; the trace id defaults to the request id", async () => {
    const ids: unknown[] = [];
    const tool = defineTool({
      name: "ids",
      execute: (_request: object, _options, { traceId, requestId }) => ({ traceId, requestId }),
    });
    const output = await orchestrator.run({
      tool,
      request: {},
      options: { requestId: "r-1" },
      onEvent: ({ traceId, requestId }) => ids.push({ traceId, requestId }),
    });
    const expected = { traceId: "r-1", requestId: "r-1" };
    expect(output).toMatchObject({ ...expected, content: expected });
    expect(ids.every((id) => JSON.stringify(id) === JSON.stringify(expected))).toBe(true);
  });
});

describe("stream", () => {
  test("leaving the loop early cancels the run", async () => {
    const stream = orchestrator.stream({ tool: never, request: {} });
    for await (const event of stream) if (event.type === "tool_started") break;
    expect(await rejection(stream.output)).toBeInstanceOf(CancelledError);
  });

  test("awaiting only the output runs it", async () => {
    expect(unwrap(await orchestrator.stream({ tool: echo, request: { q: "x" } }).output)).toEqual({ said: "x" });
  });

  test("a refused run rejects both the loop and the output, and neither has to be read", async () => {
    const stream = orchestrator.stream({ toolName: "nobody", request: {} } as any);
    expect(await rejection(stream.output)).toBeInstanceOf(ToolNotFoundError);
    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toBeInstanceOf(ToolNotFoundError);
    orchestrator.stream({ toolName: "nobody", request: {} } as any);
  });

  test("disposing of a stream cancels and waits for it", async () => {
    let stream: any;
    {
      await using disposed = orchestrator.stream({ tool: never, request: {} });
      stream = disposed;
    }
    expect(await rejection(stream.output)).toBeInstanceOf(CancelledError);
  });

  test("deltas come with streaming only, and name their replicate", async () => {
    const answers = [{ text: "Paris" }, { text: "Paris" }];
    for (const streaming of [true, false]) {
      const tool = new PromptBundleTool({
        name: "capital",
        model: scriptedModel(answers),
        prompt: "Capital of {{country}}?",
      });
      const deltas: Record<string, string> = {};
      for await (const event of orchestrator.stream({ tool, request: { country: "France" }, options: { streaming } }))
        if (event.type === "delta")
          deltas[event.replicateId ?? ""] = (deltas[event.replicateId ?? ""] ?? "") + event.text;
      expect(deltas).toEqual(streaming ? { r1: "Paris", r2: "Paris" } : {});
    }
  });
});

describe("runMany", () => {
  test("whose signal aborts gives out the results under way, and then rejects", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const tool = defineTool({
      name: "stopping",
      execute: async (n: number) => {
        if (n === 2) stop.abort(reason);
        return n;
      },
    });
    const results: unknown[] = [];
    const all = async (requests: number[]) => {
      for await (const done of orchestrator.runMany({ tool, requests, concurrency: 1, signal: stop.signal }))
        results.push("error" in done ? done.error : done.output.content);
    };
    await expect(all([0, 1, 2, 3, 4])).rejects.toMatchObject({ code: "CANCELLED", cause: reason });
    expect(results).toMatchObject([0, 1, { code: "CANCELLED", cause: reason }]);
  });

  test("whose signal aborts when every request has its run ends as it would have", async () => {
    const stop = new AbortController();
    const tool = defineTool({ name: "last", execute: async (n: number) => (n === 1 ? stop.abort() : n) });
    const results: unknown[] = [];
    for await (const done of orchestrator.runMany({ tool, requests: [0, 1], signal: stop.signal }))
      results.push("error" in done && done.error);
    expect(results).toMatchObject([{ code: "CANCELLED" }, { code: "CANCELLED" }]);
  });

  test("gives every request its own result, and stops for none", async () => {
    const tool = defineTool({
      name: "picky",
      input: z.object({ n: z.number() }),
      execute: ({ n }) => (n === 2 ? Promise.reject(new Error("two")) : n * 10),
    });
    const results: Record<number, unknown> = {};
    const requests = [{ n: 1 }, { n: 2 }, { n: "three" as any }, { n: 4 }];
    for await (const done of orchestrator.runMany({ tool, requests, concurrency: 2 }))
      results[done.index] = "error" in done ? (done.error as Error).name : done.output.status;
    expect(results).toEqual({ 0: "completed", 1: "failed", 2: "InvalidOptionsError", 3: "completed" });
  });

  test("refuses what is wrong with all runs once, before it takes a request, naming every fault", () => {
    const taken: unknown[] = [];
    function* requests() {
      yield taken.push("one");
    }
    const refusal = (wrong: object) => {
      try {
        orchestrator.runMany({ tool: echo, requests: requests(), ...wrong } as any);
        return expect.fail("it was taken");
      } catch (error) {
        return error as Error;
      }
    };
    const issues = (wrong: object) =>
      (refusal(wrong) as InvalidOptionsError).issues.map(
        ({ path, allowed }) => `${path}: ${allowed.replace(/ \(one of requests, .*\)$/, "")}`,
      );
    expect(issues({ concurency: 4, tols: 1, concurrency: 0 })).toEqual([
      'concurency: no option of this name; did you mean "concurrency"?',
      'tols: no option of this name; did you mean "tool"?',
      "concurrency: a whole number of at least 1",
    ]);
    expect(issues({ request: {} })).toEqual(['request: no option of this name; did you mean "requests"?']);
    expect(issues({ timeoutMs: 5 })).toEqual(['timeoutMs: no such option here: "timeoutMs" belongs in options']);
    expect(issues({ options: { timeout: 5 } })[0]).toContain("timeoutMs");
    expect(issues({ signal: "stop" })).toEqual(["signal: an AbortSignal"]);
    expect(refusal({ tool: undefined, toolName: "ecko" })).toBeInstanceOf(ToolNotFoundError);
    expect(taken).toEqual([]);
  });

  test("never has more than concurrency in flight, and takes no request before there is room", async () => {
    let [inFlight, most, taken] = [0, 0, 0];
    const tool = defineTool({
      name: "counted",
      async execute(n: number) {
        most = Math.max(most, ++inFlight);
        await new Promise((resolve) => setImmediate(resolve));
        inFlight--;
        return n;
      },
    });
    async function* requests() {
      for (; taken < 50; taken++) yield taken;
    }
    let count = 0;
    for await (const _ of orchestrator.runMany({ tool, requests: requests(), concurrency: 4 })) {
      count++;
      expect(taken - count).toBeLessThanOrEqual(5);
    }
    expect({ count, most }).toEqual({ count: 50, most: 4 });
  });

  test("leaving the loop cancels what is in flight", async () => {
    const reasons: unknown[] = [];
    const tool = defineTool({
      name: "waits",
      execute: (n: number, _options, { signal }) =>
        n === 0
          ? n
          : new Promise((_, reject) => signal.addEventListener("abort", () => reasons.push(reject(signal.reason)))),
    });
    for await (const _ of orchestrator.runMany({ tool, requests: [1, 2, 0], concurrency: 3 })) break;
    expect(reasons.length).toBe(2);
  });

  test("gives out a result while the next request is still waited for", async () => {
    async function* requests() {
      yield { q: "first" };
      await new Promise(() => {});
    }
    for await (const done of orchestrator.runMany({ tool: echo, requests: requests() })) {
      expect(done.index).toBe(0);
      break;
    }
  });

  test("an error of the iteration comes after the results of earlier requests", async () => {
    async function* requests() {
      yield { q: "first" };
      throw new Error("the file ended half-way");
    }
    const results: number[] = [];
    const all = async () => {
      for await (const done of orchestrator.runMany({ tool: echo, requests: requests() })) results.push(done.index);
    };
    await expect(all()).rejects.toThrow("half-way");
    expect(results).toEqual([0]);
  });

  test("a source whose next throws instead of rejecting ends the loop with what it threw", async () => {
    const next = (): never => {
      throw new Error("no file");
    };
    const sources = [
      { [Symbol.asyncIterator]: () => ({ next }) },
      { [Symbol.iterator]: () => ({ next }) },
    ] as AsyncIterable<{ q: string }>[];
    for (const requests of sources) {
      const all = orchestrator.runMany({ tool: echo, requests })[Symbol.asyncIterator]();
      await expect(all.next()).rejects.toThrow("no file");
    }
  });
});

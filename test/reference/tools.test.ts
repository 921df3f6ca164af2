import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  BundleTool,
  createRegistry,
  defineTool,
  InvalidOptionsError,
  Orchestrator,
  type ReplicateContext,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  Tool,
  type ToolContext,
  unwrap,
} from "../../src/index.ts";
import { createFakeClock } from "../../src/testing.ts";
import { Answers, eventLog, rejection } from "./support.ts";

describe("Tool", () => {
  test("execute(request, options, context) gets the request, its own options and the run's context", async () => {
    class Probe extends Tool<{ q: string }, unknown, { depth: number; width: number }> {
      readonly name = "probe";
      override readonly defaultOptions = { depth: 1, width: 2 };
      async execute(request: { q: string }, options: { depth: number; width: number }, context: ToolContext) {
        return { request, options, context: Object.keys(context).toSorted() };
      }
    }
    const output = await new Orchestrator().run({ tool: new Probe(), request: { q: "x" }, toolOptions: { depth: 5 } });
    const { request, options, context } = unwrap(output) as any;
    expect([request, options]).toEqual([{ q: "x" }, { depth: 5, width: 2 }]);
    for (const name of ["events", "signal", "traceId", "requestId", "attempt", "budget", "clock", "random"])
      expect(context).toContain(name);
  });

  test("reports warning, error and progress of its own, which everybody hears in their place", async () => {
    const tool = defineTool({
      name: "t",
      execute(_request: object, _options, { events }) {
        events.emit("progress", { name: "half", data: { done: 0.5 } });
        events.emit("warning", { message: "careful" });
      },
    });
    const log = eventLog();
    await new Orchestrator().run({ tool, request: {}, onEvent: log.onEvent });
    expect(log.types()).toEqual(["run_started", "tool_started", "progress", "warning", "run_completed"]);
    expect(log.events[2]).toMatchObject({ source: "t", name: "half", data: { done: 0.5 } });
  });

  test("context.budget tells what is left, and context.signal aborts when the time is up", async () => {
    const clock = createFakeClock();
    let reason: unknown;
    const tool = defineTool({
      name: "t",
      async execute(_request: object, _options, { budget, signal, reportUsage, clock: runClock }) {
        reportUsage({ inputTokens: 30, outputTokens: 10, totalTokens: 40 }, 0.1);
        expect(budget.limits).toMatchObject({ tokens: 100 });
        await runClock.sleep(9e9, { signal }).catch((error) => (reason = error));
      },
    });
    const options = { budget: { tokens: 100 }, timeoutMs: 50 };
    const run = rejection(new Orchestrator({ clock }).run({ tool, request: {}, options }));
    await clock.runAll();
    expect(await run).toMatchObject({ code: "BUDGET_EXCEEDED", partial: { usage: { totalTokens: 40 }, costUsd: 0.1 } });
    expect(reason).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs" });
  });

  test("defineTool with input checks and transforms the request, by any Standard Schema", async () => {
    const input = z.object({ id: z.string(), limit: z.coerce.number().default(10) });
    const tool = defineTool({ name: "lookup", input, execute: (request) => request });
    const orchestrator = new Orchestrator({ registry: createRegistry([tool]) });
    const output = await orchestrator.run({ toolName: "lookup", request: { id: "1", limit: "5" } });
    expect(unwrap(output)).toEqual({ id: "1", limit: 5 });
    expect(unwrap(await orchestrator.run({ tool, request: { id: "1" } }))).toEqual({ id: "1", limit: 10 });
    expect(await rejection(orchestrator.run({ tool, request: {} as any }))).toBeInstanceOf(InvalidOptionsError);
  });
});

describe("BundleTool", () => {
  test("with executeReplicate alone: the base class schedules, validates, summarises and reports", async () => {
    const specs: ReplicateSpec[] = [];
    class Vote extends BundleTool<{ q: string }, { yes: boolean }> {
      readonly name = "vote";
      override readonly defaultOptions = { schema: z.object({ yes: z.boolean() }), k: 3, stopping: "none" } as const;
      override async executeReplicate(request: { q: string }, replicate: ReplicateSpec, context: ReplicateContext) {
        specs.push(replicate);
        expect([request, context.replicate]).toEqual([{ q: "?" }, replicate]);
        return { data: { yes: true }, model: "voter-1" };
      }
    }
    const output = await new Orchestrator().run({ tool: new Vote(), request: { q: "?" } });
    const { summary, meta } = unwrap(output).evidenceBundle;
    expect(summary.consensus).toEqual({ yes: true });
    expect(meta.model).toBe("voter-1");
    expect(specs).toEqual(meta.seeds.map((seed, index) => ({ id: `r${index + 1}`, index, seed, attempt: 1 })));
  });

  test("with executeBundle of its own gets resolved options, and what it gives is the content", async () => {
    let given: ResolvedBundleOptions | undefined;
    class Panel extends Answers {
      override async executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
        given = options;
        return super.executeBundle(request, { ...options, k: 2 }, context);
      }
    }
    const log = eventLog();
    const output = await new Orchestrator().run({ tool: new Panel(["a"]), request: {}, onEvent: log.onEvent });
    expect(given).toMatchObject({ k: 3, epsilon: 0.2, maxParallel: 10 });
    expect(unwrap(output).evidenceBundle.meta.k).toBe(2);
    expect(log.types("bundle_ready")).toEqual(["bundle_ready"]);
    expect(output.usage).toMatchObject({ totalTokens: 10, requests: 2 });
  });
});

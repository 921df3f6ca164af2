import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  InvalidOptionsError,
  type OrchestrationEvent,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { createFakeClock, type Script, scriptedModel } from "../../src/testing.ts";
import { startCachingServer } from "../support/caching-server.ts";

const answer = (text: string) => ({ text, usage: { inputTokens: 10, outputTokens: 10 } });
const modelOf = (name: string, script: Script, maker = name) =>
  scriptedModel(script, { provider: maker, modelId: name });
const toolOf = (models: readonly ReturnType<typeof modelOf>[], options: object = {}, more: object = {}) =>
  new PromptBundleTool({
    name: "t",
    models,
    prompt: "{{q}}",
    maxOutputTokens: 10,
    ...more,
    defaultOptions: { k: 4, stopping: "none", ...options },
  });
const orchestrator = (settings: object = {}) =>
  new ReliableOrchestrator({ state: new ReliabilityState(), reliabilityConfig: { maxRetries: 0 }, ...settings });

describe("a tool of several models", () => {
  test("asks them in turn, and says how many of each gave a value", async () => {
    const [one, two] = [
      modelOf("one", () => answer("yes")),
      modelOf("two", ({ index }) => answer(index < 1 ? "yes" : "no")),
    ];
    const output = await orchestrator().run({ tool: toolOf([one, two]), request: { q: "?" } });
    const { summary, replicates, meta } = unwrap(output).evidenceBundle;
    expect(replicates.map(({ model }) => model)).toEqual(["one", "two", "one", "two"]);
    expect(summary.fields[""]?.distribution).toEqual([
      { value: "yes", support: 3, models: { one: 2, two: 1 } },
      { value: "no", support: 1, models: { two: 1 } },
    ]);
    expect(meta.model).toBe("one, two");
  });

  test("names no models where one answered: a bundle is what it was", async () => {
    const output = await orchestrator().run({
      tool: toolOf([modelOf("one", () => answer("yes"))].concat(modelOf("one", () => answer("yes")))),
      request: { q: "?" },
    });
    expect(unwrap(output).evidenceBundle.summary.fields[""]?.distribution).toEqual([{ value: "yes", support: 4 }]);
  });

  test("claims of votes of two models what it claims of as many votes of one: no independence is taken for granted", async () => {
    const confidenceOf = async (names: readonly string[]) => {
      const models = names.map((name, at) =>
        modelOf(name, ({ index }) => answer(at === 0 || index > 0 ? "yes" : "no")),
      );
      const output = await orchestrator().run({ tool: toolOf(models), request: { q: "?" } });
      const { confidence, fields } = unwrap(output).evidenceBundle.summary;
      return { confidence, votes: fields[""]?.distribution.map(({ support }) => support) };
    };
    expect(await confidenceOf(["one", "two"])).toEqual(await confidenceOf(["one", "one"]));
  });

  test("counts each model at its own price, and keeps the budget by it", async () => {
    const prices = {
      one: { inputPerMillion: 0, outputPerMillion: 1_000 },
      two: { inputPerMillion: 0, outputPerMillion: 9_000 },
    };
    const models = () => [modelOf("one", () => answer("yes")), modelOf("two", () => answer("yes"))];
    const whole = await orchestrator().run({ tool: toolOf(models(), {}, { prices }), request: { q: "?" } });
    expect(unwrap(whole).evidenceBundle.replicates.map(({ costUsd }) => costUsd)).toEqual([0.01, 0.09, 0.01, 0.09]);
    expect(whole.costUsd).toBeCloseTo(0.2, 9);
    const short = await orchestrator().run({
      tool: toolOf(models(), { maxParallel: 1 }, { prices }),
      request: { q: "?" },
      options: { budget: { costUsd: 0.15 } },
    });
    expect(short.status).toBe("partial");
    expect(short.costUsd).toBeCloseTo(0.11, 9);
  });

  test("lets the first call of each model go ahead, and the others read the prompt from that model's cache", async () => {
    await using server = await startCachingServer();
    const models = [server.model("openai-chat", "gpt-5-mini"), server.model("anthropic", "claude-sonnet-4-5")];
    const system = "The report says that the door of the house is open. ".repeat(300);
    const tool = new PromptBundleTool({
      name: "t",
      models,
      system,
      prompt: "x",
      defaultOptions: { k: 6, stopping: "none" },
    });
    const { replicates } = unwrap(
      await orchestrator().run({ tool, request: {}, options: { streaming: true } }),
    ).evidenceBundle;
    const isCached = replicates.map(({ usage }) => (usage?.cachedInputTokens ?? 0) > 0);
    expect(isCached).toEqual([false, false, true, true, true, true]);
  });
});

describe("where one provider is down", () => {
  const down: Script = () => ({ status: 401 });

  test("the other takes its turns, K stays the number that is asked for, and a warning says so", async () => {
    const events: OrchestrationEvent[] = [];
    const other = modelOf("two", () => answer("yes"));
    const output = await orchestrator().run({
      tool: toolOf([modelOf("one", down), other], { maxParallel: 1 }),
      request: { q: "?" },
      onEvent: (event) => events.push(event),
    });
    const { summary, replicates, meta } = unwrap(output).evidenceBundle;
    expect(output.status).toBe("completed");
    expect(meta).toMatchObject({ k: 4, kCompleted: 4 });
    expect(replicates.map(({ model, valid }) => [model, valid])).toEqual([
      ["one", false],
      ["two", true],
      ["two", true],
      ["two", true],
    ]);
    expect(summary).toMatchObject({ validCount: 3, invalidCount: 1, consensus: "yes" });
    const warnings = events.flatMap((event) =>
      event.type === "warning" && event.code === "model_left_out" ? [event.message] : [],
    );
    expect(warnings).toEqual([expect.stringMatching(/^one cannot answer, and its turns go to two: /)]);
  });

  test("no turn is lost to its open circuit", async () => {
    const clock = createFakeClock();
    const state = new ReliabilityState();
    const runs = new ReliableOrchestrator({
      state,
      clock,
      reliabilityConfig: { maxRetries: 0, circuitBreaker: { failureThreshold: 1 } },
    });
    const [one, two] = [modelOf("one", () => ({ status: 503 })), modelOf("two", () => answer("yes"))];
    const tool = toolOf([one, two], { maxParallel: 1 });
    await runs.run({ tool, request: { q: "first" } });
    const output = await runs.run({ tool, request: { q: "second" } });
    expect(unwrap(output).evidenceBundle.replicates.map(({ model, valid }) => [model, valid])).toEqual(
      Array(4).fill(["two", true]),
    );
    expect(one.calls).toHaveLength(1);
  });

  test("the run fails as with one model if all others are down too", async () => {
    const output = await orchestrator().run({
      tool: toolOf([modelOf("one", down), modelOf("two", down)]),
      request: { q: "?" },
    });
    expect(output).toMatchObject({ status: "failed", errors: { t: { category: "authentication" } } });
  });
});

describe("answers of several models that were paid for", () => {
  test("are journaled by their model: a run that goes on asks for the missing ones alone", async () => {
    const store = new MemoryStore();
    const [one, two] = [
      modelOf("one", () => answer("yes")),
      modelOf("two", ({ index }) => (index === 1 ? { status: 400 } : answer("no"))),
    ];
    const tool = toolOf([one, two], { maxParallel: 1 });
    const stop = new AbortController();
    const options = { idempotencyKey: "k" };
    const run = (signal?: AbortSignal) =>
      orchestrator({ store }).run({
        tool,
        request: { q: "?" },
        options,
        signal,
        onEvent: ({ type, ...event }) =>
          type === "replicate_done" && "replicate" in event && event.replicate.id === "r3" && stop.abort(),
      });
    await expect(run(stop.signal)).rejects.toThrow();
    const asked = [one.calls.length, two.calls.length];
    const { replicates } = unwrap(await run()).evidenceBundle;
    expect(replicates.map(({ model, valid }) => [model, valid])).toContainEqual(["one", true]);
    expect(replicates).toHaveLength(4);
    expect(one.calls.length + two.calls.length).toBeLessThanOrEqual(asked[0]! + asked[1]! + 2);
    expect(replicates.filter(({ valid }) => valid).length).toBeGreaterThanOrEqual(3);
  });

  test("are reused by a later run of the same models, and not by one of others", async () => {
    const store = new MemoryStore();
    const one = modelOf("one", () => answer("yes"));
    const two = modelOf("two", () => answer("yes"));
    const three = modelOf("three", () => answer("yes"));
    const run = async (models: readonly ReturnType<typeof modelOf>[]) =>
      unwrap(await orchestrator({ store }).run({ tool: toolOf(models), request: { q: "?" } })).evidenceBundle.meta
        .reuse;
    expect(await run([one, two])).toBeUndefined();
    expect((await run([one, two]))?.replicateIds).toEqual(["r1", "r2", "r3", "r4"]);
    expect((await run([one, three]))?.replicateIds).toEqual(["r1", "r3"]);
  });
});

test("models that cannot be used are refused, each with the way out", () => {
  const base = { name: "t", prompt: "x" };
  const make = (options: object) => () => new PromptBundleTool({ ...base, ...options } as never);
  expect(make({})).toThrow(InvalidOptionsError);
  expect(make({})).toThrow(/model/);
  expect(make({ models: ["openai:a"] })).toThrow(/two models or more/);
  expect(make({ model: "openai:a", models: ["openai:a", "openai:b"] })).toThrow(
    /given beside models. Leave one of them out/,
  );
  expect(make({ models: ["openai:a", "anthropic:b"], baseUrl: "http://localhost:1/v1" })).toThrow(
    /baseUrl would go to openai and anthropic/,
  );
  expect(make({ models: ["openai:a", "openai:b"], baseUrl: "http://localhost:1/v1" })).not.toThrow();
  const typed = () =>
    new PromptBundleTool({
      ...base,
      // @ts-expect-error names no provider
      models: ["openai:a", "gpt-5"],
      schema: z.string(),
    });
  expect(typed).toBeDefined();
});

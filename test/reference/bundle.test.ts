import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type BundleOptions,
  defineBundleTool,
  type EvidenceBundle,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";
import { Answers, eventLog, httpError } from "./support.ts";

const wholeBundle = { k: 3, stopping: "none" } as const satisfies BundleOptions;

async function bundleOf(answers: readonly unknown[], toolOptions: BundleOptions = wholeBundle) {
  const output = await new Orchestrator().run({ tool: new Answers(answers), request: {}, toolOptions });
  return (output.content as { evidenceBundle: EvidenceBundle }).evidenceBundle;
}

describe("events of a bundle", () => {
  test("tool_started, replicate_started, replicate_done, partial_summary after two, bundle_ready: in this order", async () => {
    const clock = createFakeClock();
    class Staggered extends Answers {
      override async executeReplicate(...[request, replicate, context]: Parameters<Answers["executeReplicate"]>) {
        await clock.sleep(replicate.index * 100, { signal: context.signal });
        return super.executeReplicate(request, replicate, context);
      }
    }
    const log = eventLog();
    const run = new Orchestrator({ clock }).run({
      tool: new Staggered([1, 2, 1]),
      request: {},
      toolOptions: wholeBundle,
      onEvent: log.onEvent,
    });
    await clock.runAll();
    await run;
    expect(log.types()).toEqual([
      "run_started",
      "tool_started",
      "replicate_started",
      "replicate_started",
      "replicate_started",
      "replicate_done",
      "replicate_done",
      "partial_summary",
      "replicate_done",
      "bundle_ready",
      "run_completed",
    ]);
    expect(log.events.find(({ type }) => type === "partial_summary")).toMatchObject({ summary: { validCount: 2 } });
  });

  test("each has type, seq, timestamp, traceId, requestId, source and attempt", async () => {
    const log = eventLog();
    await new Orchestrator().run({ tool: new Answers([1]), request: {}, onEvent: log.onEvent });
    for (const event of log.events)
      expect(event).toMatchObject({
        type: expect.any(String),
        seq: expect.any(Number),
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        traceId: expect.any(String),
        requestId: expect.any(String),
        source: "answers",
        attempt: 1,
      });
  });

  test("a replicate that was stopped ends with replicate_done, invalid, saying so; cancelled is the run's alone", async () => {
    const clock = createFakeClock();
    class Hanging extends Answers {
      override async executeReplicate(...[request, replicate, context]: Parameters<Answers["executeReplicate"]>) {
        if (replicate.index > 0) await clock.sleep(9e9, { signal: context.signal });
        return super.executeReplicate(request, replicate, context);
      }
    }
    const log = eventLog();
    const controller = new AbortController();
    const run = new Orchestrator({ clock }).run({
      tool: new Hanging([1]),
      request: {},
      toolOptions: wholeBundle,
      signal: controller.signal,
      onEvent: log.onEvent,
    });
    run.catch(() => {});
    await clock.advance(10);
    controller.abort("enough");
    await expect(run).rejects.toMatchObject({
      code: "CANCELLED",
      partial: {
        usage: { totalTokens: 5 },
        costUsd: 0.01,
        content: { evidenceBundle: { summary: { validCount: 1 } } },
      },
    });
    const done = log.events.flatMap((event) => (event.type === "replicate_done" ? [event.replicate] : []));
    expect(done.map(({ valid }) => valid)).toEqual([true, false, false]);
    expect(done[1]?.quality.errors?.[0]).toContain("stopped");
    expect(log.types("cancelled")).toEqual(["cancelled"]);
    expect(log.types().at(-1)).toBe("cancelled");
  });

  test("a new attempt of a replicate after deltas is told by attempt_discarded, and has the next number", async () => {
    const clock = createFakeClock();
    const model = scriptedModel(() => ({ text: "one two three" }));
    let calls = 0;
    const breaking = {
      ...model,
      async doStream(options: any) {
        const { stream } = await model.doStream(options);
        return { stream: calls++ === 0 ? ReadableStream.from(cutOff(stream)) : stream };
      },
    };
    const tool = new PromptBundleTool({ name: "t", model: breaking, prompt: "x", defaultOptions: { k: 1 } });
    const log = eventLog();
    const run = new ReliableOrchestrator({ clock }).run({
      tool,
      request: {},
      options: { streaming: true },
      onEvent: log.onEvent,
    });
    await clock.runAll();
    expect(unwrap(await run).evidenceBundle.replicates).toMatchObject([{ attempts: 2, data: "one two three" }]);
    expect(log.types("delta", "attempt_discarded").slice(0, 3)).toEqual(["delta", "attempt_discarded", "delta"]);
    const text = log.events.flatMap((event) => (event.type === "delta" && event.attempt === 2 ? [event.text] : []));
    expect(text.join("")).toBe("one two three");
  });
});

async function* cutOff(parts: AsyncIterable<{ type: string }>) {
  for await (const part of parts) {
    yield part;
    if (part.type === "text-delta") throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
  }
}

describe("EvidenceBundle", () => {
  test("meta: task, k, kCompleted, model, seeds, earlyStopped, earlyStopReason, totalElapsedMs, source", async () => {
    const { meta } = await bundleOf(["same"], { k: 9, stopping: "lossless" });
    expect(meta).toMatchObject({
      task: "answers",
      k: 9,
      kCompleted: 5,
      model: "answers",
      earlyStopped: true,
      earlyStopReason: expect.any(String),
      totalElapsedMs: expect.any(Number),
      source: "live",
    });
    expect(meta.seeds).toHaveLength(5);
  });

  test("replicates: id, data, json, quality, usage, costUsd, elapsedMs, seed, model, attempts", async () => {
    const { replicates } = await bundleOf(["a", httpError(500), "b"], { ...wholeBundle, seeds: [11, 12, 13] });
    expect(replicates).toEqual([
      {
        id: "r1",
        valid: true,
        data: "a",
        json: "a",
        quality: { valid: true },
        usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5, requests: 1 },
        costUsd: 0.01,
        elapsedMs: expect.any(Number),
        seed: 11,
        model: "answers",
        attempts: 1,
      },
      expect.objectContaining({ id: "r2", valid: false, data: null, quality: { valid: false, errors: ["HTTP 500"] } }),
      expect.objectContaining({ id: "r3", valid: true, data: "b", seed: 13 }),
    ]);
  });

  test("usageTotal and costTotalUsd are the sums over its replicates, and the run's", async () => {
    const output = await new Orchestrator().run({ tool: new Answers([1]), request: {}, toolOptions: wholeBundle });
    const { usageTotal, costTotalUsd } = unwrap(output).evidenceBundle;
    expect(usageTotal).toEqual({ inputTokens: 9, outputTokens: 6, totalTokens: 15, requests: 3 });
    expect(costTotalUsd).toBeCloseTo(0.03, 12);
    expect([output.usage, output.costUsd]).toEqual([usageTotal, costTotalUsd]);
  });

  test("schemaUri is a registered schema, by which answers are checked, and stands in meta", async () => {
    const { SteerLLMClient } = await import("../../src/index.ts");
    const schemaUri = "test://reference/n.json";
    new SteerLLMClient().registerSchema(schemaUri, { type: "object", required: ["n"] });
    const { meta, summary, replicates } = await bundleOf([{ n: 1 }, { m: 1 }, { n: 1 }], { ...wholeBundle, schemaUri });
    expect(meta.schemaUri).toBe(schemaUri);
    expect(summary).toMatchObject({ validCount: 2, invalidCount: 1, consensus: { n: 1 } });
    expect(replicates[1]).toMatchObject({ valid: false, data: { m: 1 } });
  });
});

describe("BundleSummary", () => {
  test("consensus by field, disagreements with values, support and replicateIds, distances, confidence, stability", async () => {
    const answers = [
      { severity: "high", component: "ui" },
      { severity: "low", component: "ui" },
      { severity: "high", component: "ui" },
    ];
    const { summary } = await bundleOf(answers);
    expect(summary.consensus).toEqual({ severity: "high", component: "ui" });
    expect(summary.disagreements).toEqual([
      {
        path: "/severity",
        tied: false,
        values: [
          { value: "high", support: 2, replicateIds: ["r1", "r3"] },
          { value: "low", support: 1, replicateIds: ["r2"] },
        ],
      },
    ]);
    const [[first, second]] = summary.pairwiseDistance as [[number, number]];
    expect(first).toBe(0);
    expect(second).toBeGreaterThan(0);
    expect(summary.pairwiseDistance?.[1]?.[0]).toBe(second);
    expect(summary.pairwiseDistance?.[0]?.[2]).toBe(0);
    expect(summary.fields["/component"]).toMatchObject({
      value: "ui",
      support: 3,
      distribution: [{ value: "ui", support: 3 }],
    });
    expect(summary).toMatchObject({ validCount: 3, invalidCount: 0 });
    for (const share of [summary.confidence, summary.fields["/severity"]?.confidence]) {
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThan(1);
    }
    // All of k are in: no further answer can change the consensus.
    expect(summary.stability).toBe(1);
  });

  test("without a valid answer the run fails, and what was asked is on the output", async () => {
    const output = await new Orchestrator().run({
      tool: new Answers([httpError(400)]),
      request: {},
      toolOptions: wholeBundle,
    });
    expect(output).toMatchObject({
      status: "failed",
      content: { evidenceBundle: { summary: { consensus: null, confidence: 0, validCount: 0 } } },
      errors: { answers: { code: "HTTP_400" } },
    });
  });

  test("invalid replicates alone do not make a run partial", async () => {
    const output = await new Orchestrator().run({
      tool: new Answers([1, httpError(500), 1]),
      request: {},
      toolOptions: wholeBundle,
    });
    expect(output.status).toBe("completed");
  });
});

test("defineBundleTool checks the request by input, and each answer by schema", async () => {
  const vote = defineBundleTool({
    name: "vote",
    input: z.object({ question: z.string() }),
    schema: z.object({ yes: z.boolean() }),
    executeReplicate: async (_request, { index }) => ({ data: { yes: index !== 1 ? true : ("maybe" as never) } }),
  });
  const output = await new Orchestrator().run({ tool: vote, request: { question: "?" }, toolOptions: wholeBundle });
  expect(unwrap(output).evidenceBundle.summary).toMatchObject({ consensus: { yes: true }, invalidCount: 1 });
  await expect(new Orchestrator().run({ tool: vote, request: {} as any })).rejects.toMatchObject({
    issues: [{ path: "request.question" }],
  });
});

describe("warnings", () => {
  const warningsOf = async (tool: PromptBundleTool<any, any, any>) => {
    const log = eventLog();
    await new Orchestrator().run({ tool, request: {}, toolOptions: wholeBundle, onEvent: log.onEvent });
    return log.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  };

  test("more than one replicate at temperature 0", async () => {
    const model = scriptedModel(() => ({ text: "x" }));
    const cold = new PromptBundleTool({ name: "t", model, prompt: "x", temperature: 0 });
    expect((await warningsOf(cold)).join()).toContain("temperature");
    const warm = new PromptBundleTool({ name: "t", model, prompt: "x", temperature: 0.7 });
    expect(await warningsOf(warm)).toEqual([]);
  });

  test("equal response ids", async () => {
    const model = scriptedModel(() => ({ text: "x" }));
    const repeating = {
      ...model,
      doGenerate: async (options: any) => ({ ...(await model.doGenerate(options)), response: { id: "same" } }),
    };
    const tool = new PromptBundleTool({ name: "t", model: repeating, prompt: "x" });
    expect((await warningsOf(tool)).join()).toContain('"same"');
  });
});

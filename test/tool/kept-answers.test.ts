import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wrapLanguageModel } from "ai";
import { test as base, describe, expect, test } from "vitest";
import {
  BundleTool,
  CalibrationStore,
  type EvidenceBundle,
  PromptBundleTool,
  ReliableOrchestrator,
  type ReplicateSpec,
  unwrap,
} from "../../src/index.ts";
import type { RunStore } from "../../src/store/store.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { PostgresStore } from "../../src/stores/postgres.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";

/** A model whose answers are told apart: each is asked for once. */
function countingModel(answer: (call: number) => string = (call) => `answer ${call}`, modelId = "m") {
  const seeds: number[] = [];
  const model = scriptedModel(
    (call: any) => {
      seeds.push(call.seed);
      return { text: answer(seeds.length), usage: { inputTokens: 10, outputTokens: 5 } };
    },
    { modelId },
  );
  return { model, seeds };
}

const prices = { costUsd: () => 0.01 };

function toolOf(model: any, more: object = {}) {
  return new PromptBundleTool({
    name: "triage",
    model,
    prompt: "Report: {{report}}",
    defaultOptions: { k: 3, stopping: "none" },
    ...more,
  });
}

async function bundleOf(store: RunStore | undefined, tool: any, more: object = {}) {
  const orchestrator = new ReliableOrchestrator({ prices, ...(store && { store }) });
  const output = await orchestrator.run({ tool, request: { report: "a" }, ...more } as any);
  return { output, bundle: (unwrap(output as any) as { evidenceBundle: EvidenceBundle }).evidenceBundle };
}

const data = ({ replicates }: EvidenceBundle) => replicates.map((each) => each.data);

const stores: [string, () => RunStore | Promise<RunStore>][] = [
  ["memory", () => new MemoryStore()],
  ["SQLite", () => new SqliteStore({ path: join(mkdtempSync(join(tmpdir(), "answers-")), "runs.sqlite") })],
  ["Postgres", async () => new PostgresStore({ connectionString: (await createTestDatabase()).url })],
];

describe.each(stores)("answers that a %s store has already", (name, open) => {
  const test = name === "Postgres" && !postgresUrl ? base.skip : base;
  test("are asked for once: k = 3, then 5, then 10, then 10 with another threshold", async () => {
    const store = await open();
    const { model, seeds } = countingModel();
    const tool = toolOf(model);
    const three = await bundleOf(store, tool);
    const five = await bundleOf(store, tool, { toolOptions: { k: 5 } });
    const ten = await bundleOf(store, tool, { toolOptions: { k: 10 } });
    const again = await bundleOf(store, tool, {
      toolOptions: { k: 10 },
      options: { qualityRequirements: { minConfidence: 0.01 } },
    });
    expect(seeds).toHaveLength(10);
    expect(new Set(seeds)).toHaveLength(10);
    expect(data(five.bundle).slice(0, 3)).toEqual(data(three.bundle));
    expect(data(again.bundle)).toEqual(data(ten.bundle));
    expect(new Set(data(ten.bundle)).size).toBe(10);
    expect(five.bundle.meta.reuse).toEqual({
      cachedInputTokens: 0,
      replicateIds: ["r1", "r2", "r3"],
      savedUsd: expect.closeTo(0.03),
    });
    expect(five.output).toMatchObject({ costUsd: 0.02, usage: { totalTokens: 30, requests: 2 } });
    expect(five.bundle).toMatchObject({ costTotalUsd: 0.02, usageTotal: { totalTokens: 30, requests: 2 } });
    expect(again.output).toMatchObject({ costUsd: 0, usage: { totalTokens: 0, requests: 0 } });
    await store.close();
  });

  test("are those of a job that is run again under a key for each input", async () => {
    const store = await open();
    const { model, seeds } = countingModel(() => "yes");
    const tool = toolOf(model);
    const job = async (k: number, start: string) => {
      const orchestrator = new ReliableOrchestrator({ prices, store });
      const requests = ["a", "b", "c"].map((report) => ({ report }));
      for await (const result of orchestrator.runMany({ tool, requests, toolOptions: { k } }))
        expect(result).toHaveProperty("output");
      const options = { idempotencyKey: `${start}-a` };
      await orchestrator.run({ tool, request: { report: "a" }, toolOptions: { k }, options });
    };
    await job(3, "first");
    expect(seeds).toHaveLength(9);
    await job(5, "second");
    expect(seeds).toHaveLength(15);
    await job(5, "third");
    expect(seeds).toHaveLength(15);
    await store.close();
  });
});

describe("an answer of another question", () => {
  const others: [string, object, object?][] = [
    ["request", {}, { request: { report: "b" } }],
    ["prompt", { prompt: "Bug report: {{report}}" }],
    ["system message", { system: "Be brief." }],
    ["schema", { schema: { type: "object", properties: { a: { type: "string" } }, required: ["a"] } }],
    ["version", { version: "2.0.0" }],
    ["temperature", { temperature: 0.2 }],
    ["output limit", { maxOutputTokens: 7 }],
    ["provider option", { providerOptions: { openai: { reasoningEffort: "low" } } }],
    ["seed", {}, { toolOptions: { seeds: [7, 8, 9] } }],
    ["model", { model: countingModel(() => '{"a":"x"}', "other").model }],
  ];
  test.each(others)("is never used: another %s", async (_, more, run = {}) => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel(() => '{"a":"x"}');
    await bundleOf(store, toolOf(model));
    const { bundle } = await bundleOf(store, toolOf(model, more), run);
    expect(bundle.meta.reuse).toBeUndefined();
    expect(seeds.length + ("model" in more ? 3 : 0)).toBe(6);
  });

  test("is never used: one of a model behind other middleware", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel();
    const wrapped = (word: string) =>
      wrapLanguageModel({
        model: model as any,
        middleware: {
          overrideModelId: () => "m",
          transformParams: async ({ params }) => ({ ...params, stopSequences: [word] }),
        },
      });
    await bundleOf(store, toolOf(wrapped("one")));
    const { bundle } = await bundleOf(store, toolOf(wrapped("other")));
    expect(bundle.meta.reuse).toBeUndefined();
    expect(seeds).toHaveLength(6);
  });

  test.each([
    ["bytes", (byte: number) => new Uint8Array([byte, 1])],
    ["an ArrayBuffer", (byte: number) => new Uint8Array([byte, 1]).buffer],
    ["an address", (byte: number) => new URL(`https://images.internal/${byte}.png`)],
  ])("is never used: another image, as %s", async (_, image) => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel();
    const tool = (byte: number) => {
      const content = [{ type: "image", image: image(byte), mediaType: "image/png" }];
      return toolOf(model, { prompt: () => [{ role: "user", content }] });
    };
    await bundleOf(store, tool(1));
    await bundleOf(store, tool(2));
    expect(seeds).toHaveLength(6);
    await bundleOf(store, tool(1));
    expect(seeds).toHaveLength(6);
  });

  test("is found at its own index only: one answer is never two votes", async () => {
    const store = new MemoryStore();
    const { model } = countingModel();
    await bundleOf(store, toolOf(model), { toolOptions: { k: 2, seeds: [1, 2] } });
    const { bundle } = await bundleOf(store, toolOf(model), { toolOptions: { k: 4, seeds: [2, 2, 1, 2] } });
    expect(bundle.meta.reuse?.replicateIds).toEqual(["r2"]);
    expect(new Set(data(bundle)).size).toBe(4);
  });

  test("is not one that the schema in force refuses", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel(() => '{"a":"x"}');
    const schema = (isStrict: boolean) => ({
      "~standard": {
        version: 1,
        vendor: "own",
        validate: (value: unknown) => (isStrict ? { issues: [{ message: "no" }] } : { value }),
        jsonSchema: { input: () => ({ type: "object" }), output: () => ({ type: "object" }) },
      },
    });
    await bundleOf(store, toolOf(model, { schema: schema(false) }));
    const asked = seeds.length;
    const tool = toolOf(model, { schema: schema(true) });
    await new ReliableOrchestrator({ store }).run({ tool, request: { report: "a" } } as any);
    expect(seeds.length).toBeGreaterThan(asked);
  });
});

describe("a bundle that reuses answers", () => {
  const basisOf = ({ summary }: EvidenceBundle) => summary.confidenceBasis?.bundles;

  test("counts once for the confidence of its job, however often it is asked for", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel((call) => (call % 4 === 0 ? "no" : "yes"));
    const orchestrator = new ReliableOrchestrator({ prices, store, clock: createFakeClock() });
    const ask = async (report: string, toolOptions: object = {}) => {
      const output = await orchestrator.run({ tool: toolOf(model), request: { report }, toolOptions } as any);
      return (unwrap(output as any) as { evidenceBundle: EvidenceBundle }).evidenceBundle;
    };
    for (const report of ["a", "b", "c"]) await ask(report);
    const again = await ask("a");
    expect(seeds).toHaveLength(9);
    expect(basisOf(again)).toBe(3);
    for (let time = 0; time < 5; time++) expect((await ask("a")).summary.confidence).toBe(again.summary.confidence);
    expect(basisOf(await ask("d"))).toBe(4);
  });

  test("counts once in a whole job, before or after the input whose answers it has", async () => {
    const store = new MemoryStore();
    const tool = toolOf(countingModel().model);
    const [first, again] = [await bundleOf(store, tool), await bundleOf(store, tool)];
    const other = await bundleOf(store, tool, { request: { report: "b" } });
    for (const outputs of [
      [first, again, other],
      [again, other, first, again],
    ]) {
      const whole = await new CalibrationStore({ path: mkdtempSync(join(tmpdir(), "labels-")) }).wholeJob();
      for (const { bundle } of outputs) whole.observe(bundle);
      await whole.judge(other.bundle);
      expect(basisOf(other.bundle)).toBe(2);
    }
  });

  test("takes the place of the one that stopped early on the same answers", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel(() => "yes");
    const orchestrator = new ReliableOrchestrator({ prices, store, clock: createFakeClock() });
    const tool = toolOf(model, { defaultOptions: { k: 8 } });
    const ask = async (toolOptions: object) => {
      const output = await orchestrator.run({ tool, request: { report: "a" }, toolOptions } as any);
      return (unwrap(output as any) as { evidenceBundle: EvidenceBundle }).evidenceBundle;
    };
    const early = await ask({ stopping: "auto" });
    expect(early.meta.earlyStopped).toBe(true);
    const whole = await ask({ stopping: "none" });
    expect(seeds).toHaveLength(8);
    expect([basisOf(early), basisOf(whole)]).toEqual([1, 1]);
  });
});

describe("answers are asked for anew", () => {
  test("without a store that was chosen", async () => {
    const { model, seeds } = countingModel();
    await bundleOf(undefined, toolOf(model));
    await bundleOf(undefined, toolOf(model));
    expect(seeds).toHaveLength(6);
  });

  test('with reuse: "off"', async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel();
    await bundleOf(store, toolOf(model));
    await bundleOf(store, toolOf(model, { reuse: "off" }));
    expect(seeds).toHaveLength(6);
  });

  test("after seven days", async () => {
    const clock = createFakeClock();
    const store = new MemoryStore({ clock, journalTtlMs: 30 * 24 * 3_600_000 });
    const { model, seeds } = countingModel();
    const run = () =>
      new ReliableOrchestrator({ store, clock }).run({ tool: toolOf(model), request: { report: "a" } } as any);
    await run();
    await clock.advance(6 * 24 * 3_600_000);
    await run();
    expect(seeds).toHaveLength(3);
    await clock.advance(2 * 24 * 3_600_000);
    await run();
    expect(seeds).toHaveLength(6);
  });

  test("by a tool that asks in its own way", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel();
    class Own extends PromptBundleTool<"Report: {{report}}", string> {
      override executeReplicate(request: any, replicate: ReplicateSpec, context: any) {
        return super.executeReplicate(request, replicate, context);
      }
    }
    const tool = () => new Own({ name: "own", model, prompt: "Report: {{report}}" });
    await bundleOf(store, tool());
    await bundleOf(store, tool());
    expect(seeds).toHaveLength(6);
  });

  test("inside another run: a tool that counts them itself gets as many as it asks for", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel();
    const inner = toolOf(model, { defaultOptions: { k: 1 } });
    const orchestrator = new ReliableOrchestrator({ store });
    class Panel extends BundleTool<object, unknown> {
      readonly name = "panel";
      override async executeReplicate() {
        const output = await orchestrator.run({ tool: inner, request: { report: "a" } } as any);
        return { data: (unwrap(output as any) as any).evidenceBundle.summary.consensus };
      }
    }
    const output = await orchestrator.run({ tool: new Panel(), request: {}, toolOptions: { k: 4, stopping: "none" } });
    expect(seeds).toHaveLength(4);
    expect(new Set(data((unwrap(output) as any).evidenceBundle)).size).toBe(4);
  });

  test("inside a bundle that is made as a whole", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel();
    class Twice extends PromptBundleTool<"Report: {{report}}", string> {
      override async executeBundle(request: any, options: any, context: any) {
        await super.executeBundle(request, options, context);
        return super.executeBundle(request, options, context);
      }
    }
    const tool = new Twice({
      name: "twice",
      model,
      prompt: "Report: {{report}}",
      defaultOptions: { stopping: "none" },
    });
    const orchestrator = new ReliableOrchestrator({ store });
    await orchestrator.run({ tool, request: { report: "a" } } as any);
    expect(seeds).toHaveLength(6);
  });
});

describe("a store", () => {
  test("that fails costs no answer, and a warning says so", async () => {
    const { model, seeds } = countingModel();
    const store = new MemoryStore();
    const broken = Object.assign(Object.create(store), { claim: () => Promise.reject(new Error("no store")) });
    const warnings: string[] = [];
    const onEvent = (event: any) => event.type === "warning" && warnings.push(event.message);
    const { bundle } = await bundleOf(broken, toolOf(model), { onEvent });
    expect(bundle.summary.validCount).toBe(3);
    expect(seeds).toHaveLength(3);
    expect(warnings).toEqual([expect.stringContaining("Answers of earlier runs cannot be used")]);
  });

  test("that does not answer is waited for no longer than a second", async () => {
    const clock = createFakeClock();
    const { model, seeds } = countingModel();
    const silent = Object.assign(Object.create(new MemoryStore({ clock })), { claim: () => new Promise(() => {}) });
    const run = new ReliableOrchestrator({ store: silent, clock });
    const output = run.run({ tool: toolOf(model), request: { report: "a" } } as any);
    await clock.runAll();
    expect(await output).toMatchObject({ status: "completed" });
    expect(seeds).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  test("has the answers of a run that was cut off", async () => {
    const store = new MemoryStore();
    const abort = new AbortController();
    const { model, seeds } = countingModel((call) => {
      if (call === 3) abort.abort();
      return `answer ${call}`;
    });
    const tool = toolOf(model, { defaultOptions: { k: 5, stopping: "none", maxParallel: 1 } });
    const orchestrator = new ReliableOrchestrator({ store });
    await orchestrator.run({ tool, request: { report: "a" }, signal: abort.signal } as any).catch(() => {});
    expect(seeds).toHaveLength(3);
    const { bundle } = await bundleOf(store, tool);
    expect(bundle.meta.reuse?.replicateIds).toEqual(["r1", "r2"]);
    expect(seeds).toHaveLength(6);
  });

  test("lends the answers to one run at a time, and no run waits for another", async () => {
    const store = new MemoryStore();
    const { model, seeds } = countingModel();
    await Promise.all([bundleOf(store, toolOf(model)), bundleOf(store, toolOf(model))]);
    expect(seeds).toHaveLength(6);
    await bundleOf(store, toolOf(model));
    expect(seeds).toHaveLength(6);
  });
});

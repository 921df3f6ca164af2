import { z } from "zod";
import {
  defineBundleTool,
  defineTool,
  EventManager,
  embeddingSimilarity,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  toAiSdkTool,
  toEventStreamResponse,
  usageOf,
} from "../../../src/index.ts";
import { ReliabilityState } from "../../../src/reliability.ts";
import { createFakeClock, injectFaults, scriptedJudge, scriptedModel, scriptedTool } from "../../../src/testing.ts";
import { onCounts, onSchemas, onTexts, onValues, type Probe, range } from "../probe.ts";
import { changed } from "./evidence.ts";

const orchestrator = new Orchestrator();
const reliable = () => new ReliableOrchestrator({ store: "memory", state: new ReliabilityState() });

const prompted = (answers: (index: number) => { text: string } | { object: unknown }, options: object = {}) =>
  new PromptBundleTool({
    name: "fuzz",
    model: scriptedModel(({ index }) => answers(index)),
    prompt: "{{q}}",
    maxOutputTokens: 10_000_000,
    defaultOptions: { k: 3, stopping: "none", ...options },
  });

const anything = { type: ["object", "array", "string", "number"] };

export const runProbes: readonly Probe[] = [
  onValues("toEventStreamResponse", async (value) => {
    const tool = defineTool({ name: "echo", execute: (request: { value: unknown }) => request.value });
    return (await toEventStreamResponse(orchestrator.stream({ tool, request: { value } }))).text();
  }),
  onValues("toAiSdkTool", async (value) => {
    const tool = toAiSdkTool(defineTool({ name: "echo", execute: (request: unknown) => request }), orchestrator);
    const output = await tool.execute({ value }, {});
    return tool.toModelOutput({ output });
  }),
  onCounts("usageOf", (count) =>
    usageOf({ usage: { inputTokens: count, outputTokens: count }, steps: Array.from({ length: count }) }),
  ),
  onTexts(
    "Orchestrator.run, new PromptBundleTool, PromptBundleTool.executeReplicate, scriptedModel",
    (text) => orchestrator.run({ tool: prompted(() => ({ text })), request: { q: "?" } }),
    "Orchestrator.run, a text as answer",
  ),
  onTexts(
    "Orchestrator.run",
    (text) =>
      orchestrator.run({
        tool: prompted(() => ({ text }), { k: 1, schema: { type: "object", required: ["a"] } }),
        request: { q: "?" },
      }),
    "Orchestrator.run, JSON in a text",
  ),
  onTexts(
    "Orchestrator.run",
    (text) =>
      orchestrator.run({
        tool: prompted(() => ({ object: { a: text } }), {
          schema: { type: "object", properties: { a: { type: "string", pattern: "^(a+|b|\\W*)*$" } } },
        }),
        request: { q: "?" },
      }),
    "Orchestrator.run, a pattern in the schema",
  ),
  onValues(
    "Orchestrator.run, BundleTool.execute, BundleTool.executeBundle",
    (value) =>
      orchestrator.run({
        tool: prompted((index) => ({ object: index > 0 ? value : changed(value) }), { schema: anything }),
        request: { q: "?" },
      }),
    "Orchestrator.run, a value as answer",
  ),
  onValues(
    "Orchestrator.run",
    (value) =>
      orchestrator.run({
        tool: prompted(() => ({ object: value }), {
          k: 1,
          schema: {
            anyOf: [
              { type: "array", uniqueItems: true, items: {} },
              { type: "object", additionalProperties: { type: "string" }, propertyNames: { maxLength: 20 } },
            ],
          },
        }),
        request: { q: "?" },
      }),
    "Orchestrator.run, a value and a strict schema",
  ),
  onValues(
    "Orchestrator.run",
    (value) =>
      orchestrator.run({
        tool: prompted((index) => ({ object: index > 0 ? value : changed(value) }), { schema: z.any() }),
        request: { q: "?" },
      }),
    "Orchestrator.run, a value and a zod schema",
  ),
  onSchemas(
    "Orchestrator.run",
    (schema) =>
      orchestrator.run({ tool: prompted(() => ({ object: { a: 1 } }), { k: 1, schema }), request: { q: "?" } }),
    "Orchestrator.run, a schema",
  ),
  onTexts(
    "Orchestrator.run, PromptBundleTool.questionText, PromptBundleTool.boundReplicates, BundleTool.boundReplicates",
    (text) => {
      const tool = prompted(() => ({ text: "yes" }), { k: 1 });
      tool.questionText({ q: text });
      return orchestrator.run({ tool, request: { q: text }, options: { budget: { tokens: 1e9 } } });
    },
    "Orchestrator.run, a text as request",
  ),
  onValues(
    "Orchestrator.run",
    (value) => orchestrator.run({ tool: prompted(() => ({ text: "yes" }), { k: 1 }), request: { q: value } }),
    "Orchestrator.run, a value as request",
  ),
  onTexts(
    "new PromptBundleTool",
    (text) => {
      const tool = new PromptBundleTool({
        name: text,
        model: scriptedModel([{ text: "yes" }]),
        prompt: text as string,
        system: text,
        description: text,
        defaultOptions: { k: 1 },
      });
      return orchestrator.run({ tool, request: { a: "b" } });
    },
    "new PromptBundleTool, its texts",
  ),
  onTexts("PromptBundleTool.withModel", (text) => prompted(() => ({ text: "yes" })).withModel(text)),
  onValues("BundleTool.resolveOptions", (value) => prompted(() => ({ text: "yes" })).resolveOptions(value)),
  onValues(
    "Orchestrator.run",
    (value) =>
      orchestrator.run({
        tool: prompted(() => ({ text: "yes" })),
        request: { q: "?" },
        toolOptions: value,
        options: value,
      }),
    "Orchestrator.run, its options",
  ),
  onTexts(
    "Orchestrator.run",
    (text) =>
      orchestrator.run({
        tool: defineTool({
          name: "throws",
          execute: () => {
            throw Object.assign(new Error(text), { name: text, code: text, responseBody: text });
          },
        }),
        request: {},
      }),
    "Orchestrator.run, an error of a tool",
  ),
  onValues(
    "defineTool, new Orchestrator, Tool.execute",
    (value) =>
      orchestrator.run({
        tool: defineTool({ name: "gives", execute: (request) => request }),
        request: value,
        options: { metadata: { value } } as object,
      }),
    "defineTool",
  ),
  onValues(
    "defineBundleTool, BundleTool.executeReplicate",
    (value) =>
      orchestrator.run({
        tool: defineBundleTool({
          name: "gives",
          input: z.any(),
          schema: z.any(),
          executeReplicate: async (request: any) => ({ data: request }),
        }),
        request: value,
        toolOptions: { k: 2, stopping: "none" },
      }),
    "defineBundleTool",
  ),
  onTexts("Orchestrator.stream", async (text) => {
    const stream = orchestrator.stream({ tool: prompted(() => ({ text }), { k: 2 }), request: { q: "?" } });
    for await (const _ of stream);
    return stream.output;
  }),
  onCounts("Orchestrator.runMany, scriptedTool", async (count) => {
    const results = orchestrator.runMany({
      tool: scriptedTool("many", range(count)),
      requests: range(count),
      concurrency: 8,
    });
    for await (const _ of results);
  }),
  onValues(
    "new ReliableOrchestrator, BundleTool.contentToKeep, BundleTool.restoreContent",
    async (value) => {
      const run = {
        tool: prompted((index) => ({ object: index > 0 ? value : changed(value) }), { schema: anything }),
        request: { q: "?" },
        options: { idempotencyKey: "one" },
      };
      const keyed = reliable();
      return [await keyed.run(run), await keyed.run(run)];
    },
    "ReliableOrchestrator.run, a value kept and read again",
  ),
  onTexts(
    "new ReliableOrchestrator",
    (text) =>
      reliable().run({
        tool: prompted(() => ({ text: "yes" }), { k: 1 }),
        request: { q: text },
        options: { idempotencyKey: text },
      }),
    "ReliableOrchestrator.run, a text as key",
  ),
  onTexts("injectFaults", (text) =>
    orchestrator.run({
      tool: new PromptBundleTool({
        name: "faulty",
        model: injectFaults(
          scriptedModel(() => ({ text })),
          { seed: 1, rate: 1, kinds: ["garbage", "server_error"] },
        ),
        prompt: "?",
        defaultOptions: { k: 1 },
      }),
      request: {},
    }),
  ),
  onTexts(
    "scriptedJudge",
    (text) =>
      orchestrator.run({
        tool: prompted((index) => ({ text: `${text}${index}` }), {
          compare: { judge: scriptedJudge({ same: (a, b) => a.length === b.length }) },
        }),
        request: { q: "?" },
      }),
    "scriptedJudge",
  ),
  onTexts("embeddingSimilarity", (text) =>
    embeddingSimilarity({
      specificationVersion: "v4",
      provider: "embedder",
      modelId: "embedder-1",
      maxEmbeddingsPerCall: 10,
      doEmbed: async ({ values }: { values: string[] }) => ({
        embeddings: values.map(({ length }) => [1, length]),
        usage: { tokens: 1 },
      }),
    })(text, `${text}x`),
  ),
  onValues(
    "new EventManager, EventManager.emit, EventManager.on, EventManager.deliver",
    (value) => {
      const events = new EventManager();
      for (const _ of range(10)) events.on("*", () => {});
      events.emit("progress", { name: "fuzz", data: value });
      events.deliver({ type: "progress", name: "fuzz", data: value } as any);
    },
    "EventManager.emit",
  ),
  onCounts(
    "EventManager.on",
    (count) => {
      const events = new EventManager();
      const leave = range(count).map(() => events.on("*", () => {}));
      events.emit("progress", { name: "fuzz" });
      for (const left of leave) left();
    },
    "EventManager.on, many listeners",
  ),
  onCounts("createFakeClock", async (count) => {
    const clock = createFakeClock();
    const slept = range(Math.min(count, 2_000)).map((at) => clock.sleep(at));
    await clock.runAll();
    await Promise.all(slept);
  }),
];

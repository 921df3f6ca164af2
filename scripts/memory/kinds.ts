import { z } from "zod";
import {
  defineBundleTool,
  defineTool,
  type LanguageModelLike,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";

/** Starts one run of a kind. */
type RunOnce = (index: number) => Promise<unknown>;

/** Each makes its orchestrator and tools once. */
export const kinds: Readonly<Record<string, () => RunOnce>> = {
  plain: () => {
    const orchestrator = new Orchestrator();
    return (index) => orchestrator.run({ tool: echo, request: { index } });
  },
  bundle: () => {
    const orchestrator = new Orchestrator();
    return (index) => orchestrator.run({ tool: voting, request: { index } });
  },
  nested: () => {
    const orchestrator = new Orchestrator();
    const outer = defineTool({
      name: "outer",
      execute: ({ index }: { index: number }) => orchestrator.run({ tool: voting, request: { index } }),
    });
    return (index) => orchestrator.run({ tool: outer, request: { index } });
  },
  streamed: () => {
    const orchestrator = new Orchestrator();
    return async (index) => {
      const stream = orchestrator.stream({ tool: voting, request: { index } });
      for await (const _ of stream);
      return stream.output;
    };
  },
  keyed: () => {
    const orchestrator = reliable({ store: new MemoryStore({ maxEntries: 100 }) });
    return (index) =>
      orchestrator.run({ tool: voting, request: { index }, options: { idempotencyKey: `key${index}` } });
  },
  retried: () => {
    const orchestrator = reliable({
      reliabilityConfig: {
        maxRetries: 1,
        initialDelayMs: 1,
        maxDelayMs: 1,
        circuitBreaker: { failureThreshold: 1_000_000 },
      },
    });
    const failed = new Set<number>();
    const flaky = defineTool({
      name: "flaky",
      execute({ index }: { index: number }) {
        if (failed.delete(index)) return "done";
        failed.add(index);
        throw Object.assign(new Error("busy"), { status: 503 });
      },
    });
    return (index) => orchestrator.run({ tool: flaky, request: { index } });
  },
  "fallen back": () => {
    const orchestrator = reliable({
      reliabilityConfig: { maxRetries: 0, circuitBreaker: { failureThreshold: 1_000_000 } },
    });
    const broken = defineTool({ name: "broken", execute: (_request: object) => Promise.reject(new Error("broken")) });
    return (index) => orchestrator.run({ tool: broken, fallbackTools: [echo], request: { index } });
  },
  escalated: () => {
    const orchestrator = new Orchestrator();
    const tool = new PromptBundleTool({
      name: "escalating",
      model: model("small"),
      prompt: "{{index}}",
      defaultOptions: { k: 2, escalate: { below: 1, to: [model("large")] } },
    });
    return (index) => orchestrator.run({ tool, request: { index: String(index) } });
  },
  aborted: () => {
    const orchestrator = reliable({});
    return (index) => {
      const controller = new AbortController();
      const run = orchestrator.run({ tool: hanging, request: { index }, signal: controller.signal });
      setImmediate(() => controller.abort(new Error("enough")));
      return run;
    };
  },
  "timed out": () => {
    const orchestrator = reliable({});
    return (index) => orchestrator.run({ tool: hanging, request: { index }, options: { timeoutMs: 1 } });
  },
  refused: () => {
    const orchestrator = reliable({});
    const tool = new PromptBundleTool({
      name: "dear",
      model: model("dear"),
      prompt: "{{index}}",
      maxOutputTokens: 100,
    });
    return (index) => orchestrator.run({ tool, request: { index: String(index) }, options: { budget: { tokens: 1 } } });
  },
};

const reliable = (settings: object) => new ReliableOrchestrator({ state: new ReliabilityState(), ...settings });

const echo = defineTool({ name: "echo", execute: ({ index }: { index: number }) => index });

const hanging = defineTool({
  name: "hanging",
  execute: (_request: { index: number }, _options, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
});

const voting = defineBundleTool({
  name: "voting",
  input: z.object({ index: z.number() }),
  schema: z.object({ value: z.number() }),
  defaultOptions: { k: 3 },
  executeReplicate: async ({ index }) => ({ data: { value: index } }),
});

/** Answers differ, so that the confidence stays low. */
function model(modelId: string): LanguageModelLike {
  let calls = 0;
  return {
    specificationVersion: "v4",
    provider: "counted",
    modelId,
    supportedUrls: {},
    doGenerate: async () => ({
      content: [{ type: "text", text: calls++ % 2 > 0 ? "yes" : "no" }],
      finishReason: { unified: "stop", raw: "stop" },
      usage: { inputTokens: { total: 10 }, outputTokens: { total: 1 } },
      warnings: [],
    }),
    doStream: async () => {
      throw new Error("not streamed");
    },
  } as unknown as LanguageModelLike;
}

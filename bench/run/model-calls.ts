import type { LanguageModelV4 } from "@ai-sdk/provider";
import { generateText } from "ai";
import { Orchestrator, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";

/** Asks a model so many times for an answer to one prompt. */
type Asking = (calls: number) => Promise<unknown>;

const words = "Is a whale a fish? Answer in one word.";

/** A model that knows its answer. */
const model: LanguageModelV4 = {
  specificationVersion: "v4",
  provider: "bench",
  modelId: "bench-1",
  supportedUrls: {},
  doGenerate: async () => ({
    content: [{ type: "text", text: "no" }],
    finishReason: { unified: "stop", raw: "stop" },
    usage: {
      inputTokens: { total: 12, noCache: 12, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 1, text: 1, reasoning: 0 },
    },
    warnings: [],
  }),
  doStream: () => Promise.reject(new Error("Only whole answers are asked for")),
};

/** The model alone. */
export const bareModel: Asking = (calls) =>
  Promise.all(
    Array.from({ length: calls }, () =>
      model.doGenerate({ prompt: [{ role: "user", content: [{ type: "text", text: words }] }] }),
    ),
  );

/** The AI SDK: retries, usage, a result of many getters. */
export const aiSdk: Asking = (calls) =>
  Promise.all(Array.from({ length: calls }, () => generateText({ model, prompt: words })));

/** One run for all calls: and validation, comparison, consensus, confidence, asked ten at a time to the end. */
export function bundle(orchestrator: Orchestrator = new Orchestrator()): Asking {
  const tool = new PromptBundleTool({ name: "whale", model, prompt: words });
  return (k) => orchestrator.run({ tool, request: {}, toolOptions: { k, stopping: "none" } });
}

export const reliableBundle = (): Asking => bundle(new ReliableOrchestrator());

import { describe, expect, test } from "vitest";
import {
  BudgetExceeded,
  InvalidOptionsError,
  type LanguageModelLike,
  Orchestrator,
  type PriceSource,
  PromptBundleTool,
  unwrap,
} from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

const faults: [string, () => unknown][] = [
  ["gives NaN", () => Number.NaN],
  ["gives a text", () => "1 $"],
  ["gives a negative number", () => -1],
  ["gives nothing", () => undefined],
  ["has to be awaited", async () => 1],
  ["has to be awaited, and fails", () => Promise.reject(new Error("no such table"))],
  [
    "throws",
    () => {
      throw new Error("no such table");
    },
  ],
];

describe.each(faults)("a price source that %s", (_, costUsd) => {
  const model = () => scriptedModel(() => ({ text: "yes", usage: { inputTokens: 10, outputTokens: 5 } }));
  const orchestrator = new Orchestrator({ prices: { costUsd: costUsd as () => number } });

  test("takes no answer away that is paid for: its cost is unknown, and a warning says why", async () => {
    const tool = new PromptBundleTool({ name: "t", model: model(), prompt: "x", defaultOptions: { k: 2 } });
    const warnings: unknown[] = [];
    const output = await orchestrator.run({
      tool,
      request: {},
      onEvent: (event) => event.type === "warning" && warnings.push(event.code),
    });
    expect(output).toMatchObject({ status: "completed", usage: { totalTokens: 30 }, costUsd: null });
    expect(unwrap(output).evidenceBundle).toMatchObject({ summary: { validCount: 2 }, costTotalUsd: null });
    expect(warnings).toEqual(["unknown_cost", "unknown_cost"]);
  });

  test("keeps no budget in dollars: the run is refused before the first call", async () => {
    const asked = model();
    const tool = new PromptBundleTool({ name: "t", model: asked, prompt: "x" });
    const run = orchestrator.run({ tool, request: {}, options: { budget: { costUsd: 1 } } });
    expect(InvalidOptionsError.isInstance(await run.catch((error: unknown) => error))).toBe(true);
    expect(asked.calls).toHaveLength(0);
  });
});

/** Answers that its whole prompt, of `inputTokens`, went into the provider's cache. */
function cachingModel(inputTokens: number): LanguageModelLike & { calls: number } {
  const usage = {
    inputTokens: { total: inputTokens, noCache: 0, cacheRead: 0, cacheWrite: inputTokens },
    outputTokens: { total: 1, text: 1, reasoning: 0 },
  };
  const model = {
    specificationVersion: "v4" as const,
    provider: "dear",
    modelId: "cache",
    supportedUrls: {},
    calls: 0,
    async doGenerate() {
      model.calls++;
      const content = [{ type: "text", text: "yes" }];
      return { content, finishReason: { unified: "stop", raw: "stop" }, usage, warnings: [] };
    },
    doStream: () => Promise.reject(new Error("not asked for")),
  };
  return model;
}

describe("a price of what goes into the provider's cache", () => {
  const costUsd: PriceSource["costUsd"] = ({ usage }) =>
    usage.inputTokens + (usage.cacheWriteInputTokens ?? 0) + usage.outputTokens;
  const ask = (model: LanguageModelLike, budget?: { costUsd: number }) => {
    const tool = new PromptBundleTool({ name: "t", model, prompt: "x", maxOutputTokens: 1, defaultOptions: { k: 1 } });
    return new Orchestrator({ prices: { costUsd } }).run({ tool, request: {}, options: { budget } });
  };

  test("is paid, and its tokens are in the usage", async () => {
    const output = await ask(cachingModel(10));
    expect(output).toMatchObject({ costUsd: 21, usage: { inputTokens: 10, cacheWriteInputTokens: 10 } });
  });

  test("is what a budget has to have room for", async () => {
    const model = cachingModel(10);
    const refused = await ask(model, { costUsd: 1 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BudgetExceeded);
    const { actual } = refused as BudgetExceeded;
    expect(actual % 2).toBe(1);
    expect(await ask(model, { costUsd: actual - 1 }).catch((error: unknown) => error)).toBeInstanceOf(BudgetExceeded);
    expect(model.calls).toBe(0);
    expect(await ask(model, { costUsd: actual })).toMatchObject({ status: "completed" });
  });
});

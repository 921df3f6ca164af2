import { describe, expect, test } from "vitest";
import {
  type Budget,
  BudgetExceeded,
  type BundleToolOptions,
  InvalidOptionsError,
  Orchestrator,
  PromptBundleTool,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../src/index.ts";
import { estimatePromptTokens, tokenCounter } from "../../src/provider/prompt-tokens.ts";
import { scriptedModel } from "../../src/testing.ts";

const model = scriptedModel([]);
const question = [{ role: "user" as const, content: [{ type: "text" as const, text: "x" }] }];
const promptTokens = estimatePromptTokens(question, undefined, model, await tokenCounter(model, undefined)) as number;
const usage = { inputTokens: 20, outputTokens: 30 };
/** A cent for every ten tokens. */
const prices = {
  costUsd: ({ usage }: { usage: { totalTokens: number } }) => usage.totalTokens / 1_000,
};

/** Asks in its own way, as one call that is given all that is left. */
class Whole extends PromptBundleTool<string, string, "ask"> {
  override executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
    return super.executeBundle(request as Record<string, unknown>, options, context);
  }
}

/** What the model was told of how long its answers may be, one after the other. */
async function limitsSent(
  ceilings: { options?: { budget: Budget }; toolOptions?: BundleToolOptions },
  maxOutputTokens?: number,
  Kind: typeof PromptBundleTool<string, string, "ask"> = PromptBundleTool,
): Promise<unknown[]> {
  const model = scriptedModel(() => ({ text: "yes", usage }));
  const defaultOptions = { k: 2, stopping: "none", maxParallel: 1 } as const;
  const tool = new Kind({ name: "ask", model, prompt: "x", maxOutputTokens, defaultOptions });
  const output = await new Orchestrator({ prices }).run({ tool, request: {}, ...ceilings });
  expect(output.status).toBe("completed");
  return model.calls.map(({ options }) => options["maxOutputTokens"]);
}

/** Every place of a ceiling on 500 tokens, or on what 500 tokens cost; and whether it is for both answers together. */
const places = [
  ["the run's budget", (budget: Budget) => ({ options: { budget } }), true],
  ["globalBudget", (globalBudget: Budget) => ({ toolOptions: { globalBudget } }), true],
  ["perReplicateBudget", (perReplicateBudget: Budget) => ({ toolOptions: { perReplicateBudget } }), false],
] as const;
const ceilings = [{ tokens: 500 }, { costUsd: 0.5 }];
const cases = places.flatMap((place) => ceilings.map((ceiling) => [...place, ceiling] as const));

describe("the length of an answer that the model is told", () => {
  test.each(cases)(
    "is what is left of %s beside the prompt, of which the first answer has told the size",
    async (_, at, isShared, ceiling) => {
      const left = 500 - usage.inputTokens;
      expect(await limitsSent(at(ceiling))).toEqual([500 - promptTokens, isShared ? left - 50 : left]);
    },
  );

  test.each(cases)("is the user's own within %s, and never raised", async (_, at, isShared, ceiling) => {
    expect(await limitsSent(at(ceiling), 60)).toEqual([60, 60]);
    if (isShared) expect(await limitsSent(at(ceiling), 60, Whole)).toEqual([60, 60]);
  });

  test.each(cases)(
    "is not cut below the user's own: what %s does not cover is refused",
    async (_, at, _shared, ceiling) => {
      const error = await limitsSent(at(ceiling), 500).catch((thrown: unknown) => thrown);
      expect(BudgetExceeded.isInstance(error) && error.partial?.usage.requests).toBe(0);
    },
  );

  test("is left to the provider, or to the user, where there is no ceiling", async () => {
    expect(await limitsSent({})).toEqual([undefined, undefined]);
    expect(await limitsSent({}, 60)).toEqual([60, 60]);
    expect(await limitsSent({ options: { budget: { timeMs: 60_000 } } }, 60)).toEqual([60, 60]);
  });
});

test.each(places)("a model without a price is refused before the first call, where %s is in dollars", async (_, at) => {
  const model = scriptedModel(() => ({ text: "yes", usage }), { modelId: "mystery" });
  const tool = new PromptBundleTool({ name: "ask", model, prompt: "x" });
  const run = new Orchestrator({ prices: { costUsd: () => null } }).run({ tool, request: {}, ...at({ costUsd: 1 }) });
  const error = await run.catch((thrown: unknown) => thrown);
  expect(InvalidOptionsError.isInstance(error) && error.message).toMatch(/scripted:mystery.*prices/s);
  expect(model.calls).toHaveLength(0);
});

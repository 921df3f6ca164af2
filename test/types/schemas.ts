/** Any Standard Schema types the answer: zod and valibot alike. */
import { PromptBundleTool } from "steer-llm-sdk";
import * as v from "valibot";
import { z } from "zod";
import { type Equal, expectTrue } from "./equal.ts";

type AnswerOf<T> = T extends PromptBundleTool<any, infer Answer, any> ? Answer : never;

const byValibot = new PromptBundleTool({
  name: "by_valibot",
  model: "openai:gpt-5-mini",
  prompt: "How bad is {{report}}?",
  schema: v.object({ severity: v.picklist(["low", "high"]) }),
});
expectTrue<Equal<AnswerOf<typeof byValibot>, { severity: "low" | "high" }>>();

const byZod = new PromptBundleTool({
  name: "by_zod",
  model: "openai:gpt-5-mini",
  prompt: ({ report }) => `How bad is ${report}?`,
  schema: z.object({ severity: z.enum(["low", "high"]) }),
  defaultOptions: {
    k: 5,
    stopping: { rule: "horizon", threshold: 0.99 },
    compare: { byPath: { "/severity": { text: false } } },
    perReplicateBudget: { tokens: 1_000 },
  },
});
expectTrue<Equal<AnswerOf<typeof byZod>, { severity: "low" | "high" }>>();

new PromptBundleTool({
  name: "unknown_rule",
  model: "openai:gpt-5-mini",
  prompt: "x",
  // @ts-expect-error no rule has this name
  defaultOptions: { stopping: "unanimous" },
});
new PromptBundleTool({
  name: "unknown_option",
  model: "openai:gpt-5-mini",
  prompt: "x",
  // @ts-expect-error tolerance is a number or { absolute }
  defaultOptions: { compare: { tolerance: "1%" } },
});

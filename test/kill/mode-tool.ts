import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { PromptBundleTool } from "../../src/index.ts";
import type { Pass } from "./death.ts";
import { mortalInside } from "./mortal-model.ts";

/** Several answers in one request, or a first call ahead of the others. */
export type Mode = "samples" | "warm";

export const k = 4;
export const key = "report-1";

export function toolIn(mode: Mode, origin: string, pass: Pass) {
  const settings = { apiKey: "k" };
  const model =
    mode === "samples"
      ? createOpenAI({ ...settings, baseURL: `${origin}/openai-chat` }).chat("gpt-4o-mini")
      : createAnthropic({ ...settings, baseURL: `${origin}/anthropic` })("claude-sonnet-4-5");
  return new PromptBundleTool({
    name: "triage",
    model: mortalInside(model, pass),
    prompt: "The report says that the door of the house is open. ".repeat(200),
    defaultOptions: { k, stopping: "none" },
  });
}

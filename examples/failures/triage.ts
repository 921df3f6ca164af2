import { PromptBundleTool } from "steer-llm-sdk";
import { type Script, type ScriptedModel, scriptedModel } from "steer-llm-sdk/testing";
import { z } from "zod";

export const request = { type: "bug", report: "Saving crashes the editor." };

const usage = { inputTokens: 20, outputTokens: 5 };

/** An answer that fits. */
export const high = { object: { severity: "high" }, usage };
/** The same, streamed in several chunks. */
export const highInWords = { text: '{ "severity": "high" }', usage };
/** One that does not. */
export const urgent = { object: { severity: "urgent" }, usage };

/** A tool that asks a model three times, one after the other, and the model does as the script says. */
export function triage(script: Script | ScriptedModel, { name = "triage", provider = "openai" } = {}) {
  return new PromptBundleTool({
    name,
    model: "doGenerate" in script ? script : scriptedModel(script, { provider }),
    prompt: "{{report}}",
    schema: z.object({ severity: z.enum(["low", "high"]) }),
    maxOutputTokens: 20,
    // Answers that earlier runs have paid for would stand in for calls that are to fail here.
    reuse: "off",
    defaultOptions: { k: 3, maxParallel: 1, stopping: "none" },
  });
}

/** A second tool, of a provider that works. */
export const local = triage(() => high, { name: "triage-local", provider: "local" });

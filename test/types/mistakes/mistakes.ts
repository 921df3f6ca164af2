/** Mistakes that a newcomer makes. What the compilers say of them stands beside this file. */

import { Schema } from "effect";
import { defineTool, Orchestrator, PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { z } from "zod";

const model = "openai:gpt-5-mini";
const schema = z.object({ severity: z.enum(["low", "high"]) });
const triage = new PromptBundleTool({ name: "triage", model, prompt: "{{report}}", schema });
const orchestrator = new ReliableOrchestrator();

// 1. A model without its provider.
new PromptBundleTool({ name: "ask", model: "gpt-5-mini", prompt: "{{q}}" });
// 2. A shape that is not a schema.
new PromptBundleTool({ name: "ask", model, prompt: "{{q}}", schema: { severity: z.string() } });
// 3. A slip of a keyword.
new PromptBundleTool({ name: "ask", model, prompt: "{{q}}", schema: { type: "object", propertes: {} } });
// 4. A misspelt option.
new PromptBundleTool({ name: "ask", model, prompt: "{{q}}", shema: schema });
// 5. A misspelt variable of the prompt.
await orchestrator.run({ tool: triage, request: { reprot: "…" } });
// 6. An option of the run beside `options`.
await orchestrator.run({ tool: triage, request: { report: "…" }, budget: { tokens: 1_000 } });
// 7. K among the options of the run.
await orchestrator.run({ tool: triage, request: { report: "…" }, options: { k: 5 } });
// 8. Content of a run that may have failed.
const output = await orchestrator.run({ tool: triage, request: { report: "…" } });
output.content.evidenceBundle.summary.consensus;
// 9. A number as text.
await orchestrator.run({ tool: triage, request: { report: "…" }, options: { timeoutMs: "30s" } });
// 10. A request that the tool's input refuses.
const lookup = defineTool({ name: "lookup", input: z.object({ id: z.string() }), execute: async ({ id }) => id });
await new Orchestrator().run({ tool: lookup, request: { id: 7 } });
// 11. Another word for a keyword.
new PromptBundleTool({ name: "ask", model, prompt: "{{q}}", schema: { type: "object", require: ["severity"] } });
// 12. A schema of effect as it is.
new PromptBundleTool({ name: "ask", model, prompt: "{{q}}", schema: Schema.Struct({ severity: Schema.String }) });
// 13. A model as a router names it.
new PromptBundleTool({ name: "ask", model: "openai/gpt-5-mini", prompt: "{{q}}" });

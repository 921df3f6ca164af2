/**
 * Places where a reader asks the editor. `^?` under a name asks for its hover, `^|` for completions at that column. The answers
 * stand in shown.txt.
 */
import {
  type BundleOptions,
  createEvidenceBundle,
  type OrchestrationConfig,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
} from "steer-llm-sdk";
import { z } from "zod";

declare const toolOptions: BundleOptions;
toolOptions.k;
//          ^?
toolOptions.stopping;
//          ^?
toolOptions.compare;
//          ^?
toolOptions.perReplicateBudget;
//          ^?
toolOptions.escalate;
//          ^?

declare const options: OrchestrationConfig;
options.budget;
//      ^?
options.timeoutMs;
//      ^?
options.idempotencyKey;
//      ^?
options.qualityRequirements;
//      ^?
options.metadata;
//      ^?

const tool = new PromptBundleTool({
  //  ^?
  name: "triage",
  model: "openai:gpt-5-mini",
  prompt: "{{report}}",
  schema: z.object({ severity: z.enum(["low", "high"]) }),
});
// @ts-expect-error the text is still to be written
new PromptBundleTool({ name: "triage", prompt: "{{report}}", model: "" });
//                                                                   ^|

const orchestrator = new ReliableOrchestrator();
const output = await orchestrator.run({ tool, request: { report: "…" } });
//    ^?
if (output.status !== "failed") output.content.evidenceBundle.summary.consensus;
//                                                                    ^?
createEvidenceBundle({ task: "panel", replicates: [{ data: true }] }).summary.confidence;
//                                                                            ^?
await new Orchestrator().run({ tool, request: { report: "…" }, toolOptions: { stopping: "auto" } });
//                                                                                       ^|

/**
 * The events of a run as they come. The model is a simulation (an error rate of 30 %), which is not a language model:
 * every bundle of it says `source: "simulated"`.
 */
import { Orchestrator, PromptBundleTool } from "steer-llm-sdk";

const triage = new PromptBundleTool({
  name: "triage",
  model: process.env["STEER_MODEL"] ?? "simulated:?error=0.3&latencyMs=30&truth=billing",
  prompt: "Which team owns this report: editor, billing or login? Answer with one word.\n{{report}}",
  defaultOptions: { k: 8, maxParallel: 2, stopping: "none" },
});

await using stream = new Orchestrator().stream({
  tool: triage,
  request: { report: "The invoice of March shows the price of February." },
});

const started = new Set<string>();
for await (const event of stream) {
  switch (event.type) {
    case "replicate_started":
      started.add(event.replicateId);
      break;
    case "replicate_done":
      console.log(`${event.replicate.id}: ${event.replicate.valid ? event.replicate.data : "no valid answer"}`);
      break;
    case "partial_summary":
      console.log(`  so far: ${event.summary.consensus}, confidence ${event.summary.confidence.toFixed(2)}`);
      break;
    case "run_completed":
      console.log(`Done: ${event.output.content.evidenceBundle.summary.consensus}, after ${started.size} answers.`);
      break;
  }
}

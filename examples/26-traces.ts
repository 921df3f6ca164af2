/** Spans of a run, with what was asked and answered in them. They are kept in memory here; the answers come from a script. */
import { trace } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { scriptedModel } from "steer-llm-sdk/testing";

// In a program of yours: the exporter of Langfuse, of Phoenix, or of any other collector.
const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));

const model = scriptedModel(() => ({ text: "Paris" }), { provider: "scripted", modelId: "small" });
const tool = new PromptBundleTool({
  name: "capital",
  model,
  prompt: "The capital of {{country}}?",
  defaultOptions: { k: 2 },
});
const orchestrator = new ReliableOrchestrator({ telemetry: { content: true } });
await orchestrator.run({ tool, request: { country: "France" } });

for (const { name, attributes } of exporter.getFinishedSpans()) {
  console.log(name);
  for (const key of ["gen_ai.input.messages", "gen_ai.output.messages"])
    if (attributes[key]) console.log(`  ${key} ${attributes[key]}`);
}

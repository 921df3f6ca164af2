// Two models that take turns and vote together, and what happens where one of them is down. The answers come from scripts.

import { PromptBundleTool, ReliableOrchestrator, unwrap } from "steer-llm-sdk";
import { scriptedModel } from "steer-llm-sdk/testing";

const small = scriptedModel(({ index }) => ({ text: index === 0 ? "Lyon" : "Paris" }), {
  provider: "one",
  modelId: "small",
});
const large = scriptedModel(() => ({ text: "Paris" }), { provider: "two", modelId: "large" });

// In a program of yours: models: ["openai:gpt-5-mini", "anthropic:claude-haiku-5-5"].
const capital = new PromptBundleTool({
  name: "capital",
  models: [small, large],
  prompt: "The capital of {{country}}?",
  defaultOptions: { k: 4 },
});

const orchestrator = new ReliableOrchestrator({ reliabilityConfig: { maxRetries: 0 } });
const { evidenceBundle } = unwrap(await orchestrator.run({ tool: capital, request: { country: "France" } }));
for (const { value, support, models } of evidenceBundle.summary.fields[""]?.distribution ?? [])
  console.log(`${value}: ${support} of ${evidenceBundle.replicates.length}`, models);

const down = scriptedModel(() => ({ status: 401 }), { provider: "three", modelId: "down" });
const alone = new PromptBundleTool({ name: "alone", models: [down, small], prompt: "x", defaultOptions: { k: 3 } });
const output = await orchestrator.run({
  tool: alone,
  request: {},
  onEvent: (event) => event.type === "warning" && event.code === "model_left_out" && console.log(event.message),
});
const { replicates } = unwrap(output).evidenceBundle;
console.log(output.status, replicates.map(({ model, valid }) => (valid ? model : `${model} failed`)).join(", "));

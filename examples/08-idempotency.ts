/**
 * One idempotency key, asked for at once, again, and for another request. The model is a script that counts how often
 * it is asked.
 */
import { isDeepStrictEqual } from "node:util";
import { ConflictError, PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { scriptedModel } from "steer-llm-sdk/testing";

const model = scriptedModel(() => ({ text: "high", usage: { inputTokens: 20, outputTokens: 5 } }));
const triage = new PromptBundleTool({ name: "triage", model, prompt: "How severe is it?\n{{report}}" });
const orchestrator = new ReliableOrchestrator(); // a server has { store: "sqlite" } or { store: "postgres" }

const run = (report: string) =>
  orchestrator.run({ tool: triage, request: { report }, options: { idempotencyKey: "report-17" } });

const [first, twin] = await Promise.all([run("It crashes"), run("It crashes")]);
console.log(
  `At once:  ${model.calls.length} calls, ${first.usage.totalTokens} tokens; equal outputs: ${isDeepStrictEqual(twin, first)}`,
);

const later = await run("It crashes");
console.log(`Later:    ${model.calls.length} calls, replayed: ${later.metadata.replayed}`);

try {
  await run("It is slow");
} catch (error) {
  if (ConflictError.isInstance(error)) console.log(`Another:  ${error.message}`);
}

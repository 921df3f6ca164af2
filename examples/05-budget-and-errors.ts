/**
 * What goes wrong, and what a program sees of it. Scripted models and tools stand in for a provider, so that each
 * failure comes when it should.
 */
import {
  BudgetExceeded,
  CancelledError,
  defineTool,
  InvalidOptionsError,
  Orchestrator,
  PromptBundleTool,
  ToolExecutionError,
  unwrap,
} from "steer-llm-sdk";
import { scriptedModel } from "steer-llm-sdk/testing";

const orchestrator = new Orchestrator();
const model = scriptedModel(() => ({ text: "yes", usage: { inputTokens: 20, outputTokens: 5 } }));
const ask = new PromptBundleTool({ name: "ask", model, prompt: "{{question}}", maxOutputTokens: 20 });
const request = { question: "Is it urgent?" };

console.log("1. A budget is kept before the money is spent: what it covers is asked, the rest is not.");
const partial = await orchestrator.run({
  tool: ask,
  request,
  toolOptions: { k: 10, stopping: "none", maxParallel: 1 },
  options: { budget: { tokens: 200 } },
});
if (partial.status !== "failed") {
  const { meta } = partial.content.evidenceBundle;
  console.log(`   ${partial.status}: ${meta.kCompleted} of ${meta.k} answers, stopped by ${meta.earlyStopReason}`);
  console.log(`   ${partial.usage.totalTokens} of 200 tokens used`);
}

console.log("2. A budget that does not cover one call rejects, and nothing was asked.");
try {
  await orchestrator.run({ tool: ask, request, options: { budget: { tokens: 10 } } });
} catch (error) {
  if (BudgetExceeded.isInstance(error)) console.log(`   ${error.message}`);
}

console.log("3. A wrong option is refused at the edge, with the name that was meant.");
try {
  await orchestrator.run({ tool: ask, request, toolOptions: { epsilom: 0.1 } as object });
} catch (error) {
  if (InvalidOptionsError.isInstance(error)) console.log(`   ${error.message}`);
}

console.log("4. A tool that fails is an output, with what it threw; unwrap() turns it into an exception.");
const broken = defineTool({
  name: "broken",
  execute(): string {
    throw new Error("the printer is on fire");
  },
});
const failed = await orchestrator.run({ tool: broken, request: {} });
try {
  unwrap(failed);
} catch (error) {
  if (ToolExecutionError.isInstance(error)) console.log(`   ${failed.status}: ${error.message}`);
}

console.log("5. A signal cancels a run and everything in it.");
const slow = new PromptBundleTool({
  name: "slow",
  model: scriptedModel(() => ({ hang: true })),
  prompt: "{{question}}",
});
const controller = new AbortController();
const running = orchestrator.run({ tool: slow, request, signal: controller.signal });
controller.abort("the user closed the page");
try {
  await running;
} catch (error) {
  if (CancelledError.isInstance(error)) console.log(`   ${error.message}`);
}

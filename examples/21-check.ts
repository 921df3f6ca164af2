/**
 * A check says why an answer cannot be right, and the model answers once more. The answers are a script, which is no language
 * model: the first total is wrong.
 */
import { PromptBundleTool, ReliableOrchestrator, unwrap } from "steer-llm-sdk";
import { scriptedModel } from "steer-llm-sdk/testing";
import { z } from "zod";

const invoice = new PromptBundleTool({
  name: "invoice",
  model: scriptedModel([
    { object: { items: [19, 4.5], total: 24.5 } },
    { object: { items: [19, 4.5], total: 23.5 } },
    { object: { items: [19, 4.5], total: 23.5 } },
  ]),
  prompt: "Read the invoice:\n{{text}}",
  schema: z.object({ items: z.array(z.number()), total: z.number() }),
  check: ({ items, total }) => {
    const sum = items.reduce((all, item) => all + item, 0);
    return sum === total || `the total is ${total}, and the items add up to ${sum}`;
  },
  defaultOptions: { k: 2, maxParallel: 1 },
});

const output = await new ReliableOrchestrator().run({
  tool: invoice,
  request: { text: "Lamp 19.00, bulb 4.50" },
  onEvent(event) {
    if (event.type === "retry_scheduled") console.log(`Asked again: ${event.error.message}`);
  },
});
const { summary, replicates } = unwrap(output).evidenceBundle;
console.log(`Total ${summary.consensus?.total}, ${summary.validCount} of ${replicates.length} answers agree.`);

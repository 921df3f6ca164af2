/** Best of N: where many answers are right, a check ranks them, and the best is given. The answers come from a script. */
import { PromptBundleTool, ReliableOrchestrator, unwrap } from "steer-llm-sdk";
import { scriptedModel } from "steer-llm-sdk/testing";
import { z } from "zod";

const menus = [
  { dishes: ["soup", "roast"], euros: 58 },
  { dishes: ["salad", "pasta", "fruit"], euros: 41 },
  { dishes: ["oysters", "lobster"], euros: 190 },
  { dishes: ["bread", "pasta"], euros: 35 },
];
const dinner = new PromptBundleTool({
  name: "dinner",
  model: scriptedModel(({ index }) => ({ object: menus[index % menus.length] })),
  prompt: "A dinner for {{guests}} below 60 euros.",
  schema: z.object({ dishes: z.array(z.string()), euros: z.number() }),
  check: ({ dishes, euros }) => (euros > 60 ? `${euros} euros are more than 60` : dishes.length - euros / 100),
  defaultOptions: { k: 3, maxParallel: 1 },
});

const { evidenceBundle } = unwrap(await new ReliableOrchestrator().run({ tool: dinner, request: { guests: "four" } }));
const { summary, replicates } = evidenceBundle;
for (const { id, score, attempts } of replicates) console.log(`${id}  ${score?.toFixed(2)}  attempts: ${attempts}`);
console.log(
  `Given: ${summary.consensus?.dishes.join(", ")}, of ${summary.medoidId}. Confidence ${summary.confidence.toFixed(2)}`,
);

import { setTimeout as pass } from "node:timers/promises";
import { PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { PostgresStore } from "../../../src/stores/postgres.ts";
import { scriptedModel } from "../../../src/testing.ts";

/**
 * One bundle of 20 answers at once, with a pool that is larger than the server allows. Prints how it ended. Each process asks a
 * question of its own: answers to one question are shared.
 */
const [url = "", name = ""] = process.argv.slice(2);
const store = new PostgresStore({ connectionString: url });
const model = scriptedModel(async () => {
  await pass(20);
  return { text: "yes" };
});
const tool = new PromptBundleTool({
  name: "crowded",
  model,
  prompt: `x ${name}`,
  defaultOptions: { k: 20, stopping: "none", maxParallel: 20 },
});
const output = await new ReliableOrchestrator({ store })
  .run({ tool, request: {}, options: { idempotencyKey: `crowded-${name}`, maxParallel: 20 } })
  .catch((error: Error) => ({ status: error.message }));
console.log(`${output.status} after ${model.calls.length} calls`);
await store.close();

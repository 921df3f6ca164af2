import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import { createRegistry, PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { pgBossQueue } from "../../../src/queue/pg-boss.ts";
import { createFleet } from "../../../src/queue.ts";
import { PostgresStore } from "../../../src/stores/postgres.ts";
import { callerHeader } from "../../support/counting-provider.ts";
import { task } from "../../support/place.ts";

/** A worker of a fleet, as a process that can be killed. */
export interface FleetWorker {
  readonly url: string;
  readonly baseURL: string;
  readonly name: string;
  readonly concurrency: number;
  readonly k: number;
}

const { url, baseURL, name, concurrency, k } = task<FleetWorker>();
const tool = new PromptBundleTool({
  name: "triage",
  model: createOpenAICompatible({ name: "counting", baseURL, headers: { [callerHeader]: name } })("counted"),
  prompt: "{{key}}",
  schema: z.object({ key: z.string(), seed: z.int() }),
  defaultOptions: { k, stopping: "none" },
});
const orchestrator = new ReliableOrchestrator({
  store: new PostgresStore({ connectionString: url }),
  registry: createRegistry([tool]),
  // A lease that ends before the queue gives the job away, as a key's does in half a minute.
  reliabilityConfig: { leaseMs: 2_000 },
});
await createFleet({ queue: pgBossQueue({ connectionString: url }), orchestrator }).work({ concurrency });
process.send?.("ready");
process.on("disconnect", () => process.exit());

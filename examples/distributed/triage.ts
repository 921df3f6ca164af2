/** The tool and the orchestrator that client and workers share. The model is a simulation, which is not a language model. */
import { createRegistry, PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { PostgresEventLog } from "steer-llm-sdk/events";
import { createFleet } from "steer-llm-sdk/queue";
import { pgBossQueue } from "steer-llm-sdk/queue/pg-boss";
import { PostgresStore } from "steer-llm-sdk/stores/postgres";
import { z } from "zod";

export const triage = new PromptBundleTool({
  name: "triage",
  model: process.env["STEER_MODEL"] ?? "simulated:?error=0.1&latencyMs=300",
  input: z.object({ report: z.string() }),
  prompt: "Triage this report.\n{{report}}",
  schema: z.object({ severity: z.enum(["low", "high"]) }),
  defaultOptions: { k: 5 },
});

/** Opens the fleet in the Postgres that DATABASE_URL names. */
export function openFleet() {
  const [queue, store, events] = [pgBossQueue(), new PostgresStore(), new PostgresEventLog()];
  const orchestrator = new ReliableOrchestrator({ store, events, registry: createRegistry([triage]) });
  const fleet = createFleet({ queue, orchestrator });
  const close = async () => void (await Promise.all([queue.close(), store.close(), events.close()]));
  return { fleet, queue, close };
}

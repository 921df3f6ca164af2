/**
 * A fleet on BullMQ, for a Redis that is there: `REDIS_URL=redis://localhost:6379 node examples/bullmq/run.ts`. The worker and the
 * client share this process, and so a store in memory. On several machines they need one that all of them reach, such as Postgres.
 * The model is a simulation, which is not a language model.
 */
import { createRegistry, PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { createFleet } from "steer-llm-sdk/queue";
import { bullMqQueue } from "steer-llm-sdk/queue/bullmq";
import { MemoryStore } from "steer-llm-sdk/stores/memory";
import { z } from "zod";

const triage = new PromptBundleTool({
  name: "triage",
  model: "simulated:?error=0.1&latencyMs=100",
  input: z.object({ report: z.string() }),
  prompt: "Triage this report.\n{{report}}",
  schema: z.object({ severity: z.enum(["low", "high"]) }),
  defaultOptions: { k: 5 },
});
const orchestrator = new ReliableOrchestrator({
  store: new MemoryStore(),
  registry: createRegistry([triage]),
  // BullMQ gives a dead worker's job away after four to five seconds: its key is then free.
  reliabilityConfig: { leaseMs: 4_000 },
});
const queue = bullMqQueue();
const limits = { simulated: { requestsPerMinute: 3_000 } };
const fleet = createFleet({ queue, orchestrator, limits });

const worker = await fleet.work({ concurrency: 4 });
const keys = await Promise.all(
  Array.from({ length: 10 }, async (_, at) => {
    const options = { idempotencyKey: `report-${at}` };
    return (await fleet.submit({ tool: triage, request: { report: `Report ${at}: it crashes.` }, options })).key;
  }),
);
const outputs = await Promise.all(keys.map((key) => fleet.result(key)));
console.log(`${outputs.filter(({ status }) => status === "completed").length} of ${keys.length} runs are answered.`);
await worker.drain(5_000);
await queue.close();

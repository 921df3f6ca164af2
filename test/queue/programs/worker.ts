import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import { systemClock } from "../../../src/core/clock.ts";
import { createRegistry, PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { createFleet } from "../../../src/queue.ts";
import { PostgresStore } from "../../../src/stores/postgres.ts";
import { callerHeader, startedHeader } from "../../support/counting-provider.ts";
import { task } from "../../support/place.ts";
import { openQueue, type QueuePlace } from "../open-queue.ts";

/** A worker of a fleet, as a process that can be killed. */
export interface FleetWorker extends QueuePlace {
  readonly baseURL: string;
  readonly name: string;
  readonly concurrency: number;
  readonly k: number;
}

const { baseURL, name, concurrency, k, ...place } = task<FleetWorker>();

/** Says when a call was made: one that was on its way as its process fell asleep arrives as that wakes up. */
const stamped: typeof fetch = (url, init) => {
  const headers = new Headers(init?.headers);
  headers.set(startedHeader, String(systemClock.now()));
  return fetch(url, { ...init, headers });
};

const provider = createOpenAICompatible({
  name: "counting",
  baseURL,
  headers: { [callerHeader]: name },
  fetch: stamped,
});
const tool = new PromptBundleTool({
  name: "triage",
  model: provider("counted"),
  prompt: "{{key}}",
  schema: z.object({ key: z.string(), seed: z.int() }),
  defaultOptions: { k, stopping: "none" },
});
const orchestrator = new ReliableOrchestrator({
  store: new PostgresStore({ connectionString: place.url }),
  registry: createRegistry([tool]),
  // As bullMqQueue advises: BullMQ gives a dead worker's job away before a lease would end.
  ...(place.redisPath && { reliabilityConfig: { leaseMs: 4_000 } }),
});
await createFleet({ queue: openQueue(place), orchestrator }).work({ concurrency });
process.send?.("ready");
process.on("disconnect", () => process.exit());

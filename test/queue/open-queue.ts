import { registerHooks } from "node:module";
import { pgBossQueue } from "../../src/queue/pg-boss.ts";
import type { RunQueue } from "../../src/queue/run-queue.ts";

/** Place of a queue, in a form that one process can hand to another. */
export interface QueuePlace {
  /** Database of the store, and of the queue where that is pg-boss. */
  readonly url: string;
  /** Socket of a Redis: the queue is then BullMQ. */
  readonly redisPath?: string | undefined;
}

export async function openQueue({ url, redisPath }: QueuePlace): Promise<RunQueue> {
  if (redisPath === undefined) return pgBossQueue({ connectionString: url });
  // The example names the package, as programs do that install it; its source is what is tried here.
  const source = import.meta.resolve("../../src/queue.ts");
  registerHooks({ resolve: (name, context, next) => next(name === "steer-llm-sdk/queue" ? source : name, context) });
  const { BullMqQueue } = await import("../../examples/bullmq/bullmq-queue.ts");
  return new BullMqQueue({ path: redisPath });
}

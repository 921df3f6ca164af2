import { bullMqQueue } from "../../src/queue/bullmq.ts";
import { pgBossQueue } from "../../src/queue/pg-boss.ts";
import type { RunQueue } from "../../src/queue/run-queue.ts";

/** Place of a queue, in a form that one process can hand to another. */
export interface QueuePlace {
  /** Database of the store, and of the queue where that is pg-boss. */
  readonly url: string;
  /** Socket of a Redis: the queue is then BullMQ. */
  readonly redisPath?: string | undefined;
}

export function openQueue({ url, redisPath }: QueuePlace): RunQueue {
  return redisPath === undefined
    ? pgBossQueue({ connectionString: url })
    : bullMqQueue({ connectionString: redisPath });
}

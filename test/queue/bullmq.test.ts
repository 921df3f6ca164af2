import { Redis } from "ioredis";
import { afterAll, describe, test } from "vitest";
import { BullMqQueue } from "../../examples/bullmq/bullmq-queue.ts";
import { startRedis } from "../../scripts/redis.ts";
import { queueConformance } from "../../src/testing/queue-conformance.ts";

const server = await startRedis();
afterAll(() => server?.stop());

describe.skipIf(!server)("the recipe for BullMQ", () => {
  const path = server?.path as string;

  queueConformance({
    test,
    async open() {
      const redis = new Redis({ path });
      await redis.flushall();
      redis.disconnect();
      return { queue: new BullMqQueue({ path }), reopen: async () => new BullMqQueue({ path }) };
    },
  });
});

import { Redis } from "ioredis";
import { afterAll, describe, test } from "vitest";
import { startRedis } from "../../scripts/redis.ts";
import { bullMqQueue } from "../../src/queue/bullmq.ts";
import { queueConformance } from "../../src/testing/queue-conformance.ts";

const server = await startRedis();
afterAll(() => server?.stop());

describe.skipIf(!server)("the queue on BullMQ", () => {
  const connectionString = server?.path as string;

  queueConformance({
    test,
    async open() {
      const redis = new Redis(connectionString);
      await redis.flushall();
      redis.disconnect();
      return { queue: bullMqQueue({ connectionString }), reopen: async () => bullMqQueue({ connectionString }) };
    },
  });
});

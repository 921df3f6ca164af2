import { describe, test } from "vitest";
import { MemoryQueue } from "../../src/queue/memory-queue.ts";
import { pgBossQueue } from "../../src/queue/pg-boss.ts";
import { type QueueUnderTest, queueConformance } from "../../src/testing/queue-conformance.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";

describe("the memory queue", () => {
  queueConformance({ test, open: async () => ({ queue: new MemoryQueue() }) });
});

describe.skipIf(!postgresUrl)("the queue on pg-boss", () => {
  let shared: Promise<Awaited<ReturnType<typeof createTestDatabase>>> | undefined;

  queueConformance({
    test,
    async open(): Promise<QueueUnderTest> {
      // One database for all, for pg-boss takes a second to make its tables; each law finds it empty.
      shared ??= createTestDatabase();
      const { url, execute } = await shared;
      await execute("DO $$ BEGIN DELETE FROM steer_queue.job; EXCEPTION WHEN undefined_table THEN END $$");
      return {
        queue: pgBossQueue({ connectionString: url }),
        reopen: async () => pgBossQueue({ connectionString: url }),
      };
    },
  });
});

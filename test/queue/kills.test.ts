import { afterAll, expect, test } from "vitest";
import { startRedis } from "../../scripts/redis.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";
import { killWorkers } from "./kill-workers.ts";

const redis = postgresUrl ? await startRedis() : undefined;
afterAll(() => redis?.stop());

const promise =
  "the jobs of a worker that is killed end once on another one, which asks for nothing that was journaled";
const size = { jobs: 10, workers: 2, concurrency: 3, k: 3, callMs: 150, kills: 1 };

// Times are those of a machine that does much else; scripts/fleet-kills.ts holds them to what is promised.
test.skipIf(!postgresUrl)(`${promise}, on pg-boss`, () => holds(undefined, 20_000));
test.skipIf(!redis)(`${promise}, on BullMQ`, () => holds(redis?.path, 12_000));

async function holds(redisPath: string | undefined, withinMs: number): Promise<void> {
  const database = await createTestDatabase();
  const { broken, redeliveredMs } = await killWorkers({ url: database.url, redisPath, seed: 1, ...size });
  expect(broken).toEqual([]);
  expect(redeliveredMs).toHaveLength(1);
  expect(redeliveredMs[0]).toBeLessThan(withinMs);
  await database.drop();
}

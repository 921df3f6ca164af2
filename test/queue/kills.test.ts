import { expect, test } from "vitest";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";
import { killWorkers } from "./kill-workers.ts";

test.skipIf(!postgresUrl)(
  "the jobs of a worker that is killed end once on another one, which asks for nothing that was journaled",
  async () => {
    const database = await createTestDatabase();
    const size = { jobs: 10, workers: 2, concurrency: 3, k: 3, callMs: 150 };
    const { broken, redeliveredMs } = await killWorkers({ url: database.url, seed: 1, kills: 1, ...size });
    expect(broken).toEqual([]);
    expect(redeliveredMs).toHaveLength(1);
    expect(redeliveredMs[0]).toBeLessThan(14_000);
    await database.drop();
  },
);

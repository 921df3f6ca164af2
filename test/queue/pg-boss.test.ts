import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { pgBossQueue } from "../../src/queue/pg-boss.ts";
import type { JobHandler, RunJob, RunQueue } from "../../src/queue.ts";
import { createTestDatabase, postgresUrl, type TestDatabase } from "../support/postgres.ts";

const jobOf = (key: string): RunJob => ({ key, toolName: "triage", toolVersion: "1.0.0", request: { report: key } });

describe.skipIf(!postgresUrl)("the queue on pg-boss", () => {
  let database: TestDatabase;
  let queue: RunQueue;
  let client: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    queue = pgBossQueue({ connectionString: database.url });
    client = new Client(database.url);
    await client.connect();
  });
  afterAll(async () => {
    await Promise.all([queue?.close(), client?.end()]);
    await database?.drop();
  });

  test("has a job of the caller's transaction once that commits, and not before", async () => {
    await client.query("BEGIN");
    await queue.enqueue([jobOf("a"), { ...jobOf("b"), toolName: "translate" }], { client });
    expect(await queue.find("a")).toBeUndefined();
    await client.query("COMMIT");
    expect(await queue.find("a")).toMatchObject({ state: "waiting", job: jobOf("a") });
    expect(await queue.find("b")).toMatchObject({ state: "waiting" });
  });

  test("never has a job of a transaction that rolls back", async () => {
    await client.query("BEGIN");
    await queue.enqueue([jobOf("c")], { client });
    await client.query("ROLLBACK");
    expect(await queue.find("c")).toBeUndefined();
    expect((await queue.stats()).tools.map(({ tool, waiting }) => [tool.name, waiting])).toEqual([
      ["translate", 1],
      ["triage", 1],
    ]);
  });

  test("leaves a job with its worker where no sign of life could come for long, and one comes then", async () => {
    const deliveries: number[] = [];
    let end = () => {};
    const handle: JobHandler = (_job, { attempt }) => {
      deliveries.push(attempt);
      return new Promise((resolve) => {
        end = () => resolve({ retryInMs: 60_000, reason: "seen" });
      });
    };
    const tools = [{ name: "hold", version: "1.0.0" }];
    const workers = [
      await queue.work(handle, { concurrency: 1, tools }),
      await queue.work(handle, { concurrency: 1, tools }),
    ];
    await queue.enqueue([{ ...jobOf("e"), toolName: "hold" }]);
    await vi.waitUntil(() => deliveries.length === 1);
    // As after an hour in which the database stood still.
    const signs = "UPDATE steer_queue.job SET heartbeat_on = now() - interval '1 hour' WHERE state = 'active'";
    await database.execute(signs);
    const fresh = "SELECT 1 FROM steer_queue.job WHERE heartbeat_on > now() - interval '1 minute'";
    await vi.waitUntil(async () => (await database.execute(fresh)).length > 0, { timeout: 10_000 });
    expect([deliveries, (await queue.find("e"))?.state]).toEqual([[1], "running"]);
    end();
    await Promise.all(workers.map((worker) => worker.drain(1_000)));
  });

  test("tells a worker of a job as its transaction commits", async () => {
    const started = Promise.withResolvers<string>();
    const handle = async ({ key }: RunJob) => {
      started.resolve(key);
      return { retryInMs: 60_000, reason: "seen" };
    };
    const worker = await queue.work(handle, { concurrency: 1, tools: [{ name: "tag", version: "1.0.0" }] });
    await client.query("BEGIN");
    await queue.enqueue([{ ...jobOf("d"), toolName: "tag" }], { client });
    await client.query("COMMIT");
    expect(await started.promise).toBe("d");
    await worker.drain(1_000);
  });

  test("works once its database is there, although it was not at first", async () => {
    const own = await createTestDatabase();
    const letIn = await own.cutOff();
    const late = pgBossQueue({ connectionString: own.url });
    const started = Promise.withResolvers<void>();
    const handle = async () => {
      started.resolve();
      return { retryInMs: 60_000, reason: "seen" };
    };
    for (const tools of [[], [{ name: "triage", version: "1.0.0" }]])
      await expect(late.work(handle, { concurrency: 1, tools })).rejects.toMatchObject({ reason: "unavailable" });
    await letIn();
    await late.enqueue([jobOf("a")]);
    const worker = await late.work(handle, { concurrency: 1, tools: [{ name: "triage", version: "1.0.0" }] });
    await started.promise;
    await worker.drain(1_000);
    await late.close();
    await own.drop();
  });
});

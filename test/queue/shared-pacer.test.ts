import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../../scripts/redis.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createRegistry, defineTool, ReliableOrchestrator } from "../../src/index.ts";
import { bullMqQueue } from "../../src/queue/bullmq.ts";
import { pgBossQueue } from "../../src/queue/pg-boss.ts";
import { createFleet, MemoryQueue, type RunQueue } from "../../src/queue.ts";
import type { Pacer, RateLimits } from "../../src/reliability.ts";
import { createTestDatabase, postgresUrl, type TestDatabase } from "../support/postgres.ts";

const { signal } = new AbortController();

const redis = await startRedis();
const places = [...(postgresUrl ? ["Postgres" as const] : []), ...(redis ? ["Redis" as const] : [])];
afterAll(() => redis?.stop());

describe.each(places)("limits that workers share over %s", (place) => {
  let database: TestDatabase | undefined;
  const queues: RunQueue[] = [];
  beforeAll(async () => {
    database = place === "Postgres" ? await createTestDatabase() : undefined;
  });
  afterAll(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    await database?.drop();
  });

  /** Pacers as four processes have them: each on connections of its own. */
  function pacersOf(limits: RateLimits): readonly Pacer[] {
    return Array.from({ length: 4 }, () => {
      const queue = database
        ? pgBossQueue({ connectionString: database.url })
        : bullMqQueue({ connectionString: redis?.path });
      queues.push(queue);
      return queue.pacer?.(limits) as Pacer;
    });
  }

  /** Starts of so many calls at each pacer, in their order. */
  async function startsOf(pacers: readonly Pacer[], count: number, key: string, tokens = 0): Promise<number[]> {
    const starts: number[] = [];
    const call = async (pacer: Pacer) => {
      const reservation = await pacer.reserve(key, { requests: 1, tokens }, signal);
      starts.push(systemClock.now());
      reservation.settle({ tokens });
    };
    await Promise.all(pacers.flatMap((pacer) => Array.from({ length: count }, () => call(pacer))));
    return starts.sort((a, b) => a - b);
  }

  const spanMs = (starts: readonly number[]) => (starts.at(-1) as number) - (starts[0] as number);
  const mostInASecond = (starts: readonly number[]) =>
    Math.max(...starts.map((from) => starts.filter((at) => at >= from && at < from + 1_000).length));

  test("four workers together start what the limit allows in a second, and use it", async () => {
    const pacers = pacersOf({ "openai:fast": { requestsPerMinute: 1_200 } });
    await startsOf(pacers, 1, "openai:fast");
    const starts = await startsOf(pacers, 8, "openai:fast");
    expect(mostInASecond(starts)).toBeLessThanOrEqual(22);
    expect(spanMs(starts)).toBeLessThan((31 * 51.25) / 0.95 + 150);
    expect(spanMs(starts)).toBeGreaterThan(31 * 51.25 * 0.9);
  });

  test("four workers together use no more tokens than the limit allows, and all of them", async () => {
    const pacers = pacersOf({ "openai:tokens": { requestsPerMinute: 60_000, tokensPerMinute: 120_000 } });
    await startsOf(pacers, 1, "openai:tokens", 100);
    const starts = await startsOf(pacers, 8, "openai:tokens", 100);
    expect(mostInASecond(starts)).toBeLessThanOrEqual(22);
    expect(spanMs(starts)).toBeLessThan((31 * 51.25) / 0.95 + 150);
    expect(spanMs(starts)).toBeGreaterThan(31 * 51.25 * 0.9);
  });

  test("tokens count as requests do, and what was not used is given back", async () => {
    const [pacer] = pacersOf({ openai: { tokensPerMinute: 60_000 } }) as [Pacer];
    const first = await pacer.reserve("openai:a", { requests: 1, tokens: 1_000 }, signal);
    first.settle({ tokens: 100 });
    const startedMs = systemClock.now();
    await pacer.reserve("openai:b", { requests: 1, tokens: 10 }, signal);
    expect(systemClock.now() - startedMs).toBeLessThan(500);
  });

  test("a pause that one worker was asked for holds for all", async () => {
    const pacers = pacersOf({ "openai:paused": { requestsPerMinute: 60_000 } });
    await startsOf(pacers, 1, "openai:paused");
    const pausedMs = systemClock.now();
    pacers[0]?.pause("openai:paused", pausedMs + 600);
    await pacers[0]?.reserve("openai:paused", { requests: 1, tokens: 0 }, signal);
    const starts = await startsOf(pacers, 1, "openai:paused");
    expect((starts[0] as number) - pausedMs).toBeGreaterThanOrEqual(590);
  });

  test("a call that is aborted waits no longer", async () => {
    const [pacer] = pacersOf({ slow: { requestsPerMinute: 1 } }) as [Pacer];
    await pacer.reserve("slow", { requests: 1, tokens: 0 }, signal);
    const abort = new AbortController();
    const waiting = pacer.reserve("slow", { requests: 1, tokens: 0 }, abort.signal);
    abort.abort(new Error("no longer wanted"));
    await expect(waiting).rejects.toThrow("no longer wanted");
  });

  test("limits of calls in flight are refused: no process knows the others'", () => {
    expect(() => pacersOf({ openai: { maxConcurrent: 3 } })).toThrow(/maxConcurrent/);
  });
});

test("the limits of a fleet hold for its workers in place of the orchestrator's", async () => {
  const queue = new MemoryQueue();
  const starts: number[] = [];
  const ask = defineTool({ name: "ask", provider: "slow", execute: async () => starts.push(systemClock.now()) });
  const orchestrator = new ReliableOrchestrator({ registry: createRegistry([ask]) });
  const fleet = createFleet({ queue, orchestrator, limits: { slow: { requestsPerMinute: 600 } } });
  const keys = await Promise.all(
    ["a", "b", "c"].map(async (report) => (await fleet.submit({ toolName: "ask", request: { report } })).key),
  );
  const worker = await fleet.work({ concurrency: 3 });
  await Promise.all(keys.map((key) => fleet.result(key)));
  // 200 ms, less what the first start may be late by; without limits, all start at once.
  expect((starts[2] as number) - (starts[0] as number)).toBeGreaterThan(100);
  await worker.drain(0);
});

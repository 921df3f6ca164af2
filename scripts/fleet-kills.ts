/**
 * Kills workers of a fleet in the middle of runs: `node scripts/fleet-kills.ts --seeds 20`. In each round workers of three die by
 * `kill -9`, one sleeps past its lease and its signs of life and wakes up again, and the Postgres goes away: by turns it is told to
 * end, crashes, and stands still. A provider of another process counts the calls. It prints every promise that was broken; its
 * status is then 1.
 *
 *     --queue bullmq   BullMQ, over a Redis
 *     --away 30        seconds without the Postgres
 *     --every 2        seconds from one death to the next, for a minute
 *     --from 7         the first seed
 */
import { parseArgs } from "node:util";
import { Client } from "pg";
import { systemClock } from "../src/core/clock.ts";
import { killWorkers } from "../test/queue/kill-workers.ts";
import { startOwnPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    away: { type: "string", default: "5" },
    every: { type: "string" },
    queue: { type: "string", default: "pg-boss" },
  },
});
const seeds = Number(values.seeds);
const from = Number(values.from);
const awayMs = Number(values.away) * 1_000;
const everyMs = values.every === undefined ? undefined : Number(values.every) * 1_000;
if (!Number.isInteger(seeds) || seeds < 1)
  throw new Error(`--seeds: got "${values.seeds}"; allowed: a whole number of at least 1`);
if (!["pg-boss", "bullmq"].includes(values.queue))
  throw new Error(`--queue: got "${values.queue}"; allowed: pg-boss, bullmq`);

/** Longest time from a death to the next call for the dead worker's job. Where workers die all the time, none may be free. */
const redeliveryMs = everyMs ? Number.POSITIVE_INFINITY : values.queue === "bullmq" ? 7_000 : 13_000;
const hurt = { jobs: 60, kills: 3, callMs: 400 };
const minute = { jobs: 400, kills: 30, callMs: 1_000, everyMs };
const size = { workers: 3, concurrency: 4, k: 5, pauses: 1, ...(everyMs ? minute : hurt) };

const postgres = await startOwnPostgres();
const redis = values.queue === "bullmq" ? await startRedis() : undefined;
let brokenCount = 0;
if (postgres && (redis || values.queue === "pg-boss")) {
  console.log(
    `${seeds} rounds on ${values.queue}, of ${size.jobs} runs of ${size.k} calls on ${size.workers} workers; in each`,
  );
  console.log(
    `${size.kills} workers are killed, 1 sleeps and wakes, and the Postgres is away for ${awayMs / 1_000} s\n`,
  );
  console.log("round   calls   asked again   in flight   seconds   redelivered after, s   (with the Postgres away)");
  try {
    for (let seed = from; seed < from + seeds; seed++) await round(seed, postgres);
  } finally {
    await Promise.all([postgres.stop(), redis?.stop()]);
  }
}
console.log(`\n= ${brokenCount} promises broken`);
process.exitCode = brokenCount > 0 ? 1 : 0;

async function round(seed: number, server: NonNullable<typeof postgres>): Promise<void> {
  const name = `round_${seed}`;
  const client = new Client(server.url);
  client.on("error", () => {});
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const takeDatabase = async () => {
    const thaw = seed % 3 === 0 ? server.freeze() : undefined;
    if (!thaw) await server.goAway(seed % 3 === 1 ? "SIGINT" : "SIGQUIT");
    await systemClock.sleep(awayMs);
    if (thaw) thaw();
    else await server.comeBack();
  };
  const url = server.url.replace("/postgres?", `/${name}?`);
  const place = { url, redisPath: redis?.path };
  const { broken, calls, again, inFlight, redeliveredMs, redeliveredLateMs, elapsedMs } = await killWorkers({
    ...size,
    ...place,
    seed,
    ...(awayMs > 0 && { takeDatabase }),
  });
  const late = redeliveredMs
    .filter((ms) => ms > redeliveryMs)
    .map((ms) => `a job was given to another worker after ${seconds(ms)} s, and not within ${redeliveryMs / 1_000} s`);
  const waits = `${redeliveredMs.map(seconds).join(" ")}${redeliveredLateMs.map((ms) => ` (${seconds(ms)})`).join("")}`;
  console.log(
    `${pad(seed, 5)}${pad(calls, 8)}${pad(again, 14)}${pad(inFlight, 12)}${pad(Math.round(elapsedMs / 1_000), 10)}   ${waits}`,
  );
  for (const sentence of [...broken, ...late]) console.log(`        ${sentence}`);
  brokenCount += broken.length + late.length;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}

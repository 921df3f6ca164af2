/**
 * Kills workers of a fleet in the middle of runs: `node scripts/fleet-kills.ts --seeds 20`. In each round a worker of three dies by
 * `kill -9`, one sleeps past its lease and its signs of life and wakes up again, and the Postgres restarts. A provider of another
 * process counts the calls. It prints every promise that was broken; its status is then 1.
 */
import { parseArgs } from "node:util";
import { Client } from "pg";
import { systemClock } from "../src/core/clock.ts";
import { killWorkers } from "../test/queue/kill-workers.ts";
import { startOwnPostgres } from "./postgres.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "20" }, away: { type: "string", default: "5" } },
});
const seeds = Number(values.seeds);
const awayMs = Number(values.away) * 1_000;
if (!Number.isInteger(seeds) || seeds < 1)
  throw new Error(`--seeds: got "${values.seeds}"; allowed: a whole number of at least 1`);

const size = { jobs: 60, workers: 3, concurrency: 4, k: 5, callMs: 400, kills: 3, pauses: 1 };
const postgres = await startOwnPostgres();
let brokenCount = 0;
if (postgres) {
  console.log(`${seeds} rounds of ${size.jobs} runs of ${size.k} calls on ${size.workers} workers; in each`);
  console.log(
    `${size.kills} workers are killed, 1 sleeps and wakes, and the Postgres is away for ${awayMs / 1_000} s\n`,
  );
  console.log("round   calls   asked again   in flight   redelivered after, s   seconds");
  try {
    for (let seed = 1; seed <= seeds; seed++) await round(seed, postgres);
  } finally {
    await postgres.stop();
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
    await server.goAway("SIGINT");
    await systemClock.sleep(awayMs);
    await server.comeBack();
  };
  const url = server.url.replace("/postgres?", `/${name}?`);
  const { broken, calls, again, inFlight, redeliveredMs, elapsedMs } = await killWorkers({
    ...size,
    url,
    seed,
    takeDatabase,
  });
  const waits = redeliveredMs.map((ms) => (ms / 1_000).toFixed(1)).join(" ");
  console.log(
    `${pad(seed, 5)}${pad(calls, 8)}${pad(again, 14)}${pad(inFlight, 12)}   ${waits.padEnd(20)}${pad(Math.round(elapsedMs / 1_000), 10)}`,
  );
  for (const sentence of broken) console.log(`        ${sentence}`);
  brokenCount += broken.length;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}

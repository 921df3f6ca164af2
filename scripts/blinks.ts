/**
 * Takes a store away from 200 runs at once and gives it back: a Postgres that is restarted, crashes, cuts its connections,
 * is gone for 30 s; a SQLite file that is locked for 10 s. Then three processes share six connections. Prints what failed
 * and what was asked again; its status is 1 where anything was.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pass } from "node:timers/promises";
import { parseArgs } from "node:util";
import { SqliteStore } from "../src/stores/sqlite.ts";
import { type Blinked, crowd, runThrough, runThroughBlink } from "../test/blink/blink.ts";
import { locking } from "../test/kill/blinks.ts";
import { startOwnPostgres } from "./postgres.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "200" } } });
const runs = Number(values.runs);
const server = await startOwnPostgres();
const small = await startOwnPostgres({ max_connections: "6", superuser_reserved_connections: "0" });
let broken = 0;

console.log("Store                       runs  failed  called again  longest run");
show("SQLite locked for 10 s", await runThroughLock(10_000));
if (server && small) {
  for (const blink of ["restarted", "crashed", "cut", "gone for 30 s"] as const)
    show(`Postgres ${blink}`, await runThroughBlink(server, blink, runs));
  const ended = await crowd(small, 3);
  console.log(`\nthree processes of 20 answers on 6 connections: ${ended.join("; ")}`);
  if (ended.some((end) => end !== "completed after 20 calls")) broken++;
  await server.stop();
  await small.stop();
}
console.log(`\n= ${broken} promises broken`);
process.exitCode = broken > 0 ? 1 : 0;

async function runThroughLock(ms: number): Promise<Blinked> {
  const folder = mkdtempSync(join(tmpdir(), "steer-blink-"));
  const path = join(folder, "runs.sqlite");
  const store = new SqliteStore({ path });
  try {
    return await runThrough(store, "locked", runs, async () => {
      const unlock = await locking(path)();
      await pass(ms);
      await unlock();
    });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

function show(blink: string, { runs, failed, calledAgain, elapsedMs }: Blinked): void {
  const counts = [runs, failed.length, calledAgain].map((count, at) => String(count).padStart([6, 8, 14][at] ?? 0));
  console.log(`${blink.padEnd(26)}${counts.join("")}${`${elapsedMs} ms`.padStart(13)}`);
  for (const message of new Set(failed)) console.log(`          ${message}`);
  broken += failed.length + calledAgain;
}

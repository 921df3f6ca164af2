/**
 * Kills processes in the middle of reliable runs, by `kill -9` at five points, and lets another process run their keys
 * again: `npm run kills -- --rounds 200` does so 200 times at each point, on SQLite and on Postgres. While the other
 * process works, the SQLite file is locked and the Postgres server restarts; `--calm` leaves them alone. It counts what
 * was called for again, and prints every promise that was broken; its status is then 1.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { locking, restarting } from "../test/kill/blinks.ts";
import { brokenPromises } from "../test/kill/broken-promises.ts";
import { type KillPoint, killPoints } from "../test/kill/death.ts";
import { answers, type Blink, killAndResume, leaseMs, type Resumption } from "../test/kill/kill-and-resume.ts";
import type { Place } from "../test/support/place.ts";
import { startOwnPostgres } from "./postgres.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "10" }, calm: { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: got "${values.rounds}"; allowed: a whole number of at least 1`);

const folder = mkdtempSync(join(tmpdir(), "steer-kill-"));
const postgres = await startOwnPostgres();
/** Most broken promises of one point that are told. */
const longestList = 5;
let brokenCount = 0;
console.log(`${rounds} processes killed at each point, ${answers} answers a run, leases of ${leaseMs} ms\n`);
console.log("Answers:                             journaled    in flight,    journaled,   runs that      longest");
console.log("store               killed                      called again called again      waited          run");
try {
  const path = join(folder, "runs.sqlite");
  await killOn("sqlite, locked", { path, busyTimeoutMs: 100 }, locking(path));
  if (postgres) await killOn("postgres, restarted", { url: postgres.url }, restarting(postgres));
} finally {
  await postgres?.stop();
  rmSync(folder, { recursive: true });
}
console.log(`\n= ${brokenCount} promises broken`);
process.exitCode = brokenCount > 0 ? 1 : 0;

async function killOn(store: string, place: Place, blink: Blink): Promise<void> {
  for (const point of killPoints) {
    const resumptions = await killAndResume(place, point, rounds, values.calm ? undefined : blink);
    console.log(row(values.calm ? store.replace(/,.*/, "") : store, point, resumptions));
    const broken = resumptions.flatMap(brokenPromises);
    for (const sentence of broken.slice(0, longestList)) console.log(`          ${sentence}`);
    if (broken.length > longestList) console.log(`          and ${broken.length - longestList} more`);
    brokenCount += broken.length;
  }
}

function row(store: string, point: KillPoint, resumptions: readonly Resumption[]): string {
  let journaled = 0;
  let inFlight = 0;
  let paidTwice = 0;
  let longestMs = 0;
  for (const { left, calledBefore, calledAfter, ending } of resumptions) {
    const seedsLeft = new Set(left?.replicates.map(({ seed }) => seed));
    const calledAgain = calledAfter.filter((seed) => calledBefore.includes(seed));
    journaled += seedsLeft.size;
    inFlight += calledAgain.filter((seed) => !seedsLeft.has(seed)).length;
    paidTwice += calledAgain.filter((seed) => seedsLeft.has(seed)).length;
    longestMs = Math.max(longestMs, ending?.elapsedMs ?? Number.POSITIVE_INFINITY);
  }
  const waited = resumptions.filter(({ ending }) => ending?.hasWaited).length;
  const counts = [journaled, inFlight, paidTwice, waited, `${Math.round(longestMs)} ms`];
  return [store.padEnd(19), point.padEnd(14), ...counts.map((count) => String(count).padStart(12))].join(" ");
}

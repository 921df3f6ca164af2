/**
 * Takes a Postgres away from 200 runs at once and gives it back: restarted, crashed, cut, gone for 30 s; and lets three
 * processes share six connections. Prints what failed and what was asked again; its status is 1 where anything was.
 */
import { parseArgs } from "node:util";
import { type Blinked, crowd, runThroughBlink } from "../test/blink/blink.ts";
import { startOwnPostgres } from "./postgres.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "200" } } });
const runs = Number(values.runs);
const server = await startOwnPostgres();
const small = await startOwnPostgres({ max_connections: "6", superuser_reserved_connections: "0" });
let broken = 0;

console.log("Postgres            runs  failed  called again  longest run");
if (server && small) {
  for (const blink of ["restarted", "crashed", "cut", "gone for 30 s"] as const)
    show(blink, await runThroughBlink(server, blink, runs));
  const ended = await crowd(small, 3);
  console.log(`\nthree processes of 20 answers on 6 connections: ${ended.join("; ")}`);
  if (ended.some((end) => end !== "completed after 20 calls")) broken++;
  await server.stop();
  await small.stop();
}
console.log(`\n= ${broken} promises broken`);
process.exitCode = broken > 0 ? 1 : 0;

function show(blink: string, { runs, failed, calledAgain, elapsedMs }: Blinked): void {
  const counts = [runs, failed.length, calledAgain].map((count, at) => String(count).padStart([6, 8, 14][at] ?? 0));
  console.log(`${blink.padEnd(18)}${counts.join("")}${`${elapsedMs} ms`.padStart(13)}`);
  for (const message of new Set(failed)) console.log(`          ${message}`);
  broken += failed.length + calledAgain;
}

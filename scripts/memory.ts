/**
 * Runs the orchestrator many times in each of eleven ways, and shows what the heap keeps: `node scripts/memory.ts --runs
 * 9300` (of each kind). Garbage is collected before each look. Its status is 1 where the heap of a kind grows.
 *
 * Where it grows is judged from the second look on: code is compiled and caches fill in the first part.
 */
import { parseArgs } from "node:util";
import { kinds } from "./memory/kinds.ts";
import { megabytes, slopeOf } from "./soak/judge.ts";
import { activeResources, measureHoldings } from "./soak/sample.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "9300" }, only: { type: "string" } } });
const runs = Number(values.runs);
const looks = 6;
const atOnce = 50;
/** Less than an entry of a map takes. */
const keptBytesPerRun = 8;
/** The engine goes on compiling, and throwing code away, long after the first runs. */
const settlingBytes = 2 ** 19;

const rows: Record<string, Record<string, string>> = {};
const faults: string[] = [];
for (const [name, make] of Object.entries(kinds)) {
  if (values.only !== undefined && name !== values.only) continue;
  const run = make();
  const ends: Record<string, number> = {};
  const count = (end: unknown) => {
    const { status, name: error } = end as { status?: string; name?: string };
    const known = status ?? error ?? String(end);
    ends[known] = (ends[known] ?? 0) + 1;
  };
  const points: { x: number; y: number }[] = [];
  for (let look = 0, done = 0; look < looks; look++) {
    for (const until = (runs / looks) * (look + 1); done < until; done += atOnce)
      await Promise.all(Array.from({ length: atOnce }, (_, at) => run(done + at).then(count, count)));
    points.push({ x: done, y: (await measureHoldings()).heapBytes });
  }
  const judged = points.slice(1);
  const perRun = slopeOf(judged);
  const limit = keptBytesPerRun + settlingBytes / runs;
  const { Timeout = 0, TCPSocketWrap = 0 } = activeResources();
  rows[name] = {
    ...Object.fromEntries(points.map(({ x, y }) => [`${x} runs`, megabytes(y)])),
    "bytes a run": perRun.toFixed(1),
    limit: limit.toFixed(1),
    ends: Object.entries(ends)
      .map(([end, times]) => `${times} ${end}`)
      .join(", "),
    timers: String(Timeout),
    sockets: String(TCPSocketWrap),
  };
  if (perRun > limit)
    faults.push(`${name}: the heap grows by ${perRun.toFixed(1)} bytes a run; the limit is ${limit.toFixed(1)}.`);
  if (Timeout + TCPSocketWrap > 0) faults.push(`${name}: ${Timeout} timers and ${TCPSocketWrap} sockets are left.`);
}
console.log(`Heap after garbage collection, ${runs} runs of each kind, ${atOnce} at once`);
console.table(rows);
for (const fault of faults) console.log(`LEAK: ${fault}`);
console.log(
  `= ${Object.keys(rows).length} kinds of run: ${faults.length === 0 ? "none grows" : `${faults.length} faults`}`,
);
if (faults.length > 0) process.exitCode = 1;

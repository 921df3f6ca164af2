/**
 * Measures how evenly limiters start calls, and how a job finds the rate of a server that tells nothing.
 *
 *     node bench/pacing.ts [--peers <folder>]
 *
 * First table, in real time: 20 callers that always wait are let start by a limit of 5 in each second, for nine
 * seconds. It shows the most starts in any window of a second, and the share of the limit that was used. The peers are no
 * dependencies of the repository: `npm init -y && npm install bottleneck p-throttle rate-limiter-flexible limiter` in an
 * empty folder, then `--peers` with its path, or in STEER_BENCH_PEERS for `npm run verify:long -- --only pacing`.
 *
 * Second table, in virtual time: a job of 1,000 calls against servers that limit, with and without the rate that
 * refusals teach.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createMemoryPacer } from "../src/reliability.ts";
import { mostWithin, type Started } from "../test/guard/virtual-time.ts";
import { runJob } from "./pacing/job.ts";
import { atRandom, bucket, concurrent, fixedWindow, slidingWindow } from "./pacing/servers.ts";

const { values } = parseArgs({ options: { peers: { type: "string" } } });
const [limit, windowMs, idleMs, forMs, callers] = [5, 1_000, 900, 10_000, 20];

/** Resolves when the next call may start. */
type Turn = () => Promise<unknown>;

const hasPeers = values.peers !== undefined && existsSync(join(values.peers, "node_modules/bottleneck"));
const { signal } = new AbortController();
const pacer = createMemoryPacer({ api: { requestsPerMinute: limit * 60 } });
const contenders: Record<string, Turn> = {
  "createMemoryPacer of this package": () => pacer.reserve("api", { requests: 1, tokens: 0 }, signal),
  ...(hasPeers ? await peersIn(values.peers as string) : {}),
};
if (!hasPeers) console.log("Peers are not measured: give --peers, as the top of bench/pacing.ts says.");

const rows = await Promise.all(
  Object.entries(contenders).map(async ([name, turn]) => [name, await starts(turn)] as const),
);
console.log("| limiter, 5 a second | most starts in any second | of the limit used |\n| --- | --- | --- |");
for (const [name, log] of rows) {
  const used = (log.length - 1) / ((limit * (forMs - idleMs)) / windowMs);
  console.log(`| ${name} | ${mostWithin(windowMs, log)} | ${(100 * used).toFixed(0)} % |`);
}

async function starts(turn: Turn): Promise<Started[]> {
  const log: Started[] = [];
  // A limiter of fixed windows begins them with its first call: the others come toward the end of the first one.
  const begunMs = performance.now();
  let isOver = false;
  const caller = async () => {
    while (!isOver) {
      await turn();
      if (performance.now() - begunMs < forMs) log.push({ atMs: performance.now() - begunMs, amount: 1 });
    }
  };
  await turn();
  log.push({ atMs: performance.now() - begunMs, amount: 1 });
  setTimeout(() => {
    for (let index = 0; index < callers; index++) void caller();
  }, idleMs);
  await new Promise((resolve) => setTimeout(resolve, forMs));
  isOver = true;
  return log;
}

async function peersIn(folder: string): Promise<Record<string, Turn>> {
  const require = createRequire(join(folder, "package.json"));
  const load = async (name: string) => import(pathToFileURL(require.resolve(name)).href);
  const { default: Bottleneck } = await load("bottleneck");
  const reservoir = new Bottleneck({
    reservoir: limit,
    reservoirRefreshAmount: limit,
    reservoirRefreshInterval: windowMs,
  });
  const spaced = new Bottleneck({ minTime: windowMs / limit });
  const { default: pThrottle } = await load("p-throttle");
  const throttled = pThrottle({ limit, interval: windowMs })(async () => {});
  const flexible = await load("rate-limiter-flexible");
  const memory = new flexible.RateLimiterMemory({ points: limit, duration: windowMs / 1000 });
  const queued = new flexible.RateLimiterQueue(memory, { maxQueueSize: 1_000 });
  const { RateLimiter } = await load("limiter");
  const bucketed = new RateLimiter({ tokensPerInterval: limit, interval: windowMs });
  return {
    "bottleneck, reservoir": () => reservoir.schedule(async () => {}),
    "bottleneck, minTime": () => spaced.schedule(async () => {}),
    "p-throttle": () => throttled(),
    "rate-limiter-flexible, queue": () => queued.removeTokens(1),
    limiter: () => bucketed.removeTokens(1),
  };
}

console.log(
  "\n| server | calls refused, nothing learnt | calls refused | time, against the least it takes |\n| --- | --- | --- | --- |",
);
const servers = [
  [() => slidingWindow(20, 1_000, 50), 50],
  [() => fixedWindow(20, 1_000, 50), 50],
  [() => slidingWindow(20, 1_000, 50, true), 50],
  [() => slidingWindow(20, 1_000, 2_000), 50],
  [() => bucket(500, 10, 1_000), 50],
  [() => bucket(60, 1, 1_000), 940],
  [() => fixedWindow(60, 60_000, 500), 960],
  [() => concurrent(5, 1_000), 200],
  [() => atRandom(0.01, 300), 10],
  [() => atRandom(0.1, 300), 10],
] as const;
for (const [server, leastS] of servers) {
  const [plain, adaptive] = [await runJob(server(), { isAdaptive: false }), await runJob(server())];
  const share = ({ refused, calls }: typeof plain) => `${((100 * refused) / calls.length).toFixed(1)} %`;
  const { name, latencyMs } = server();
  const time = (adaptive.tookMs / 1_000 / leastS).toFixed(2);
  console.log(`| ${name}, answers after ${latencyMs} ms | ${share(plain)} | ${share(adaptive)} | ${time}x |`);
}
process.exit();

/**
 * Measures what a fleet does on this machine, over pg-boss and over BullMQ, beside the bare engines: runs a second, what the queue adds
 * to one, how soon a dead worker's job is taken, how late a question starts behind 10,000 others, how soon a cancel arrives, how evenly
 * four workers start calls under one limit, and how the work scales with workers: `node --no-warnings bench/fleet.ts`, in four minutes.
 * The servers, the provider and all workers stand on the same cores.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { join } from "node:path";
import { startOwnPostgres } from "../scripts/postgres.ts";
import { startRedis } from "../scripts/redis.ts";
import { systemClock } from "../src/core/clock.ts";
import { createRegistry, defineTool, PromptBundleTool, ReliableOrchestrator } from "../src/index.ts";
import { createFleet, type RunJob, type RunQueue } from "../src/queue.ts";
import type { Pacer } from "../src/reliability.ts";
import { PostgresStore } from "../src/stores/postgres.ts";
import { openQueue, type QueuePlace } from "../test/queue/open-queue.ts";
import type { FleetWorker } from "../test/queue/programs/worker.ts";
import { startCountingProvider } from "../test/support/counting-provider.ts";
import { bareBoss, bareBullMq } from "./fleet/bare-engines.ts";
import { cpuSeconds } from "./fleet/cpu-seconds.ts";

const server = await startOwnPostgres({ max_connections: "300" });
const redis = await startRedis();
if (!server) throw new Error("There is no Postgres to measure with.");
const { url } = server;
const places: readonly (readonly [string, QueuePlace])[] = [
  ["pg-boss", { url }],
  ...(redis ? [["BullMQ", { url, redisPath: redis.path }] as const] : []),
];
const emptyRuns = 3_000;
const never = new AbortController().signal;
const bars: string[] = [];
console.log(`${cpus().length} cores, with the servers, the provider and the workers on them`);
try {
  await bare();
  for (const [engine, place] of places) {
    console.log(`\nover ${engine}\n`);
    await throughput(place);
    await redelivered(place);
    await behindOthers(place);
    await cancelled(place);
    await paced(place);
  }
  console.log("\nworkers with 5 runs at once, K = 2, calls of 1 s, over pg-boss; the steady part of each\n");
  await scaled();
  console.log("\nsizing by what one Postgres of this kind carries, half of it to spare\n");
  await sized();
} finally {
  await server.stop();
  await redis?.stop();
}

/** The engines with jobs that do nothing, and no store. */
async function bare(): Promise<void> {
  for (const [engine, measure] of [
    ["pg-boss", () => bareBoss(url, emptyRuns / 3)],
    ["BullMQ", () => redis && bareBullMq(redis.path, emptyRuns)],
  ] as const) {
    const figures = await measure();
    if (!figures) continue;
    console.log(`\n${engine} alone, with empty jobs\n`);
    tell("jobs a second", figures.perSecond);
    tell("put in to started, p50", figures.p50Ms, " ms");
    tell("put in to started, p99", figures.p99Ms, " ms");
  }
}

/** A fleet in this process, whose tool does as told. */
function fleetOf(place: QueuePlace, name: string, execute: (request: any, signal: AbortSignal) => Promise<unknown>) {
  const queue = openQueue(place);
  const store = new PostgresStore({ connectionString: url });
  const tool = defineTool({ name, execute: async (request: any, _options, { signal }) => execute(request, signal) });
  const orchestrator = new ReliableOrchestrator({ store, registry: createRegistry([tool]) });
  const fleet = createFleet({ queue, orchestrator });
  const close = async () => void (await Promise.all([queue.close(), store.close()]));
  return { queue, store, orchestrator, fleet, close };
}

function jobsOf(toolName: string, count: number): RunJob[] {
  const facts = { toolName, toolVersion: "1.0.0" };
  const stamp = systemClock.now();
  return Array.from({ length: count }, (_, at) => ({ key: `${toolName}-${stamp}-${at}`, ...facts, request: { at } }));
}

async function throughput(place: QueuePlace): Promise<void> {
  let startedMs = 0;
  let done = 0;
  const { queue, fleet, close } = fleetOf(place, "empty", async () => {
    startedMs = systemClock.now();
    done++;
  });
  await queue.enqueue(jobsOf("empty", emptyRuns));
  const fromMs = systemClock.now();
  const cpu = process.cpuUsage();
  const worker = await fleet.work({ concurrency: 50 });
  while (done < emptyRuns) await systemClock.sleep(20);
  await untilEmpty(queue, "empty");
  const seconds = (systemClock.now() - fromMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  tell("empty runs a second, queue and store", emptyRuns / seconds);
  tell("CPU of the worker's process, of one core", ((user + system) / 1e6 / seconds) * 100, " %");
  const [starts, results]: [number[], number[]] = [[], []];
  for (let at = 0; at < 100; at++) {
    const sentMs = systemClock.now();
    const { key } = await fleet.submit({ toolName: "empty", request: { late: at } });
    await fleet.result(key);
    starts.push(startedMs - sentMs);
    results.push(systemClock.now() - sentMs);
  }
  for (const [what, waits] of [
    ["start", starts],
    ["result", results],
  ] as const) {
    waits.sort((one, other) => one - other);
    tell(`submit to ${what} of one run, p50`, waits[50] as number, " ms");
    tell(`submit to ${what} of one run, p99`, waits[98] as number, " ms");
  }
  await worker.drain(0);
  await close();
}

/** Kills the worker that has asked for a job's answer, and waits for the next one that does. */
async function redelivered(place: QueuePlace): Promise<void> {
  const asked: ((caller: string) => void)[] = [];
  await using provider = await startCountingProvider(async ({ caller }) => {
    asked.shift()?.(caller);
    if (asked.length > 0) await systemClock.sleep(600_000);
  });
  const next = () => new Promise<string>((resolve) => void asked.push(resolve));
  const callers = [next(), next()] as const;
  const workers = new Map<string, ChildProcess>();
  for (const name of ["one", "other"])
    workers.set(name, await startWorker({ ...place, baseURL: provider.baseURL, name, concurrency: 1, k: 1 }));
  const queue = openQueue(place);
  const key = `killed-${systemClock.now()}`;
  await queue.enqueue([{ key, toolName: "triage", toolVersion: "1.0.0", request: { key } }]);
  workers.get(await callers[0])?.kill("SIGKILL");
  const killedMs = systemClock.now();
  await callers[1];
  tell("kill -9 to another worker's call for the same run", systemClock.now() - killedMs, " ms");
  await untilEmpty(queue, "triage");
  for (const worker of workers.values()) worker.kill("SIGKILL");
  await queue.close();
}

async function behindOthers(place: QueuePlace): Promise<void> {
  let startedMs = 0;
  const { queue, fleet, close } = fleetOf(place, "long", async ({ isLate }, signal) => {
    if (isLate) startedMs ||= systemClock.now();
    await systemClock.sleep(500, { signal });
  });
  await queue.enqueue(jobsOf("long", 10_000).map((job) => ({ ...job, group: "large" })));
  const worker = await fleet.work({ concurrency: 20 });
  await systemClock.sleep(2_000);
  const fromMs = systemClock.now();
  await fleet.submit({ toolName: "long", request: { isLate: true }, group: "small" });
  while (startedMs === 0) await systemClock.sleep(5);
  tell("one question of a group of its own behind 10,000, starts after", startedMs - fromMs, " ms");
  await worker.drain(0);
  await close();
}

async function cancelled(place: QueuePlace): Promise<void> {
  const waits: number[] = [];
  let [hasStarted, heardMs] = [false, 0];
  const { fleet, close } = fleetOf(place, "endless", (_request, signal) => {
    hasStarted = true;
    return systemClock.sleep(600_000, { signal }).catch((error) => {
      heardMs = systemClock.now();
      throw error;
    });
  });
  const worker = await fleet.work({ concurrency: 1 });
  for (let at = 0; at < 20; at++) {
    [hasStarted, heardMs] = [false, 0];
    const { key } = await fleet.submit({ toolName: "endless", request: { at } });
    while (!hasStarted) await systemClock.sleep(5);
    const fromMs = systemClock.now();
    await fleet.cancel(key);
    while (heardMs === 0) await systemClock.sleep(1);
    waits.push(heardMs - fromMs);
  }
  tell("cancel to the abort in the tool, longest of 20", Math.max(...waits), " ms");
  await worker.drain(0);
  await close();
}

/** Four workers under one limit of requests, and at the same time under one of tokens, each of five starts a second. */
async function paced(place: QueuePlace): Promise<void> {
  const limits = { requests: { requestsPerMinute: 300 }, tokens: { tokensPerMinute: 300_000 } };
  const queues = Array.from({ length: 4 }, () => openQueue(place));
  const pacers = queues.map((queue) => queue.pacer?.(limits) as Pacer);
  await Promise.all(Object.keys(limits).map((key) => pacedBy(pacers, key)));
  const fromMs = systemClock.now();
  pacers[0]?.pause("requests", fromMs + 1_000);
  await systemClock.sleep(50);
  const ends = pacers.map(async (pacer) => {
    await pacer.reserve("requests", { requests: 1, tokens: 0 }, never);
    return systemClock.now() - fromMs;
  });
  tell(
    "a pause of 1 s that one asks for: first start of the four after",
    Math.min(...(await Promise.all(ends))),
    " ms",
  );
  await Promise.all(queues.map((queue) => queue.close()));
}

async function pacedBy(pacers: readonly Pacer[], key: string): Promise<void> {
  const starts: number[] = [];
  const call = async (pacer: Pacer) => {
    const { settle } = await pacer.reserve(key, { requests: 1, tokens: 1_000 }, never);
    starts.push(systemClock.now());
    settle({ tokens: 1_000 });
  };
  await Promise.all(pacers.map(call));
  starts.length = 0;
  await Promise.all(pacers.flatMap((pacer) => Array.from({ length: 15 }, () => call(pacer))));
  starts.sort((one, other) => one - other);
  const inSecond = starts.map((from) => starts.filter((at) => at >= from && at < from + 1_000).length);
  const seconds = ((starts.at(-1) as number) - (starts[0] as number)) / 1_000;
  tell(`5 starts a second by ${key}, over 4 workers: most in any second`, Math.max(...inSecond));
  tell(
    `5 starts a second by ${key}, over 4 workers: share that is used`,
    ((starts.length - 1) / seconds / 5) * 100,
    " %",
  );
}

/**
 * Counts the answers of a window in which every worker is busy from beginning to end: what a short measurement loses while its
 * first runs start, and while its last ones leave workers idle, is not the fleet's.
 */
async function scaled(): Promise<void> {
  const [concurrency, k, callMs] = [5, 2, 1_000];
  const [rampMs, windowMs] = [3_000, 10_000];
  let answered = 0;
  await using provider = await startCountingProvider(async () => {
    await systemClock.sleep(callMs);
    answered++;
  });
  const queue = openQueue({ url });
  let first = 0;
  console.log("workers  runs/s  of linear  CPU in cores: workers  Postgres  provider");
  for (const workers of [1, 2, 4, 8]) {
    const fleet = await Promise.all(
      Array.from({ length: workers }, (_, at) =>
        startWorker({ url, baseURL: provider.baseURL, name: `worker-${at}`, concurrency, k }),
      ),
    );
    // More than the window takes, so that no worker runs dry in it.
    const count = Math.ceil(workers * concurrency * ((rampMs + windowMs) / callMs + 3));
    const keys = Array.from({ length: count }, (_, at) => `scale-${workers}-${at}`);
    await queue.enqueue(keys.map((key) => ({ key, toolName: "triage", toolVersion: "1.0.0", request: { key } })));
    await systemClock.sleep(rampMs);
    const pids = fleet.map(({ pid }) => pid as number);
    const [before, fromMs, cpu] = [answered, systemClock.now(), cpuSeconds(pids)];
    await systemClock.sleep(windowMs);
    const seconds = (systemClock.now() - fromMs) / 1_000;
    const perSecond = (answered - before) / k / seconds;
    const used = cpuSeconds(pids);
    first ||= perSecond;
    const share = perSecond / first / workers;
    const cores = (["workers", "postgres", "own"] as const).map((part) =>
      ((used[part] - cpu[part]) / seconds).toFixed(2),
    );
    const columns = [
      String(workers).padStart(7),
      perSecond.toFixed(1).padStart(6),
      `${(share * 100).toFixed(1)} %`.padStart(9),
    ];
    console.log(`${columns.join("  ")}  ${cores[0]?.padStart(21)}  ${cores[1]?.padStart(8)}  ${cores[2]?.padStart(8)}`);
    bars.push(`${String(workers).padStart(7)}  ${"█".repeat(Math.round(share * 50))}`);
    for (const child of fleet) child.kill("SIGKILL");
    await Promise.all(fleet.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")));
    await Promise.all(keys.map((key) => queue.cancel(key)));
  }
  console.log(`\nworkers  share of linear${" ".repeat(29)}90 %  100 %`);
  console.log(bars.join("\n"));
  await queue.close();
}

/** Runs of ten answers that come at once: what is left is the work of queue, store and worker. */
async function sized(): Promise<void> {
  const [count, k] = [200, 10];
  const tool = new PromptBundleTool({
    name: "ten",
    model: "simulated:?error=0.1",
    prompt: "{{at}}",
    defaultOptions: { k, stopping: "none" },
  });
  const [queue, store] = [openQueue({ url }), new PostgresStore({ connectionString: url })];
  const orchestrator = new ReliableOrchestrator({ store, registry: createRegistry([tool]) });
  const worker = await createFleet({ queue, orchestrator }).work({ concurrency: 20 });
  await queue.enqueue(jobsOf("ten", 20));
  await untilEmpty(queue, "ten");
  const fromMs = systemClock.now();
  await queue.enqueue(jobsOf("ten", count));
  await untilEmpty(queue, "ten");
  const carried = (count / (systemClock.now() - fromMs)) * 1_000;
  tell(`runs a second of K = ${k}, answers at once`, carried);
  for (const millions of [1, 10, 100]) {
    const perSecond = (millions * 1e6) / 86_400;
    const databases = Math.ceil(perSecond / (carried / 2));
    console.log(
      `${millions} million runs a day: ${perSecond.toFixed(1)} a second, ${databases} such ${databases === 1 ? "database" : "databases"}`,
    );
  }
  await worker.drain(0);
  await Promise.all([queue.close(), store.close()]);
}

async function startWorker(worker: FleetWorker): Promise<ChildProcess> {
  const program = join(import.meta.dirname, "../test/queue/programs/worker.ts");
  const child = fork(program, [JSON.stringify(worker)], { execArgv: ["--no-warnings"] });
  await once(child, "message");
  return child;
}

/** Waits until no job of a tool waits or runs. Other tools' jobs are left over from before. */
async function untilEmpty(queue: RunQueue, toolName: string): Promise<void> {
  for (;;) {
    const left = (await queue.stats()).tools.filter(({ tool }) => tool.name === toolName);
    if (left.every(({ waiting, running }) => waiting + running === 0)) return;
    await systemClock.sleep(50);
  }
}

function tell(what: string, value: number, unit = ""): void {
  console.log(`${what.padEnd(66)}${value.toFixed(value < 100 ? 1 : 0).padStart(8)}${unit}`);
}

/**
 * Measures what a fleet does on this machine: runs a second and what the queue adds to one, how late a question starts behind 10,000 others,
 * how soon a cancel arrives, how evenly four workers start calls under one limit, and how the work scales with workers:
 * `node --no-warnings bench/fleet.ts`. The Postgres, the provider and all workers stand on the same cores.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { join } from "node:path";
import { startOwnPostgres } from "../scripts/postgres.ts";
import { systemClock } from "../src/core/clock.ts";
import { createRegistry, defineTool, ReliableOrchestrator } from "../src/index.ts";
import { pgBossQueue } from "../src/queue/pg-boss.ts";
import { createFleet, type RunJob } from "../src/queue.ts";
import type { Pacer } from "../src/reliability.ts";
import { PostgresStore } from "../src/stores/postgres.ts";
import { startCountingProvider } from "../test/support/counting-provider.ts";

const server = await startOwnPostgres({ max_connections: "300" });
if (!server) throw new Error("There is no Postgres to measure with.");
const { url: connectionString } = server;
console.log(`${cpus().length} cores, with the Postgres, the provider and the workers on them\n`);
try {
  await throughput();
  await behindOthers();
  await cancelled();
  await paced();
  await scaled();
} finally {
  await server.stop();
}

/** A fleet in this process, whose tool does as told. */
function fleetOf(name: string, execute: (request: any, signal: AbortSignal) => Promise<unknown>) {
  const queue = pgBossQueue({ connectionString });
  const store = new PostgresStore({ connectionString });
  const tool = defineTool({ name, execute: async (request: any, _options, { signal }) => execute(request, signal) });
  const orchestrator = new ReliableOrchestrator({ store, registry: createRegistry([tool]) });
  const fleet = createFleet({ queue, orchestrator });
  const close = async () => void (await Promise.all([queue.close(), store.close()]));
  return { queue, store, orchestrator, fleet, close };
}

function jobsOf(toolName: string, count: number): RunJob[] {
  const facts = { toolName, toolVersion: "1.0.0" };
  return Array.from({ length: count }, (_, at) => ({ key: `${toolName}-${at}`, ...facts, request: { at } }));
}

async function throughput(): Promise<void> {
  const count = 3_000;
  const { queue, fleet, close } = fleetOf("empty", async () => 1);
  await queue.enqueue(jobsOf("empty", count));
  const startedMs = systemClock.now();
  const cpu = process.cpuUsage();
  const worker = await fleet.work({ concurrency: 50 });
  await untilEmpty(queue);
  const seconds = (systemClock.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  tell("empty runs a second, queue and store", count / seconds);
  tell("CPU of the worker's process, of one core", ((user + system) / 1e6 / seconds) * 100, " %");
  const added: number[] = [];
  for (let at = 0; at < 200; at++) {
    const fromMs = systemClock.now();
    const { key } = await fleet.submit({ toolName: "empty", request: { late: at } });
    await fleet.result(key);
    added.push(systemClock.now() - fromMs);
  }
  added.sort((a, b) => a - b);
  tell("submit to result of one run, p50", added[100] as number, " ms");
  tell("submit to result of one run, p99", added[198] as number, " ms");
  await worker.drain(0);
  await close();
}

async function behindOthers(): Promise<void> {
  let startedMs = 0;
  const { queue, fleet, close } = fleetOf("long", async ({ isLate }, signal) => {
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

async function cancelled(): Promise<void> {
  const waits: number[] = [];
  let heardMs = 0;
  const { fleet, close } = fleetOf("endless", (_request, signal) =>
    systemClock.sleep(600_000, { signal }).catch((error) => {
      heardMs = systemClock.now();
      throw error;
    }),
  );
  const worker = await fleet.work({ concurrency: 1 });
  for (let at = 0; at < 20; at++) {
    const { key } = await fleet.submit({ toolName: "endless", request: { at } });
    await systemClock.sleep(150);
    heardMs = 0;
    const fromMs = systemClock.now();
    await fleet.cancel(key);
    while (heardMs === 0) await systemClock.sleep(1);
    waits.push(heardMs - fromMs);
  }
  tell("cancel to the abort in the tool, longest of 20", Math.max(...waits), " ms");
  await worker.drain(0);
  await close();
}

async function paced(): Promise<void> {
  const { signal } = new AbortController();
  const queues = Array.from({ length: 4 }, () => pgBossQueue({ connectionString }));
  const pacers = queues.map((queue) => queue.pacer?.({ shared: { requestsPerMinute: 300 } }) as Pacer);
  await Promise.all(pacers.map((pacer) => pacer.reserve("shared", { requests: 1, tokens: 0 }, signal)));
  const starts: number[] = [];
  const call = async (pacer: Pacer) => {
    await pacer.reserve("shared", { requests: 1, tokens: 0 }, signal);
    starts.push(systemClock.now());
  };
  await Promise.all(pacers.flatMap((pacer) => Array.from({ length: 15 }, () => call(pacer))));
  starts.sort((a, b) => a - b);
  const inSecond = starts.map((from) => starts.filter((at) => at >= from && at < from + 1_000).length);
  const seconds = ((starts.at(-1) as number) - (starts[0] as number)) / 1_000;
  tell("5 starts a second over 4 workers: most in any second", Math.max(...inSecond));
  tell("5 starts a second over 4 workers: share that is used", ((starts.length - 1) / seconds / 5) * 100, " %");
  await Promise.all(queues.map((queue) => queue.close()));
}

async function scaled(): Promise<void> {
  const callMs = 1_000;
  const [concurrency, k, rounds] = [5, 2, 10];
  const program = join(import.meta.dirname, "../test/queue/programs/worker.ts");
  await using provider = await startCountingProvider(() => systemClock.sleep(callMs));
  const queue = pgBossQueue({ connectionString });
  let first = 0;
  for (const workers of [1, 2, 4, 8]) {
    const fleet = await Promise.all(
      Array.from({ length: workers }, async (_, at) => {
        const worker = { url: connectionString, baseURL: provider.baseURL, name: `worker-${at}`, concurrency, k };
        const child = fork(program, [JSON.stringify(worker)], { execArgv: ["--no-warnings"] });
        await once(child, "message");
        return child;
      }),
    );
    const put = async (count: number, kind: string) => {
      const keys = Array.from({ length: count }, (_, at) => `scale-${workers}-${kind}-${at}`);
      await queue.enqueue(keys.map((key) => ({ key, toolName: "triage", toolVersion: "1.0.0", request: { key } })));
    };
    // The first runs of a process load what they need.
    await put(workers * concurrency, "warm");
    await untilEmpty(queue, "triage");
    const count = workers * concurrency * rounds;
    const fromMs = systemClock.now();
    await put(count, "run");
    await untilEmpty(queue, "triage");
    const perSecond = (count / (systemClock.now() - fromMs)) * 1_000;
    first ||= perSecond;
    tell(`runs a second of calls of 1 s, ${workers} ${workers === 1 ? "worker" : "workers"}`, perSecond);
    tell("   of linear", (perSecond / first / workers) * 100, " %");
    for (const child of fleet) child.kill("SIGKILL");
  }
  await queue.close();
}

async function untilEmpty(queue: ReturnType<typeof pgBossQueue>, toolName?: string): Promise<void> {
  for (;;) {
    const { tools } = await queue.stats();
    const left = tools.filter(({ tool }) => toolName === undefined || tool.name === toolName);
    if (left.every(({ waiting, running }) => waiting + running === 0)) return;
    await systemClock.sleep(50);
  }
}

function tell(what: string, value: number, unit = ""): void {
  console.log(`${what.padEnd(66)}${value.toFixed(value < 100 ? 1 : 0).padStart(8)}${unit}`);
}

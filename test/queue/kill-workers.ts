import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Pool } from "pg";
import { systemClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import { pgBossQueue } from "../../src/queue/pg-boss.ts";
import { PostgresStore } from "../../src/stores/postgres.ts";
import { type CountedCall, startCountingProvider } from "../support/counting-provider.ts";
import type { FleetWorker } from "./programs/worker.ts";

/** Workers, their jobs, and what happens to them. */
export interface KillPlan {
  readonly url: string;
  readonly seed: number;
  readonly jobs: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly k: number;
  readonly callMs: number;
  /** Workers that die, each after a further share of the calls. */
  readonly kills: number;
  /** Workers that are stopped past their lease and their signs of life, and wake up again. */
  readonly pauses?: number | undefined;
  /** Takes the database away, and gives it back. */
  readonly takeDatabase?: (() => Promise<void>) | undefined;
}

/** End of the jobs. */
export interface KillOutcome {
  readonly broken: readonly string[];
  readonly calls: number;
  /** Calls that were asked for again. */
  readonly again: number;
  /** Calls of workers whose answers had not reached the store as they died or slept. */
  readonly inFlight: number;
  /** Milliseconds from each death to the first call for a job of the dead worker. */
  readonly redeliveredMs: readonly number[];
  readonly elapsedMs: number;
}

/** Time for which a worker sleeps: past its signs of life and the look for them. */
const sleepMs = 16_000;
const program = join(import.meta.dirname, "programs/worker.ts");

/**
 * Lets workers run jobs whose answers a provider of another process counts, and kills workers meanwhile. Before each answer the
 * provider looks into the store: a replicate that is journaled there, or a key that is settled, must not be asked for.
 */
export async function killWorkers(plan: KillPlan): Promise<KillOutcome> {
  const { url, jobs, workers, callMs, kills, pauses = 0, takeDatabase } = plan;
  const random = seededRandom(plan.seed);
  const broken: string[] = [];
  const open = new Map<CountedCall, number>();
  const pool = new Pool({ connectionString: url });
  pool.on("error", () => {});
  let isAway = false;
  let callsSeen = 0;
  const startedMs = systemClock.now();
  const lost: {
    readonly atMs: number;
    readonly keys: Set<string>;
    readonly name: string;
    againMs?: number;
    awakeMs?: number;
  }[] = [];
  let onCall = (_count: number) => {};

  await using provider = await startCountingProvider(async (call) => {
    open.set(call, systemClock.now());
    for (const death of lost)
      if (death.againMs === undefined && call.caller !== death.name && death.keys.has(call.key))
        death.againMs = systemClock.now() - death.atMs;
    for (const { name, keys, againMs, awakeMs } of lost)
      if (awakeMs !== undefined && againMs !== undefined && call.caller === name && keys.has(call.key))
        broken.push(`${name} woke up and asked for ${call.key}, which another worker has`);
    onCall(++callsSeen);
    if (!isAway) await assertUnpaid(call);
    await systemClock.sleep(callMs * (0.5 + random.next()));
    open.delete(call);
  });

  async function assertUnpaid({ key, seed, caller }: CountedCall): Promise<void> {
    const statement = `SELECT 'settled' AS how FROM steer_run WHERE key = $1 AND state = 'settled'
      UNION ALL SELECT 'journaled' FROM steer_replicate WHERE key = $1 AND seed = $2`;
    const { rows } = await pool.query(statement, [key, seed]).catch(() => ({ rows: [] }));
    const awakeMs = lost.find(({ name }) => name === caller)?.awakeMs;
    const woke = awakeMs === undefined ? "" : `, ${Math.round(systemClock.now() - awakeMs)} ms after it woke up`;
    for (const { how } of rows) broken.push(`${caller} asked for ${key} with seed ${seed} after it was ${how}${woke}`);
  }

  const fleet = new Map<string, ReturnType<typeof fork>>();
  let started = 0;
  async function startWorker(): Promise<void> {
    const name = `worker-${started++}`;
    const { url: place, concurrency, k } = plan;
    const worker: FleetWorker = { url: place, baseURL: provider.baseURL, name, concurrency, k };
    // One that finds no database ends, and is started again, as by whatever looks after processes.
    for (;;) {
      const child = fork(program, [JSON.stringify(worker)], { execArgv: ["--no-warnings"], stdio: "ignore" });
      fleet.set(name, child);
      const isReady = await Promise.race([
        once(child, "message").then(() => true),
        once(child, "exit").then(() => false),
      ]);
      if (isReady || !fleet.has(name)) return;
    }
  }

  function inFlightAt(name: string): CountedCall[] {
    return [...open.keys()].filter(({ caller }) => caller === name);
  }

  /** Counts the calls of a worker whose answers had not reached the store: unanswered ones, and those on their way. */
  async function unkeptOf(name: string): Promise<number> {
    const statement = `SELECT key, NULL AS seed FROM steer_run WHERE state = 'settled'
      UNION ALL SELECT key, seed FROM steer_replicate`;
    const { rows } = await pool.query(statement).catch(() => ({ rows: [] }));
    const kept = new Set(rows.map(({ key, seed }) => (seed === null ? key : `${key} ${seed}`)));
    const own = provider.calls.filter(({ caller }) => caller === name);
    return own.filter(({ key, seed }) => !kept.has(key) && !kept.has(`${key} ${seed}`)).length;
  }

  const queue = pgBossQueue({ connectionString: url });
  const store = new PostgresStore({ connectionString: url });
  let inFlight = 0;
  const strike = async (isDeath: boolean) => {
    const names = [...fleet.keys()].filter((name) => inFlightAt(name).length > 0);
    const name = names[Math.floor(random.next() * names.length)];
    if (name === undefined) return;
    const child = fleet.get(name);
    fleet.delete(name);
    const flying = inFlightAt(name);
    const loss: (typeof lost)[number] = { atMs: systemClock.now(), keys: new Set(flying.map(({ key }) => key)), name };
    lost.push(loss);
    const gone = child && once(child, "exit");
    child?.kill(isDeath ? "SIGKILL" : "SIGSTOP");
    if (isDeath) await gone;
    inFlight += await unkeptOf(name);
    if (isDeath) return startWorker();
    await systemClock.sleep(sleepMs);
    loss.awakeMs = systemClock.now();
    child?.kill("SIGCONT");
    fleet.set(name, child as never);
  };

  try {
    await Promise.all(Array.from({ length: workers }, startWorker));
    const total = jobs * plan.k;
    const strikes = [...Array(kills).fill(true), ...Array(pauses).fill(false)].map((isDeath, at, all) => ({
      isDeath,
      at: Math.floor((total * (at + 1)) / (all.length + 2)),
    }));
    const striking: Promise<void>[] = [];
    onCall = (count) => {
      for (const { at, isDeath } of strikes) if (at === count) striking.push(strike(isDeath));
      if (takeDatabase && count === Math.floor(total / 2)) {
        isAway = true;
        const back = takeDatabase().then(() => {
          isAway = false;
        });
        striking.push(back);
      }
    };
    const keys = Array.from({ length: jobs }, (_, at) => `seed-${plan.seed}-job-${at}`);
    await queue.enqueue(keys.map((key) => ({ key, toolName: "triage", toolVersion: "1.0.0", request: { key } })));
    await untilEmpty();
    await Promise.all(striking);
    await untilEmpty();
    for (const { job, error } of await queue.dead()) broken.push(`${job.key} is dead: ${error.message}`);
    for (const key of keys) {
      const details = await store.show(key);
      if (details?.state !== "settled" || details.output?.status !== "completed")
        broken.push(`${key} has ended as ${details?.state} ${details?.output?.status}`);
    }
    const counts = Map.groupBy(provider.calls, ({ key, seed }) => `${key} ${seed}`);
    const again = [...counts.values()].reduce((sum, calls) => sum + calls.length - 1, 0);
    if (again > inFlight && !takeDatabase)
      broken.push(`${again} calls were made again, and ${inFlight} were in flight`);
    return {
      broken,
      calls: provider.calls.length,
      again,
      inFlight,
      redeliveredMs: lost.flatMap(({ againMs = [] }) => againMs),
      elapsedMs: systemClock.now() - startedMs,
    };
  } finally {
    for (const child of fleet.values()) child.kill("SIGKILL");
    await Promise.all([queue.close(), store.close(), pool.end()]);
  }

  async function untilEmpty(): Promise<void> {
    for (;;) {
      const stats = await queue.stats().catch(() => undefined);
      if (stats && stats.waiting + stats.running === 0) return;
      if (systemClock.now() - startedMs > longestMs)
        throw new Error(`The jobs have not ended: ${JSON.stringify(stats)}`);
      await systemClock.sleep(100);
    }
  }
}

const longestMs = 240_000;

import { systemClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import { type CountedCall, startCountingProvider } from "../support/counting-provider.ts";
import { Ledger } from "./ledger.ts";
import { openQueue, type QueuePlace } from "./open-queue.ts";
import { Workers } from "./workers.ts";

/** Workers, their jobs, and what happens to them. */
export interface KillPlan extends QueuePlace {
  readonly seed: number;
  readonly jobs: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly k: number;
  readonly callMs: number;
  /** Workers that die. */
  readonly kills: number;
  /** Workers that are stopped past their lease and their signs of life, and wake up again, after the deaths. */
  readonly pauses?: number | undefined;
  /** Time from one death or sleep to the next. Default: they are spread over the calls. */
  readonly everyMs?: number | undefined;
  /** Takes the database away, and gives it back. */
  readonly takeDatabase?: (() => Promise<void>) | undefined;
}

/** End of the jobs. */
export interface KillOutcome {
  readonly broken: readonly string[];
  readonly calls: number;
  /** Calls that were asked for again. */
  readonly again: number;
  /** Calls of workers whose answers had not reached the store as they died or fell asleep. */
  readonly inFlight: number;
  /** Milliseconds from each death or sleep to the first call of another worker for one of the jobs, without an outage. */
  readonly redeliveredMs: readonly number[];
  /** The same where the database was away meanwhile. */
  readonly redeliveredLateMs: readonly number[];
  readonly elapsedMs: number;
}

/** A worker that died or fell asleep. */
interface Loss {
  readonly name: string;
  /** Time by which it stood still. */
  readonly atMs: number;
  /** Keys of its calls under way. */
  readonly keys: ReadonlySet<string>;
  /** Time of the first call of another worker for one of the keys. */
  againAtMs?: number;
  awakeAtMs?: number;
}

/** Time for which a worker sleeps: past its signs of life and the look for them. */
const sleepMs = 16_000;
const longestMs = 300_000;

/**
 * Lets workers run jobs whose answers a provider of another process counts, and kills workers meanwhile. Before each answer the
 * provider looks into the store: a replicate that is journaled there, or a key that is settled, must not be asked for.
 */
export async function killWorkers(plan: KillPlan): Promise<KillOutcome> {
  const { url, jobs, callMs, kills, pauses = 0, everyMs, takeDatabase } = plan;
  const random = seededRandom(plan.seed);
  const startedMs = systemClock.now();
  const broken: string[] = [];
  const losses: Loss[] = [];
  const open = new Set<CountedCall>();
  const madeAtMs = new Map<CountedCall, number>();
  let inFlight = 0;
  let outage: { readonly fromMs: number; untilMs: number } | undefined;
  let onCall = (_count: number) => {};

  await using ledger = new Ledger(url);
  await using provider = await startCountingProvider(async (call) => {
    open.add(call);
    madeAtMs.set(call, systemClock.now());
    noteLosses(call);
    onCall(provider.calls.length);
    if (outage?.untilMs !== Number.POSITIVE_INFINITY) await assertUnpaid(call);
    await systemClock.sleep(callMs * (0.5 + random.next()));
    open.delete(call);
  });

  function noteLosses(call: CountedCall): void {
    for (const loss of losses) {
      const isOwn = call.caller === loss.name;
      if (isOwn && isFromBefore(call, loss)) inFlight++;
      if (!loss.keys.has(call.key)) continue;
      if (!isOwn) loss.againAtMs ??= systemClock.now();
      else if (!isFromBefore(call, loss) && loss.againAtMs !== undefined)
        broken.push(`${loss.name} woke up and asked for ${call.key}, which another worker has`);
    }
  }

  /** True for a call that its worker made before it stood still: it was on its way, and arrives as late as the worker wakes up. */
  function isFromBefore({ startedMs: madeAtMs = 0 }: CountedCall, { awakeAtMs }: Loss): boolean {
    return awakeAtMs === undefined || madeAtMs < awakeAtMs - sleepMs / 2;
  }

  async function assertUnpaid(call: CountedCall): Promise<void> {
    const { key, seed, caller } = call;
    const loss = losses.find(({ name }) => name === caller);
    if (loss && isFromBefore(call, loss)) return;
    const woke = loss?.awakeAtMs ? `, ${Math.round(systemClock.now() - loss.awakeAtMs)} ms after it woke up` : "";
    const how = await ledger.paidFor(key, seed);
    if (how) broken.push(`${caller} asked for ${key} with seed ${seed} after it was ${how}${woke}`);
  }

  await using workers = new Workers({ ...plan, baseURL: provider.baseURL });

  /** Kills a worker that has calls under way, or puts it to sleep and wakes it up. */
  async function strike(isDeath: boolean): Promise<void> {
    const callsOf = (name: string) => [...open].filter(({ caller }) => caller === name);
    const busy = workers.names.filter((name) => callsOf(name).length > 0);
    const name = busy[Math.floor(random.next() * busy.length)];
    if (name === undefined) return;
    const keys = new Set(callsOf(name).map(({ key }) => key));
    const stopping = workers.stop(name, isDeath ? "SIGKILL" : "SIGSTOP");
    const loss: Loss = { name, keys, atMs: systemClock.now() };
    losses.push(loss);
    const heardOf = provider.calls.filter(({ caller }) => caller === name);
    await stopping;
    const unkept = await ledger.unkeptOf(heardOf);
    inFlight += unkept;
    if (isDeath) return workers.start();
    await systemClock.sleep(loss.atMs + sleepMs - systemClock.now());
    loss.awakeAtMs = systemClock.now();
    workers.wake(name);
  }

  const strikes = [...Array(kills).fill(true), ...Array(pauses).fill(false)];
  const striking: Promise<void>[] = [];

  async function strikeInTime(ms: number): Promise<void> {
    for (const isDeath of strikes) {
      await systemClock.sleep(ms);
      striking.push(strike(isDeath));
    }
  }

  async function takeAway(take: () => Promise<void>): Promise<void> {
    outage = { fromMs: systemClock.now(), untilMs: Number.POSITIVE_INFINITY };
    await take();
    outage.untilMs = systemClock.now();
  }

  await workers.startAll();
  const queue = await openQueue(plan);
  try {
    const total = jobs * plan.k;
    onCall = (count) => {
      const step = total / (strikes.length + 2);
      for (const [at, isDeath] of strikes.entries())
        if (!everyMs && count === Math.floor(step * (at + 1))) striking.push(strike(isDeath));
      if (everyMs && count === 1) striking.push(strikeInTime(everyMs));
      if (takeDatabase && count === Math.floor(total / 2)) striking.push(takeAway(takeDatabase));
    };
    const keys = Array.from({ length: jobs }, (_, at) => `seed-${plan.seed}-job-${at}`);
    await queue.enqueue(keys.map((key) => ({ key, toolName: "triage", toolVersion: "1.0.0", request: { key } })));
    await untilEmpty();
    for (let ended = -1; ended < striking.length; ) {
      ended = striking.length;
      await Promise.all(striking);
    }
    await untilEmpty();
    for (const { job, error } of await queue.dead()) broken.push(`${job.key} is dead: ${error.message}`);
    broken.push(...(await ledger.unfinished(keys)), ...workers.deaths);
  } finally {
    await queue.close();
  }
  const counts = Map.groupBy(provider.calls, ({ key, seed }) => `${key} ${seed}`);
  const again = [...counts.values()].reduce((sum, calls) => sum + calls.length - 1, 0);
  if (again > inFlight) {
    broken.push(`${again} calls were made again, and ${inFlight} were in flight`);
    for (const [call, calls] of counts)
      for (const [at, { caller }] of calls.slice(0, -1).entries()) {
        const [fromMs = 0, untilMs = 0] = calls.slice(at, at + 2).map((made) => madeAtMs.get(made));
        const isLost = losses.some(({ name, atMs }) => name === caller && fromMs <= atMs + 1_000 && atMs <= untilMs);
        if (isLost) continue;
        const times = [fromMs, untilMs].map((ms) => Math.round(ms - startedMs)).join(" and ");
        broken.push(
          `${call} was asked for by ${caller}, which lived, and again by ${calls[at + 1]?.caller}, at ${times} ms`,
        );
      }
    const timeline = losses.map(({ name, atMs }) => `${name} at ${Math.round(atMs - startedMs)}`);
    if (outage)
      timeline.push(`database at ${[outage.fromMs, outage.untilMs].map((ms) => Math.round(ms - startedMs)).join("-")}`);
    broken.push(`Lost: ${timeline.join(", ")}`);
  }
  const waits = (isLate: boolean) =>
    losses.flatMap(({ atMs, againAtMs }) => {
      const isMeanwhile = outage !== undefined && outage.untilMs > atMs && outage.fromMs < (againAtMs ?? atMs);
      return againAtMs !== undefined && isMeanwhile === isLate ? [againAtMs - atMs] : [];
    });
  return {
    broken,
    calls: provider.calls.length,
    again,
    inFlight,
    redeliveredMs: waits(false),
    redeliveredLateMs: waits(true),
    elapsedMs: systemClock.now() - startedMs,
  };

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

import type { Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import * as v from "valibot";
import { CancelledError, StoreError } from "../../contract/errors.ts";
import type { OutputError } from "../../contract/output.ts";
import { schedule, systemClock, wallClock } from "../../core/clock.ts";
import { hideSecrets, messageOf } from "../../core/errors.ts";
import { declareOptions, type OptionsInput, resolveOptions, text } from "../../core/options.ts";
import type { RateLimits } from "../../guard/limits.ts";
import type { Pacer } from "../../guard/pacer.ts";
import { passwordsIn } from "../../store/postgres-connection.ts";
import type { ListOptions } from "../../store/store.ts";
import {
  assertSameJob,
  type DeadJob,
  type Disposition,
  type JobHandler,
  jobIdOf,
  type QueuedJob,
  type QueuedTool,
  type QueueStats,
  type QueueWorker,
  type RunJob,
  type RunQueue,
  summedStats,
  type ToolQueueStats,
  type WorkOptions,
} from "../run-queue.ts";
import { SharedPacer } from "../shared-pacer.ts";
import { RedisPace } from "./redis-pace.ts";

export const bullMqQueueOptions = declareOptions("BullMqQueueOptions", "bullMqQueue(…)", {
  /** Address of the Redis, or the path of its socket. Default: the environment variable `REDIS_URL`, else this machine's. */
  connectionString: v.optional(text("an address, such as redis://redis.internal:6379, or the path of a socket")),
});

/** Redis of a queue on BullMQ. */
export interface BullMqQueueOptions extends OptionsInput<typeof bullMqQueueOptions> {}

/**
 * Returns a queue on Redis, through BullMQ 6, for teams that run it already. Outputs and journals stay in the store, so workers
 * need a Postgres all the same. Needs the packages `bullmq` and `ioredis`, which are loaded on first use.
 *
 * A dead worker's jobs come to another one after four to five seconds. Give the orchestrators of workers
 * `reliabilityConfig: { leaseMs: 4_000 }`, so that it holds up its keys no longer than that. BullMQ without its paid part has no
 * groups: a job of a group gets a lower priority the more of them wait already. A worker has its slots for each tool. Jobs are
 * put in one after the other, and not in a transaction of the caller's.
 *
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const queue = bullMqQueue({ connectionString: "redis://redis.internal:6379" });
 * const fleet = createFleet({ queue, orchestrator });
 * ```
 */
export function bullMqQueue(options?: BullMqQueueOptions): RunQueue {
  const { connectionString = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379" } = resolveOptions(
    bullMqQueueOptions,
    options,
  );
  hideSecrets(passwordsIn(connectionString));
  return new BullMqQueue(connectionString);
}

/** A job as BullMQ keeps it. */
interface Kept {
  readonly job: RunJob;
  /** Deliveries so far that counted as attempts. */
  readonly attempts: number;
  readonly death?: Omit<DeadJob, "job">;
}

const toolsKey = "steer:tools";
const cancelledKey = "steer:cancelled";
const groupKey = (group: string) => `steer:group:${group}`;
const channel = "steer:cancel";
const middlePriority = 1_000_000;
const groupSteps = 9_999;
/** Time without a sign of life after which a job is given to another worker, at the next look for such jobs. */
const lockMs = 4_000;
const searchMs = 1_000;
/** Deliveries to workers that died of the job, after which it is dead. */
const mostLosses = 20;
/** Wait after a handler that threw. */
const thrownWaitMs = 5_000;
const cancelledReason = "its job left the queue";

/** The packages, and the connection that all but blocking commands share. */
interface Opened {
  readonly bullmq: typeof import("bullmq");
  readonly redis: Redis;
}

/**
 * Job: keep jobs in queues of BullMQ, one for each version of a tool.
 * Boundary: BullMQ delivers; what a run means for its job is decided by the handler.
 * Invariants:
 * 1. The packages are loaded, and Redis is connected to, by the first use.
 * 2. A worker that has lost the lock of its job changes nothing of it.
 * 3. A job that was cancelled while a worker has it is gone for all others at once.
 */
class BullMqQueue implements RunQueue {
  readonly #connectionString: string;
  readonly #queues = new Map<string, Queue<Kept>>();
  #opening: Promise<Opened> | undefined;

  constructor(connectionString: string) {
    this.#connectionString = connectionString;
  }

  async enqueue(jobs: readonly RunJob[]): Promise<void> {
    const fresh = new Map<string, RunJob>();
    for (const job of jobs) {
      const queue = await this.#queueOf({ name: job.toolName, version: job.toolVersion });
      const held = await queue.getJob(jobIdOf(job.key));
      const isDead = held !== undefined && deathOf(held) !== undefined;
      if (isDead) await held.remove();
      else if (held) assertSameJob(held.data.job, job);
      const same = fresh.get(job.key);
      if (same) assertSameJob(same, job);
      if (!held || isDead) fresh.set(job.key, job);
    }
    const redis = await this.#redis();
    for (const job of fresh.values()) {
      const queue = await this.#queueOf({ name: job.toolName, version: job.toolVersion });
      const jobId = jobIdOf(job.key);
      const before = job.group === undefined ? 0 : await redis.scard(groupKey(job.group));
      if (job.group !== undefined) await redis.sadd(groupKey(job.group), jobId);
      const priority = middlePriority - (job.priority ?? 0) * (groupSteps + 1) + Math.min(before, groupSteps);
      await queue.add("run", { job, attempts: 0 }, { jobId, priority, removeOnComplete: true, attempts: 1_000_000 });
    }
  }

  async work(handle: JobHandler, { concurrency, tools }: WorkOptions): Promise<QueueWorker> {
    const { bullmq, redis } = await this.#open();
    const workers = await Promise.all(
      tools.map(async (tool) => {
        const { name } = await this.#queueOf(tool);
        const run = (job: Job<Kept>, token?: string, signal?: AbortSignal) => this.#run(job, token, signal, handle);
        const timing = { lockDuration: lockMs, stalledInterval: searchMs, maxStalledCount: mostLosses };
        const worker = new bullmq.Worker<Kept>(name, run, { connection: redis, concurrency, ...timing });
        worker.on("error", () => {});
        // A worker that slept past its locks: others have its jobs.
        worker.on("lockRenewalFailed", (ids) => {
          for (const id of ids) worker.cancelJob(id, "the job was given to another worker");
        });
        await worker.waitUntilReady();
        return worker;
      }),
    );
    const listener = redis.duplicate();
    listener.on("error", () => {});
    await listener.subscribe(channel);
    listener.on("message", (_channel, id) => {
      for (const worker of workers) worker.cancelJob(id, cancelledReason);
    });
    return {
      async drain(ms) {
        const ended = Promise.all(workers.map((worker) => worker.close()));
        const cutOff = () => {
          for (const worker of workers) worker.cancelAllJobs("the worker is drained");
        };
        await ended.finally(schedule(systemClock, cutOff, ms));
        listener.disconnect();
      },
    };
  }

  async cancel(key: string): Promise<boolean> {
    const held = await this.#jobOf(key);
    if (!held?.id) return false;
    await (await this.#redis()).sadd(cancelledKey, held.id);
    try {
      await held.remove();
      await (await this.#redis()).srem(cancelledKey, held.id);
      await this.#leave(held);
    } catch {
      // A worker has it: it lets go of the job when it hears of this.
      await (await this.#redis()).publish(channel, held.id);
    }
    return true;
  }

  async find(key: string): Promise<QueuedJob | undefined> {
    const held = await this.#jobOf(key);
    if (!held) return undefined;
    const { job } = held.data;
    const death = deathOf(held);
    if (death) return { state: "dead", ...death };
    const state = await held.getState();
    if (state === "completed" || state === "unknown") return undefined;
    return { state: state === "active" ? "running" : "waiting", job };
  }

  async stats(): Promise<QueueStats> {
    const tools = await Promise.all(
      [...(await this.#all())].map(async ([tool, queue]): Promise<ToolQueueStats> => {
        const counts = await queue.getJobCounts("wait", "prioritized", "delayed", "active", "failed");
        const queued = await queue.getJobs(["wait", "prioritized", "delayed"]);
        const { wait = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = counts;
        const oldestMs = Math.min(...queued.map(({ timestamp }) => timestamp));
        const oldest = queued.length > 0 && { oldestWaitingMs: Math.max(0, wallClock.now() - oldestMs) };
        return { tool, waiting: wait + prioritized + delayed, running: active, dead: failed, ...oldest };
      }),
    );
    return summedStats(tools);
  }

  async dead({ after = "", limit = 100 }: ListOptions = {}): Promise<readonly DeadJob[]> {
    const failed = await Promise.all([...(await this.#all()).values()].map((queue) => queue.getFailed()));
    return failed
      .flat()
      .flatMap((held) => deathOf(held) ?? [])
      .sort((a, b) => compareBytes(a.job.key, b.job.key))
      .filter(({ job }) => compareBytes(job.key, after) > 0)
      .slice(0, limit);
  }

  async redrive(keys: readonly string[]): Promise<number> {
    const dead = await this.#deadOf(keys);
    for (const held of dead) {
      await held.updateData({ job: held.data.job, attempts: 0 });
      await held.retry("failed");
    }
    return dead.length;
  }

  async discard(keys: readonly string[]): Promise<number> {
    const dead = await this.#deadOf(keys);
    for (const held of dead) await held.remove();
    return dead.length;
  }

  pacer(limits: RateLimits): Pacer {
    return new SharedPacer(new RedisPace(() => this.#redis()), limits);
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    this.#opening = undefined;
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.#queues.clear();
    opened?.redis.disconnect();
  }

  #open(): Promise<Opened> {
    this.#opening ??= openRedis(this.#connectionString).catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #redis(): Promise<Redis> {
    return (await this.#open()).redis;
  }

  async #run(held: Job<Kept>, token = "", given: AbortSignal | undefined, handle: JobHandler): Promise<void> {
    const { bullmq, redis } = await this.#open();
    const { signal } = followed(given);
    const { job, attempts } = held.data;
    const id = held.id as string;
    // A job whose worker died comes again, also one that was cancelled.
    if (await redis.srem(cancelledKey, id)) return this.#leave(held);
    const attempt = attempts + 1;
    const disposition = await handle(job, { signal, attempt }).catch(
      (error): Disposition => ({ retryInMs: thrownWaitMs, reason: messageOf(error) }),
    );
    if (await redis.srem(cancelledKey, id)) return this.#leave(held);
    if (!(await held.extendLock(token, lockMs))) throw new Error("The job was given to another worker.");
    if ("done" in disposition) return this.#leave(held);
    if ("dead" in disposition) {
      const error: OutputError = disposition.dead;
      await held.updateData({ job, attempts: attempt, death: { error, attempts: attempt, diedAtMs: wallClock.now() } });
      await this.#leave(held);
      throw new bullmq.UnrecoverableError(error.message);
    }
    await held.updateData({ job, attempts: disposition.isAttempt === false ? attempts : attempt });
    await held.moveToDelayed(wallClock.now() + disposition.retryInMs, token);
    throw new bullmq.DelayedError();
  }

  /** Takes a job out of its group. Jobs may be given out twice, so this may be done twice. */
  async #leave({ id, data }: Job<Kept>): Promise<void> {
    if (id !== undefined && data.job.group !== undefined)
      await (await this.#redis()).srem(groupKey(data.job.group), id);
  }

  async #queueOf(tool: QueuedTool): Promise<Queue<Kept>> {
    const name = `run-${jobIdOf(JSON.stringify([tool.name, tool.version]))}`;
    const known = this.#queues.get(name);
    if (known) return known;
    const { bullmq, redis } = await this.#open();
    const queue = this.#queues.get(name) ?? new bullmq.Queue<Kept>(name, { connection: redis });
    queue.on("error", () => {});
    this.#queues.set(name, queue);
    await redis.hset(toolsKey, name, JSON.stringify(tool));
    return queue;
  }

  async #all(): Promise<Map<QueuedTool, Queue<Kept>>> {
    const tools = Object.values(await (await this.#redis()).hgetall(toolsKey)).map(
      (text): QueuedTool => JSON.parse(text),
    );
    return new Map(await Promise.all(tools.map(async (tool) => [tool, await this.#queueOf(tool)] as const)));
  }

  async #jobOf(key: string): Promise<Job<Kept> | undefined> {
    const id = jobIdOf(key);
    if (await (await this.#redis()).sismember(cancelledKey, id)) return undefined;
    const found = await Promise.all([...(await this.#all()).values()].map((queue) => queue.getJob(id)));
    return found.find((held): held is Job<Kept> => held !== undefined);
  }

  async #deadOf(keys: readonly string[]): Promise<Job<Kept>[]> {
    const found = await Promise.all(keys.map((key) => this.#jobOf(key)));
    return found.filter((held): held is Job<Kept> => held !== undefined && deathOf(held) !== undefined);
  }
}

/** Returns the death of a job; `undefined` for one that lives. BullMQ gives up jobs of too many workers that died, in its own words. */
function deathOf({ data: { job, death, attempts }, failedReason, finishedOn }: Job<Kept>): DeadJob | undefined {
  if (death) return { job, ...death };
  if (finishedOn === undefined || !failedReason) return undefined;
  const error: OutputError = { type: "Error", message: failedReason, code: "WORKER_LOST", isRetryable: true, attempts };
  return { job, error, attempts, diedAtMs: finishedOn };
}

/** Follows BullMQ's signal, whose reason is a text. */
function followed(signal: AbortSignal | undefined): AbortController {
  const abort = new AbortController();
  const follow = () => {
    const { reason } = signal as AbortSignal;
    abort.abort(reason === cancelledReason ? new CancelledError(reason) : new Error(String(reason)));
  };
  if (signal?.aborted) follow();
  signal?.addEventListener("abort", follow, { once: true });
  return abort;
}

async function openRedis(connectionString: string): Promise<Opened> {
  const { bullmq, Redis } = await importPackages();
  const redis = new Redis(connectionString, { maxRetriesPerRequest: null });
  // A connection that breaks is opened again; commands wait for it.
  redis.on("error", () => {});
  return { bullmq, redis };
}

/** Both are optional peers. Bundlers let them be missing only inside `try`. */
async function importPackages() {
  try {
    const [bullmq, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq, Redis };
  } catch (cause) {
    throw new StoreError({
      store: "redis",
      operation: "open",
      reason: "missing_driver",
      what: 'the packages "bullmq" and "ioredis" are not both installed',
      advice: "Install them: npm install bullmq@6 ioredis@6",
      cause,
    });
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

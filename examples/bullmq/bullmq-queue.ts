/**
 * A queue of whole runs on BullMQ, for teams that run it already. It passes queueConformance. BullMQ without its paid part has no
 * groups: here the jobs of a group get a lower priority the more of them wait already. A worker has its slots for each tool. Give
 * the orchestrator of a worker `reliabilityConfig: { leaseMs: 4_000 }`: a dead worker then holds up its keys no longer than its jobs.
 */
import { DelayedError, type Job, Queue, UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { OutputError } from "steer-llm-sdk";
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
  type WorkOptions,
} from "steer-llm-sdk/queue";

/** A job as BullMQ keeps it. */
interface Kept {
  readonly job: RunJob;
  /** Deliveries so far that counted as attempts. */
  readonly attempts: number;
  readonly death?: Omit<DeadJob, "job">;
}

/** Address of a Redis: a socket, or a host. */
export type RedisAddress = { readonly path: string } | { readonly host: string; readonly port: number };

const toolsKey = "steer:tools";
const cancelledKey = "steer:cancelled";
const groupKey = (group: string) => `steer:group:${group}`;
const channel = "steer:cancel";
const middlePriority = 1_000_000;
const groupSteps = 9_999;
/** Time without a sign of life after which a job is given to another worker, at the next look for such jobs. */
const lockMs = 4_000;
const searchMs = 1_000;
/** Wait after a handler that threw. */
const thrownWaitMs = 5_000;

export class BullMqQueue implements RunQueue {
  readonly #options: RedisAddress & { readonly maxRetriesPerRequest: null };
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue<Kept>>();

  constructor(address: RedisAddress) {
    this.#options = { ...address, maxRetriesPerRequest: null };
    this.#redis = new Redis(this.#options);
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
    for (const job of fresh.values()) {
      const queue = await this.#queueOf({ name: job.toolName, version: job.toolVersion });
      const jobId = jobIdOf(job.key);
      const before = job.group === undefined ? 0 : await this.#redis.scard(groupKey(job.group));
      if (job.group !== undefined) await this.#redis.sadd(groupKey(job.group), jobId);
      const priority = middlePriority - (job.priority ?? 0) * (groupSteps + 1) + Math.min(before, groupSteps);
      await queue.add("run", { job, attempts: 0 }, { jobId, priority, removeOnComplete: true, attempts: 1_000_000 });
    }
  }

  async work(handle: JobHandler, { concurrency, tools }: WorkOptions): Promise<QueueWorker> {
    const workers = await Promise.all(
      tools.map(async (tool) => {
        const { name } = await this.#queueOf(tool);
        const run = (job: Job<Kept>, token?: string, signal?: AbortSignal) => this.#run(job, token, signal, handle);
        const timing = { lockDuration: lockMs, stalledInterval: searchMs, maxStalledCount: 20 };
        const worker = new Worker<Kept>(name, run, { connection: this.#options, concurrency, ...timing });
        worker.on("error", () => {});
        // A worker that slept past its locks: others have its jobs.
        worker.on("lockRenewalFailed", (ids) => {
          for (const id of ids) worker.cancelJob(id, "the job was given to another worker");
        });
        await worker.waitUntilReady();
        return worker;
      }),
    );
    const listener = new Redis(this.#options);
    await listener.subscribe(channel);
    listener.on("message", (_channel, id) => {
      for (const worker of workers) worker.cancelJob(id, "the job was cancelled");
    });
    return {
      async drain(ms) {
        const ended = Promise.all(workers.map((worker) => worker.close()));
        const timer = setTimeout(() => {
          for (const worker of workers) worker.cancelAllJobs("the worker is drained");
        }, ms);
        await ended;
        clearTimeout(timer);
        listener.disconnect();
      },
    };
  }

  async cancel(key: string): Promise<boolean> {
    const held = await this.#jobOf(key);
    if (!held?.id) return false;
    await this.#redis.sadd(cancelledKey, held.id);
    try {
      await held.remove();
      await this.#redis.srem(cancelledKey, held.id);
      await this.#leave(held);
    } catch {
      // A worker has it: it lets go of the job when it hears of this.
      await this.#redis.publish(channel, held.id);
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
      [...(await this.#all())].map(async ([tool, queue]) => {
        const counts = await queue.getJobCounts("wait", "prioritized", "delayed", "active", "failed");
        const queued = await queue.getJobs(["wait", "prioritized", "delayed"]);
        const { wait = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = counts;
        const oldestMs = Math.min(...queued.map(({ timestamp }) => timestamp));
        return {
          tool,
          waiting: wait + prioritized + delayed,
          running: active,
          dead: failed,
          ...(queued.length > 0 && { oldestWaitingMs: Math.max(0, Date.now() - oldestMs) }),
        };
      }),
    );
    const sum = (name: "waiting" | "running" | "dead") => tools.reduce((total, { [name]: count }) => total + count, 0);
    const ages = tools.flatMap(({ oldestWaitingMs = [] }) => oldestWaitingMs);
    const oldest = ages.length > 0 ? { oldestWaitingMs: Math.max(...ages) } : {};
    return { waiting: sum("waiting"), running: sum("running"), dead: sum("dead"), ...oldest, tools };
  }

  async dead({ after = "", limit = 100 }: { after?: string | undefined; limit?: number | undefined } = {}) {
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

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.#redis.disconnect();
  }

  async #run(held: Job<Kept>, token = "", signal = new AbortController().signal, handle: JobHandler): Promise<void> {
    const { job, attempts } = held.data;
    const id = held.id as string;
    // A job whose worker died comes again, also one that was cancelled.
    if (await this.#redis.srem(cancelledKey, id)) return this.#leave(held);
    const attempt = attempts + 1;
    const disposition = await handle(job, { signal, attempt }).catch(
      (error): Disposition => ({ retryInMs: thrownWaitMs, reason: String(error) }),
    );
    if (await this.#redis.srem(cancelledKey, id)) return this.#leave(held);
    if (!(await held.extendLock(token, lockMs))) throw new Error("The job was given to another worker.");
    if ("done" in disposition) return this.#leave(held);
    if ("dead" in disposition) {
      const error: OutputError = disposition.dead;
      await held.updateData({ job, attempts: attempt, death: { error, attempts: attempt, diedAtMs: Date.now() } });
      await this.#leave(held);
      throw new UnrecoverableError(error.message);
    }
    await held.updateData({ job, attempts: disposition.isAttempt === false ? attempts : attempt });
    await held.moveToDelayed(Date.now() + disposition.retryInMs, token);
    throw new DelayedError();
  }

  /** Takes a job out of its group. Jobs may be given out twice, so this may be done twice. */
  async #leave({ id, data }: Job<Kept>): Promise<void> {
    if (id !== undefined && data.job.group !== undefined) await this.#redis.srem(groupKey(data.job.group), id);
  }

  async #queueOf(tool: QueuedTool): Promise<Queue<Kept>> {
    const name = `run-${jobIdOf(JSON.stringify([tool.name, tool.version]))}`;
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = new Queue<Kept>(name, { connection: this.#options });
    this.#queues.set(name, queue);
    await this.#redis.hset(toolsKey, name, JSON.stringify(tool));
    return queue;
  }

  async #all(): Promise<Map<QueuedTool, Queue<Kept>>> {
    const tools = Object.values(await this.#redis.hgetall(toolsKey)).map((text): QueuedTool => JSON.parse(text));
    return new Map(await Promise.all(tools.map(async (tool) => [tool, await this.#queueOf(tool)] as const)));
  }

  async #jobOf(key: string): Promise<Job<Kept> | undefined> {
    const id = jobIdOf(key);
    if (await this.#redis.sismember(cancelledKey, id)) return undefined;
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

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

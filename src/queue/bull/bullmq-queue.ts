import type { Job } from "bullmq";
import * as v from "valibot";
import { wallClock } from "../../core/clock.ts";
import { hideSecrets } from "../../core/errors.ts";
import { declareOptions, type OptionsInput, resolveOptions, text } from "../../core/options.ts";
import type { RateLimits } from "../../guard/limits.ts";
import type { Pacer } from "../../guard/pacer.ts";
import { passwordsIn } from "../../store/postgres-connection.ts";
import type { ListOptions } from "../../store/store.ts";
import { assertSameJob, jobIdOf, pageOfDead, summedStats, workerLost } from "../engine-rules.ts";
import type {
  DeadJob,
  JobHandler,
  QueuedJob,
  QueueStats,
  QueueWorker,
  RunJob,
  RunQueue,
  ToolQueueStats,
  WorkOptions,
} from "../run-queue.ts";
import { SharedPacer } from "../shared-pacer.ts";
import { BullDatabase, cancelChannel, type KeptJob } from "./bull-database.ts";
import { BullWorker } from "./bull-worker.ts";
import { RedisPace } from "./redis-pace.ts";

export const bullMqQueueOptions = declareOptions("BullMqQueueOptions", "bullMqQueue(…)", {
  /** Address of the Redis, or the path of its socket. Default: the environment variable `REDIS_URL`, else this machine's. */
  connectionString: v.optional(text("an address, such as redis://redis.internal:6379, or the path of a socket")),
});

/** Redis of a queue on BullMQ. */
export interface BullMqQueueOptions extends OptionsInput<typeof bullMqQueueOptions> {}

/**
 * Returns a queue on Redis, through BullMQ 6, for teams that run it already. Outputs and journals stay in the store, so workers
 * still need a Postgres. Needs the packages `bullmq` and `ioredis`, which are loaded on first use.
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

/** Priority of a job with priority 0 and an empty group: BullMQ takes lower ones first. */
const middlePriority = 1_000_000;
/** Jobs of a group that lower the priority of the next one. */
const groupSteps = 9_999;

class BullMqQueue implements RunQueue {
  readonly #database: BullDatabase;

  constructor(connectionString: string) {
    this.#database = new BullDatabase(connectionString);
  }

  async enqueue(jobs: readonly RunJob[]): Promise<void> {
    const fresh = new Map<string, RunJob>();
    for (const job of jobs) {
      const held = await this.#livingJob(job);
      if (held) assertSameJob(held.data.job, job);
      const same = fresh.get(job.key);
      if (same) assertSameJob(same, job);
      if (!held) fresh.set(job.key, job);
    }
    for (const job of fresh.values()) await this.#put(job);
  }

  async work(handle: JobHandler, options: WorkOptions): Promise<QueueWorker> {
    const worker = new BullWorker(this.#database, handle);
    await worker.start(options);
    return worker;
  }

  async cancel(key: string): Promise<boolean> {
    const held = await this.#database.jobOf(key);
    if (!held?.id) return false;
    await this.#database.markCancelled(held.id);
    try {
      await held.remove();
      await this.#database.takeCancelled(held.id);
      await this.#database.leaveGroup(held);
    } catch {
      // A worker has it: it lets go of the job when it hears of this.
      await (await this.#database.redis()).publish(cancelChannel, held.id);
    }
    return true;
  }

  async find(key: string): Promise<QueuedJob | undefined> {
    const held = await this.#database.jobOf(key);
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
      [...(await this.#database.queues())].map(async ([tool, queue]): Promise<ToolQueueStats> => {
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

  async dead(options: ListOptions = {}): Promise<readonly DeadJob[]> {
    const queues = [...(await this.#database.queues()).values()];
    const failed = await Promise.all(queues.map((queue) => queue.getFailed()));
    return pageOfDead(
      failed.flat().flatMap((held) => deathOf(held) ?? []),
      options,
    );
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
    return new SharedPacer(new RedisPace(() => this.#database.redis()), limits);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** Finds the job of a key that is not dead. A dead one is removed: it makes room for the new one. */
  async #livingJob({ key, toolName, toolVersion }: RunJob): Promise<Job<KeptJob> | undefined> {
    const queue = await this.#database.queueOf({ name: toolName, version: toolVersion });
    const held = await queue.getJob(jobIdOf(key));
    if (!held || deathOf(held) === undefined) return held;
    await held.remove();
    return undefined;
  }

  /** Puts a job in: behind those of a higher priority, and the later the more jobs of its group wait already. */
  async #put(job: RunJob): Promise<void> {
    const queue = await this.#database.queueOf({ name: job.toolName, version: job.toolVersion });
    const jobId = jobIdOf(job.key);
    const before = job.group === undefined ? 0 : await this.#database.joinGroup(job.group, jobId);
    const priority = middlePriority - (job.priority ?? 0) * (groupSteps + 1) + Math.min(before, groupSteps);
    await queue.add("run", { job, attempts: 0 }, { jobId, priority, removeOnComplete: true, attempts: 1_000_000 });
  }

  async #deadOf(keys: readonly string[]): Promise<Job<KeptJob>[]> {
    const found = await Promise.all(keys.map((key) => this.#database.jobOf(key)));
    return found.filter((held): held is Job<KeptJob> => held !== undefined && deathOf(held) !== undefined);
  }
}

/** Returns the death of a job; `undefined` for one that lives. BullMQ gives up jobs of too many workers that died, in its own words. */
function deathOf({ data: { job, death, attempts }, failedReason, finishedOn }: Job<KeptJob>): DeadJob | undefined {
  if (death) return { job, ...death };
  if (finishedOn === undefined || !failedReason) return undefined;
  return { job, error: workerLost(failedReason, attempts), attempts, diedAtMs: finishedOn };
}

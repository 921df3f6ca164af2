import type { Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { CancelledError } from "../../contract/errors.ts";
import type { OutputError } from "../../contract/output.ts";
import { schedule, systemClock, wallClock } from "../../core/clock.ts";
import { cancelledReason, handleJob } from "../engine-rules.ts";
import type { JobHandler, QueueWorker, WorkOptions } from "../run-queue.ts";
import { type BullDatabase, cancelChannel, type KeptJob } from "./bull-database.ts";

/** Time without a sign of life after which a job is given to another worker, at the next look for such jobs. */
const lockMs = 4_000;
const searchMs = 1_000;
/** Deliveries to workers that died of the job, after which it is dead. */
const mostLosses = 20;

/**
 * Job: take the jobs of some tools from BullMQ, and tell it how they ended.
 * Boundary: BullMQ delivers, and gives the jobs of dead workers to others; the handler decides what a run means for its job.
 * Invariants:
 * 1. A worker that has lost the lock of its job changes nothing of it.
 * 2. A job that was cancelled meanwhile leaves without a trace.
 */
export class BullWorker implements QueueWorker {
  readonly #database: BullDatabase;
  readonly #handle: JobHandler;
  #workers: readonly Worker<KeptJob>[] = [];
  #listener: Redis | undefined;

  constructor(database: BullDatabase, handle: JobHandler) {
    this.#database = database;
    this.#handle = handle;
  }

  /** Takes jobs until the worker is drained. */
  async start({ concurrency, tools }: WorkOptions): Promise<void> {
    const { bullmq, redis } = await this.#database.open();
    const timing = { lockDuration: lockMs, stalledInterval: searchMs, maxStalledCount: mostLosses };
    this.#workers = await Promise.all(
      tools.map(async (tool) => {
        const { name } = await this.#database.queueOf(tool);
        const run = (held: Job<KeptJob>, token?: string, signal?: AbortSignal) => this.#run(held, token, signal);
        const worker = new bullmq.Worker<KeptJob>(name, run, { connection: redis, concurrency, ...timing });
        worker.on("error", () => {});
        // A worker that slept past its locks: others have its jobs.
        worker.on("lockRenewalFailed", (ids) => {
          for (const id of ids) worker.cancelJob(id, "the job was given to another worker");
        });
        await worker.waitUntilReady();
        return worker;
      }),
    );
    await this.#listen(redis.duplicate());
  }

  async #listen(listener: Redis): Promise<void> {
    this.#listener = listener;
    listener.on("error", () => {});
    await listener.subscribe(cancelChannel);
    listener.on("message", (_channel, id) => {
      for (const worker of this.#workers) worker.cancelJob(id, cancelledReason);
    });
  }

  async drain(ms: number): Promise<void> {
    const ended = Promise.all(this.#workers.map((worker) => worker.close()));
    const cutOff = () => {
      for (const worker of this.#workers) worker.cancelAllJobs("the worker is drained");
    };
    await ended.finally(schedule(systemClock, cutOff, ms));
    this.#listener?.disconnect();
  }

  async #run(held: Job<KeptJob>, token = "", signal: AbortSignal | undefined): Promise<void> {
    const database = this.#database;
    const { job, attempts } = held.data;
    const id = held.id as string;
    // A job whose worker died comes again, also one that was cancelled.
    if (await database.takeCancelled(id)) return database.leaveGroup(held);
    const attempt = attempts + 1;
    const disposition = await handleJob(this.#handle, job, { signal: withErrorReasons(signal), attempt });
    if (await database.takeCancelled(id)) return database.leaveGroup(held);
    if (!(await held.extendLock(token, lockMs))) throw new Error("The job was given to another worker.");
    if ("done" in disposition) return database.leaveGroup(held);
    const { bullmq } = await database.open();
    if ("dead" in disposition) {
      const error: OutputError = disposition.dead;
      await held.updateData({ job, attempts: attempt, death: { error, attempts: attempt, diedAtMs: wallClock.now() } });
      await database.leaveGroup(held);
      throw new bullmq.UnrecoverableError(error.message);
    }
    await held.updateData({ job, attempts: disposition.isAttempt === false ? attempts : attempt });
    await held.moveToDelayed(wallClock.now() + disposition.retryInMs, token);
    throw new bullmq.DelayedError();
  }
}

/** Follows BullMQ's signal, whose reason is a text. */
function withErrorReasons(signal: AbortSignal | undefined): AbortSignal {
  const abort = new AbortController();
  const follow = () => {
    const { reason } = signal as AbortSignal;
    abort.abort(reason === cancelledReason ? new CancelledError(reason) : new Error(String(reason)));
  };
  if (signal?.aborted) follow();
  signal?.addEventListener("abort", follow, { once: true });
  return abort.signal;
}

import type { BundleToolOptions } from "../contract/bundle-options.ts";
import type { OrchestrationConfig } from "../contract/config.ts";
import type { OrchestrationOutput, OutputError } from "../contract/output.ts";
import type { JSONValue } from "../core/json.ts";
import type { RateLimits } from "../guard/limits.ts";
import type { Pacer } from "../guard/pacer.ts";
import type { PostgresClient } from "../store/postgres-connection.ts";
import type { ListOptions } from "../store/store.ts";

/** A whole run, as JSON data. */
export interface RunJob {
  /** Idempotency key of the run. A queue holds one job of a key. */
  readonly key: string;
  readonly toolName: string;
  /** Only a worker that has this version of the tool takes the job. */
  readonly toolVersion: string;
  readonly request: JSONValue;
  readonly toolOptions?: BundleToolOptions | undefined;
  readonly options?: OrchestrationConfig | undefined;
  /** Jobs of one group share the slots fairly with those of other groups. */
  readonly group?: string | undefined;
  /** Higher ones go first. A whole number. Default: 0. */
  readonly priority?: number | undefined;
  /** W3C trace context of the caller. */
  readonly traceparent?: string | undefined;
}

/** Consequence of a run for its job. */
export type Disposition =
  /** The job leaves the queue. The store keeps the output. */
  | { readonly done: OrchestrationOutput }
  /** The job waits, and is given to a worker again. `isAttempt: false` where the wait is not the job's own fault. */
  | { readonly retryInMs: number; readonly reason: string; readonly isAttempt?: boolean | undefined }
  /** The job stays, and is given to no worker until it is redriven. */
  | { readonly dead: OutputError };

/** A tool and the version of it that a worker has. */
export interface QueuedTool {
  readonly name: string;
  readonly version: string;
}

/**
 * Runs a job. `signal` aborts when the job is cancelled, then with a `CancelledError`, when its worker is drained, or when
 * another worker has taken it over.
 */
export type JobHandler = (
  job: RunJob,
  control: { readonly signal: AbortSignal; readonly attempt: number },
) => Promise<Disposition>;

/** Share of a queue that a worker takes. */
export interface WorkOptions {
  /** Most jobs at once. */
  readonly concurrency: number;
  readonly tools: readonly QueuedTool[];
}

/** A worker that takes jobs. */
export interface QueueWorker {
  /**
   * Takes no more jobs, and waits so long for those under way. What has not ended by then is aborted and goes back into the
   * queue, where it counts no attempt.
   */
  drain(ms: number): Promise<void>;
}

/** Jobs of one version of a tool. */
export interface ToolQueueStats {
  readonly tool: QueuedTool;
  /** Jobs that no worker has. */
  readonly waiting: number;
  readonly running: number;
  readonly dead: number;
  /** Milliseconds since the job was put in that has waited longest; absent where none waits. */
  readonly oldestWaitingMs?: number | undefined;
}

/** Jobs of a queue. */
export interface QueueStats extends Omit<ToolQueueStats, "tool"> {
  readonly tools: readonly ToolQueueStats[];
}

/** A job that no worker is given any more. */
export interface DeadJob {
  readonly job: RunJob;
  readonly error: OutputError;
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly diedAtMs: number;
}

/** State of a job that has not left the queue. */
export type QueuedJob =
  | { readonly state: "waiting" | "running"; readonly job: RunJob }
  | ({ readonly state: "dead" } & DeadJob);

/** Options of `enqueue`. */
export interface EnqueueOptions {
  /** Database in whose open transaction the jobs are put in. Only for a queue on that database. */
  readonly client?: PostgresClient | undefined;
}

/**
 * Queue of whole runs. A job is given to one worker at a time, and again when that worker has died. Test a queue of your own
 * with `queueConformance` of `steer-llm-sdk/testing`.
 *
 * | a job | becomes | through |
 * | --- | --- | --- |
 * | absent | waiting | `enqueue` |
 * | waiting, its time has come | running | `work` |
 * | running | absent | `done` |
 * | running | waiting | `retryInMs`, a worker that drains or dies |
 * | running | dead | `dead`, too many workers that died of it |
 * | dead | waiting | `redrive`, and `enqueue` |
 * | any | absent | `cancel`, `discard` |
 *
 * @example
 * ```ts
 * const queue: RunQueue = pgBossQueue();
 * const worker = await queue.work((job, control) => runJob(orchestrator, job, control), {
 *   concurrency: 50,
 *   tools: [{ name: "triage", version: "1.0.0" }],
 * });
 * ```
 */
export interface RunQueue {
  /**
   * Puts jobs in, all or none. A key that waits or runs with the same request is left alone.
   *
   * @throws ConflictError for a key that the queue holds with another request
   */
  enqueue(jobs: readonly RunJob[], options?: EnqueueOptions): Promise<void>;
  /** Takes jobs of the tools, as many at once as `concurrency` says, until it is drained. */
  work(handle: JobHandler, options: WorkOptions): Promise<QueueWorker>;
  /** Takes a job out, and aborts its run. Resolves with false where the queue has no job of the key. */
  cancel(key: string): Promise<boolean>;
  /** Job of a key; `undefined` where it has left the queue, or never was in it. */
  find(key: string): Promise<QueuedJob | undefined>;
  /** Counts the jobs, in all and by tool. */
  stats(): Promise<QueueStats>;
  /** Dead jobs in the order of their keys' UTF-8 bytes. */
  dead(options?: ListOptions): Promise<readonly DeadJob[]>;
  /** Lets dead jobs wait again, with all their attempts. Resolves with how many there were. */
  redrive(keys: readonly string[]): Promise<number>;
  /** Removes dead jobs. Resolves with how many there were. */
  discard(keys: readonly string[]): Promise<number>;
  /** Returns a pacer whose limits all workers of the queue share. Left out where the queue has none. */
  pacer?(limits: RateLimits): Pacer;
  /** Ends the queue's own work and connections. Drain its workers first. A second call does nothing. */
  close(): Promise<void>;
}

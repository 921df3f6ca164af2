import { createHash } from "node:crypto";
import { ConflictError } from "../contract/errors.ts";
import type { OutputError } from "../contract/output.ts";
import { canonicalJson } from "../core/canonical.ts";
import { compareBytes } from "../core/compare-bytes.ts";
import { messageOf } from "../core/errors.ts";
import type { ListOptions } from "../store/store.ts";
import type { DeadJob, Disposition, JobHandler, QueueStats, RunJob, ToolQueueStats } from "./run-queue.ts";

// Rules that the engines of a queue share.

/** Reason of the abort of a job that was cancelled. */
export const cancelledReason = "its job left the queue";

/** Wait after a handler that threw. */
const thrownWaitMs = 5_000;

/** Lets a handler run a job. One that throws is a fault of the worker: the job is given to a worker again. */
export function handleJob(handle: JobHandler, job: RunJob, control: Parameters<JobHandler>[1]): Promise<Disposition> {
  return handle(job, control).catch((error) => ({ retryInMs: thrownWaitMs, reason: messageOf(error) }));
}

/** Identity of a job's key: a UUID, as engines want one. */
export function jobIdOf(key: string): string {
  const hex = createHash("sha256").update(key).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}

/**
 * Refuses a second job of a key that asks for something else.
 *
 * @throws ConflictError
 */
export function assertSameJob(held: RunJob, given: RunJob): void {
  if (askedBy(held) === askedBy(given)) return;
  const message = "the queue holds it with a different request, tool or options. Use a new key for a new request.";
  throw new ConflictError(given.key, message);
}

function askedBy({ toolName, request, toolOptions }: RunJob): string {
  return canonicalJson(JSON.parse(JSON.stringify({ toolName, request, toolOptions })));
}

/** Adds up the tools of a queue. */
export function summedStats(tools: readonly ToolQueueStats[]): QueueStats {
  const sum = (name: "waiting" | "running" | "dead") => tools.reduce((total, { [name]: count }) => total + count, 0);
  const ages = tools.flatMap(({ oldestWaitingMs = [] }) => oldestWaitingMs);
  const counts = { waiting: sum("waiting"), running: sum("running"), dead: sum("dead") };
  return { ...counts, ...(ages.length > 0 && { oldestWaitingMs: Math.max(...ages) }), tools };
}

/** Returns a page of dead jobs, in the order of their keys. */
export function pageOfDead(dead: readonly DeadJob[], { after = "", limit = 100 }: ListOptions): readonly DeadJob[] {
  return dead
    .filter(({ job }) => compareBytes(job.key, after) > 0)
    .sort((a, b) => compareBytes(a.job.key, b.job.key))
    .slice(0, limit);
}

/** Error of a job whose workers died before they could tell its end. */
export function workerLost(message: string, attempts: number): OutputError {
  return { type: "Error", message, code: "WORKER_LOST", isRetryable: true, attempts };
}

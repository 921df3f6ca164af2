import assert from "node:assert/strict";
import type { OutputError } from "../../contract/output.ts";
import { systemClock } from "../../core/clock.ts";
import type { Disposition, JobHandler, QueueWorker, RunJob, RunQueue } from "../../queue/run-queue.ts";
import { sampleOutput } from "../store-conformance/law.ts";

/** A queue on trial, and the workers that the trial starts. */
export interface Trial {
  readonly queue: RunQueue;
  /** The queue as another process sees it. */
  other(): Promise<RunQueue>;
  work(
    handle: JobHandler,
    options?: { concurrency?: number; tools?: readonly { name: string; version: string }[]; queue?: RunQueue },
  ): Promise<QueueWorker>;
}
export type Law = (trial: Trial) => Promise<void>;
/** Promises of a queue, and what holds each of them. */
export type QueueLaws = Readonly<Record<string, Law>>;

export const triage = { name: "triage", version: "1.0.0" };
export const done: Disposition = { done: sampleOutput() };
export const failure: OutputError = {
  type: "Error",
  message: "The key is wrong",
  code: "AUTHENTICATION",
  isRetryable: false,
  attempts: 1,
  category: "authentication",
};

export function jobOf(key: string): RunJob {
  return { key, toolName: triage.name, toolVersion: triage.version, request: { report: "It crashes" } };
}

/** Ends each job at once. @returns the keys as they come */
export async function recording(work: Trial["work"], options?: Parameters<Trial["work"]>[1]): Promise<string[]> {
  const seen: string[] = [];
  const handle: JobHandler = async ({ key }) => {
    seen.push(key);
    return done;
  };
  await work(handle, options);
  return seen;
}

/** Holds each job until it is released. */
export async function holding(work: Trial["work"], options?: Parameters<Trial["work"]>[1]) {
  const seen: string[] = [];
  const held = new Map<string, () => void>();
  let isOpen = false;
  const handle: JobHandler = ({ key }, { signal }) =>
    new Promise((resolve) => {
      seen.push(key);
      signal.addEventListener("abort", () =>
        resolve({ retryInMs: 0, reason: "The worker was drained", isAttempt: false }),
      );
      if (isOpen) resolve(done);
      else held.set(key, () => resolve(done));
    });
  const worker = await work(handle, options);
  /** Lets these jobs end; without a key, all jobs from now on. */
  const release = (...keys: string[]) => {
    if (keys.length === 0) isOpen = true;
    for (const key of keys.length === 0 ? held.keys() : keys) held.get(key)?.();
  };
  return { seen, release, worker };
}

const longestWaitMs = 10_000;

/** Waits for a state that the queue is to reach by itself. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAtMs = systemClock.now() + longestWaitMs;
  while (!(await holds())) {
    assert.ok(systemClock.now() < giveUpAtMs, `It did not happen within ${longestWaitMs} ms: ${holds}`);
    await systemClock.sleep(5);
  }
}

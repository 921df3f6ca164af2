import assert from "node:assert/strict";
import { ConflictError } from "../contract/errors.ts";
import type { OutputError } from "../contract/output.ts";
import { systemClock } from "../core/clock.ts";
import type { Disposition, JobHandler, QueueWorker, RunJob, RunQueue } from "../queue/run-queue.ts";
import { sampleOutput } from "./store-conformance/law.ts";

/** One queue to try, on data that nothing else uses. */
export interface QueueUnderTest {
  readonly queue: RunQueue;
  /** Another queue on the same data, as another process would open it. Left out where a queue's data ends with it. */
  readonly reopen?: (() => Promise<RunQueue>) | undefined;
  /** Called after the test, which has closed its queues by then. */
  dispose?(): Promise<void>;
}

/** Test runner and queue for the suite. */
export interface QueueConformanceOptions {
  /** The runner's own function for a test. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Gives each test an empty queue. */
  readonly open: () => Promise<QueueUnderTest>;
}

/**
 * Defines the tests that every queue of runs has to pass, with whatever test runner there is.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { MemoryQueue } from "steer-llm-sdk/queue";
 * import { queueConformance } from "steer-llm-sdk/testing";
 *
 * queueConformance({ test, open: async () => ({ queue: new MemoryQueue() }) });
 * ```
 */
export function queueConformance({ test, open }: QueueConformanceOptions): void {
  for (const [promise, hold] of Object.entries(laws)) test(promise, () => check(hold, open));
}

async function check(hold: Law, open: QueueConformanceOptions["open"]): Promise<void> {
  const subject = await open();
  const queues = [subject.queue];
  const workers: QueueWorker[] = [];
  try {
    await hold({
      queue: subject.queue,
      async other() {
        const other = (await subject.reopen?.()) ?? subject.queue;
        if (other !== subject.queue) queues.push(other);
        return other;
      },
      async work(handle, { concurrency = 1, tools = [triage], queue = subject.queue } = {}) {
        const worker = await queue.work(handle, { concurrency, tools });
        workers.push(worker);
        return worker;
      },
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.drain(0)));
    await Promise.all(queues.map((queue) => queue.close()));
    await subject.dispose?.();
  }
}

interface Trial {
  readonly queue: RunQueue;
  /** The queue as another process sees it. */
  other(): Promise<RunQueue>;
  work(
    handle: JobHandler,
    options?: { concurrency?: number; tools?: readonly { name: string; version: string }[]; queue?: RunQueue },
  ): Promise<QueueWorker>;
}
type Law = (trial: Trial) => Promise<void>;

const triage = { name: "triage", version: "1.0.0" };
const done: Disposition = { done: sampleOutput() };
const failure: OutputError = {
  type: "Error",
  message: "The key is wrong",
  code: "AUTHENTICATION",
  isRetryable: false,
  attempts: 1,
  category: "authentication",
};

const laws: Record<string, Law> = {
  "gives a job to a worker as it was put in": async ({ queue, work }) => {
    const job: RunJob = {
      ...jobOf("a/ü 😀"),
      toolOptions: { k: 3 },
      options: { maxParallel: 2, metadata: { team: "x" } },
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    const seen: { job: RunJob; attempt: number }[] = [];
    await queue.enqueue([job]);
    await work(async (given, { attempt }) => {
      seen.push({ job: given, attempt });
      return done;
    });
    await until(async () => (await queue.find(job.key)) === undefined);
    assert.deepEqual(seen, [{ job, attempt: 1 }]);
  },

  "gives a job that another process puts in to a worker that waits": async ({ queue, other, work }) => {
    const seen = await recording(work);
    await (await other()).enqueue([jobOf("a")]);
    await until(() => seen.length === 1);
    await until(async () => (await queue.find("a")) === undefined);
  },

  "gives each job to one of several workers": async ({ queue, other, work }) => {
    const keys = Array.from({ length: 40 }, (_, at) => `job-${at}`);
    const seen = await recording(work, { concurrency: 4 });
    const elsewhere = await recording(work, { concurrency: 4, queue: await other() });
    await queue.enqueue(keys.map(jobOf));
    await until(async () => (await queue.stats()).waiting === 0 && (await queue.stats()).running === 0);
    assert.deepEqual([...seen, ...elsewhere].sort(), keys.sort());
  },

  "holds one job of a key": async ({ queue, work }) => {
    await queue.enqueue([jobOf("a"), jobOf("a")]);
    await queue.enqueue([jobOf("a")]);
    assert.equal((await queue.stats()).waiting, 1);
    const seen = await recording(work);
    await until(async () => (await queue.find("a")) === undefined);
    assert.deepEqual(seen, ["a"]);
  },

  "refuses a key that it holds with another request, and all that came with it": async ({ queue }) => {
    await queue.enqueue([jobOf("a")]);
    const other = { ...jobOf("a"), request: { report: "another" } };
    await assert.rejects(queue.enqueue([jobOf("b"), other]), (error) => ConflictError.isInstance(error));
    assert.equal(await queue.find("b"), undefined);
  },

  "takes a key in again that has left it": async ({ queue, work }) => {
    const seen = await recording(work);
    for (const times of [1, 2]) {
      await queue.enqueue([jobOf("a")]);
      await until(async () => seen.length === times && (await queue.find("a")) === undefined);
    }
  },

  "gives jobs of a higher priority first, and of one priority the older": async ({ queue, work }) => {
    await queue.enqueue([jobOf("low")]);
    await queue.enqueue([jobOf("old")]);
    await queue.enqueue([{ ...jobOf("high"), priority: 5 }]);
    const seen = await recording(work);
    await until(() => seen.length === 3);
    assert.deepEqual(seen, ["high", "low", "old"]);
  },

  "starts a late small group before the rest of a large one": async ({ queue, work }) => {
    const large = Array.from({ length: 30 }, (_, at) => ({ ...jobOf(`large-${at}`), group: "large" }));
    await queue.enqueue(large);
    const { seen, release } = await holding(work, { concurrency: 2 });
    await until(() => seen.length === 2);
    await queue.enqueue([{ ...jobOf("small"), group: "small" }]);
    release("large-0", "large-1", ...seen);
    await until(() => seen.length >= 4);
    assert.ok(seen.slice(0, 4).includes("small"), `It started ${seen.slice(0, 4).join(", ")}.`);
    release();
  },

  "gives jobs only to workers that have their version of the tool": async ({ queue, work }) => {
    const versioned = (key: string, toolVersion: string) => ({ ...jobOf(key), toolVersion });
    await queue.enqueue([versioned("old", "1.0.0"), versioned("new", "2.0.0-beta_1")]);
    const seen = await recording(work, { tools: [{ name: "triage", version: "2.0.0-beta_1" }] });
    await until(async () => (await queue.find("new")) === undefined);
    assert.deepEqual(seen, ["new"]);
    assert.equal((await queue.find("old"))?.state, "waiting");
  },

  "runs as many jobs at once as a worker has slots": async ({ queue, work }) => {
    await queue.enqueue(["a", "b", "c", "d"].map(jobOf));
    const { seen, release } = await holding(work, { concurrency: 3 });
    await until(() => seen.length === 3);
    const { waiting, running } = await queue.stats();
    assert.deepEqual([waiting, running], [1, 3]);
    release();
    await until(() => seen.length === 4);
    await until(async () => (await queue.stats()).running === 0);
  },

  "gives a job again after its wait, and counts the attempt": async ({ queue, work }) => {
    const startedMs = systemClock.now();
    const attempts: number[] = [];
    await work(async (_job, { attempt }) => {
      attempts.push(attempt);
      return attempts.length < 3 ? { retryInMs: 60, reason: "The provider was away" } : done;
    });
    await queue.enqueue([jobOf("a")]);
    await until(async () => (await queue.find("a")) === undefined);
    assert.deepEqual(attempts, [1, 2, 3]);
    assert.ok(systemClock.now() - startedMs >= 120, "It was given again before its time.");
  },

  "counts no attempt where the wait is not the job's fault": async ({ queue, work }) => {
    const attempts: number[] = [];
    await work(async (_job, { attempt }) => {
      attempts.push(attempt);
      return attempts.length < 4
        ? { retryInMs: 0, reason: "The circuit is open", isAttempt: attempts.length === 2 }
        : done;
    });
    await queue.enqueue([jobOf("a")]);
    await until(async () => (await queue.find("a")) === undefined);
    assert.deepEqual(attempts, [1, 1, 2, 2]);
  },

  "gives a job again whose handler throws": async ({ queue, work }) => {
    let calls = 0;
    await work(async () => {
      calls++;
      throw new Error("a bug");
    });
    await queue.enqueue([jobOf("a")]);
    await until(async () => calls === 1 && (await queue.find("a"))?.state === "waiting");
  },

  "keeps dead jobs with their error until they are redriven or discarded": async ({ queue, work }) => {
    const dying = new Set(["b", "a", "c"]);
    const attempts: number[] = [];
    await work(async ({ key }, { attempt }) => {
      if (dying.has(key)) return { dead: failure };
      attempts.push(attempt);
      return done;
    });
    await queue.enqueue(["b", "a", "c"].map(jobOf));
    await until(async () => (await queue.stats()).dead === 3);
    const dead = await queue.dead();
    assert.deepEqual(
      dead.map(({ job, error, attempts: made }) => ({ key: job.key, error, made })),
      ["a", "b", "c"].map((key) => ({ key, error: failure, made: 1 })),
    );
    assert.deepEqual(
      (await queue.dead({ after: "a", limit: 1 })).map(({ job }) => job.key),
      ["b"],
    );
    assert.equal((await queue.find("a"))?.state, "dead");
    dying.clear();
    assert.equal(await queue.redrive(["a", "unknown"]), 1);
    await until(async () => (await queue.find("a")) === undefined);
    assert.equal(await queue.discard(["b", "unknown"]), 1);
    assert.equal(await queue.find("b"), undefined);
    await queue.enqueue([{ ...jobOf("c"), request: { report: "another" } }]);
    await until(async () => (await queue.find("c")) === undefined);
    assert.deepEqual(attempts, [1, 1]);
  },

  "takes a cancelled job out before it starts": async ({ queue, other, work }) => {
    await queue.enqueue(["a", "b"].map(jobOf));
    assert.equal(await (await other()).cancel("a"), true);
    assert.equal(await queue.cancel("a"), false);
    const seen = await recording(work);
    await until(async () => (await queue.stats()).waiting === 0);
    await until(async () => (await queue.find("b")) === undefined);
    assert.deepEqual(seen, ["b"]);
  },

  "aborts the run of a cancelled job on its worker, and drops its end": async ({ queue, other, work }) => {
    let aborted: unknown;
    let end = (_disposition: Disposition) => {};
    await work((_job, { signal }) => {
      signal.addEventListener("abort", () => {
        aborted = signal.reason;
      });
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    await queue.enqueue([jobOf("a")]);
    await until(async () => (await queue.find("a"))?.state === "running");
    const startedMs = systemClock.now();
    assert.equal(await (await other()).cancel("a"), true);
    await until(() => aborted !== undefined);
    assert.ok(systemClock.now() - startedMs < 2_000, "The worker heard of it too late.");
    end({ dead: failure });
    assert.equal((await queue.stats()).dead, 0);
    assert.equal(await queue.find("a"), undefined);
  },

  "lets a drained worker end what it has, and take no more": async ({ queue, work }) => {
    const { seen, release, worker } = await holding(work);
    await queue.enqueue(["a", "b"].map(jobOf));
    await until(() => seen.length === 1);
    const draining = worker.drain(10_000);
    release();
    await draining;
    assert.equal(seen.length, 1);
    assert.equal((await queue.stats()).waiting, 1);
  },

  "gives what a drained worker could not end to another one": async ({ queue, work }) => {
    const worker = await work(
      (_job, { signal }) =>
        new Promise((resolve) => {
          const reason = "The worker was drained";
          signal.addEventListener("abort", () => resolve({ retryInMs: 0, reason, isAttempt: false }));
        }),
    );
    await queue.enqueue([jobOf("a")]);
    await until(async () => (await queue.find("a"))?.state === "running");
    await worker.drain(10);
    const attempts: number[] = [];
    await work(async (_job, { attempt }) => {
      attempts.push(attempt);
      return done;
    });
    await until(async () => (await queue.find("a")) === undefined);
    assert.deepEqual(attempts, [1]);
  },

  "tells how many jobs of each tool wait, and since when": async ({ queue }) => {
    const other = { ...jobOf("c"), toolName: "tag: a/b_c", toolVersion: "0.1" };
    await queue.enqueue([jobOf("a"), jobOf("b"), other]);
    const { waiting, running, dead, oldestWaitingMs = -1, tools } = await queue.stats();
    assert.deepEqual({ waiting, running, dead }, { waiting: 3, running: 0, dead: 0 });
    assert.ok(oldestWaitingMs >= 0 && oldestWaitingMs < 60_000);
    const counts = tools.map(({ tool, waiting: count }) => `${tool.name}@${tool.version} ${count}`);
    assert.deepEqual(counts.sort(), ["tag: a/b_c@0.1 1", "triage@1.0.0 2"]);
  },
};

function jobOf(key: string): RunJob {
  return { key, toolName: triage.name, toolVersion: triage.version, request: { report: "It crashes" } };
}

/** Ends each job at once. @returns the keys as they come */
async function recording(work: Trial["work"], options?: Parameters<Trial["work"]>[1]): Promise<string[]> {
  const seen: string[] = [];
  const handle: JobHandler = async ({ key }) => {
    seen.push(key);
    return done;
  };
  await work(handle, options);
  return seen;
}

/** Holds each job until it is released. */
async function holding(work: Trial["work"], options?: Parameters<Trial["work"]>[1]) {
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
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAtMs = systemClock.now() + longestWaitMs;
  while (!(await holds())) {
    assert.ok(systemClock.now() < giveUpAtMs, `It did not happen within ${longestWaitMs} ms: ${holds}`);
    await systemClock.sleep(5);
  }
}

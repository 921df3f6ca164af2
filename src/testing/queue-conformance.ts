import type { QueueWorker, RunQueue } from "../queue/run-queue.ts";
import { deliveryLaws } from "./queue-conformance/delivery-laws.ts";
import { endingLaws } from "./queue-conformance/ending-laws.ts";
import { type Law, triage } from "./queue-conformance/law.ts";

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
  for (const [promise, hold] of Object.entries({ ...deliveryLaws, ...endingLaws }))
    test(promise, () => check(hold, open));
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

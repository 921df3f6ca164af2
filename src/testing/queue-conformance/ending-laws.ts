import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import type { Disposition } from "../../queue/run-queue.ts";
import { done, failure, holding, jobOf, type QueueLaws, recording, until } from "./law.ts";

/** Laws of how a job ends, waits for its next attempt, dies, or is cancelled. */
export const endingLaws: QueueLaws = {
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
};

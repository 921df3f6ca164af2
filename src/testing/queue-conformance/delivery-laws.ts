import assert from "node:assert/strict";
import { ConflictError } from "../../contract/errors.ts";
import type { RunJob } from "../../queue/run-queue.ts";
import { done, holding, jobOf, type QueueLaws, recording, until } from "./law.ts";

/** Laws of how jobs are put in, and which worker gets which. */
export const deliveryLaws: QueueLaws = {
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

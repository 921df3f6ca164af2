import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type Disposition, type JobHandler, MemoryQueue, type RunJob, type RunQueue } from "../../src/queue.ts";
import { type QueueUnderTest, queueConformance } from "../../src/testing.ts";

/** Conduct of a broken queue that differs from the sound one inside it. */
type Fault = (sound: MemoryQueue) => Partial<RunQueue> & { readonly elsewhere?: RunQueue };

/** Lets jobs be put in other than they are. */
function puttingIn(changed: (job: RunJob) => RunJob): Fault {
  return (sound) => ({ enqueue: (jobs) => sound.enqueue(jobs.map(changed)) });
}

/** Lets workers handle jobs in another way. */
function handling(changed: (handle: JobHandler) => JobHandler): Fault {
  return (sound) => ({ work: (handle, options) => sound.work(changed(handle), options) });
}

const countsEveryAttempt = handling((handle) => async (job, control) => {
  const disposition = await handle(job, control);
  return "retryInMs" in disposition ? { ...disposition, isAttempt: true } : disposition;
});

const died = { type: "Error", message: "a bug", code: "BUG", isRetryable: false, attempts: 1 };

/** Every law, and a queue that is sound but for what that law forbids. */
const faults: Readonly<Record<string, Fault>> = {
  "gives a job to a worker as it was put in": puttingIn(({ traceparent: _, ...job }) => job),
  "gives a job that another process puts in to a worker that waits": () => ({ elsewhere: new MemoryQueue() }),
  "gives each job to one of several workers": handling((handle) => async (job, control) => {
    await handle(job, control);
    return handle(job, control);
  }),
  "holds one job of a key": (sound) => {
    let count = 0;
    return { enqueue: (jobs) => sound.enqueue(jobs.map((job) => ({ ...job, key: `${job.key} ${count++}` }))) };
  },
  "refuses a key that it holds with another request, and all that came with it": (sound) => ({
    async enqueue(jobs) {
      for (const job of jobs) await sound.enqueue([job]);
    },
  }),
  "takes a key in again that has left it": (sound) => {
    const known = new Set<string>();
    return {
      async enqueue(jobs) {
        await sound.enqueue(jobs.filter(({ key }) => !known.has(key)));
        for (const { key } of jobs) known.add(key);
      },
    };
  },
  "gives jobs of a higher priority first, and of one priority the older": puttingIn(({ priority: _, ...job }) => job),
  "starts a late small group before the rest of a large one": puttingIn(({ group: _, ...job }) => job),
  "gives jobs only to workers that have their version of the tool": (sound) => ({
    work: (handle, options) =>
      sound.work(handle, { ...options, tools: [...options.tools, { name: "triage", version: "1.0.0" }] }),
  }),
  "runs as many jobs at once as a worker has slots": (sound) => ({
    work: (handle, options) => sound.work(handle, { ...options, concurrency: 1 }),
  }),
  "gives a job again after its wait, and counts the attempt": handling(
    (handle) => (job, control) => handle(job, { ...control, attempt: 1 }),
  ),
  "counts no attempt where the wait is not the job's fault": countsEveryAttempt,
  "gives a job again whose handler throws": handling(
    (handle) => (job, control) => handle(job, control).catch((): Disposition => ({ dead: died })),
  ),
  "keeps dead jobs with their error until they are redriven or discarded": (sound) => ({ dead: () => sound.dead() }),
  "takes a cancelled job out before it starts": () => ({ cancel: async () => true }),
  "aborts the run of a cancelled job on its worker, and drops its end": handling(
    (handle) => (job, control) => handle(job, { ...control, signal: new AbortController().signal }),
  ),
  "lets a drained worker end what it has, and take no more": (sound) => ({
    async work(handle, options) {
      await sound.work(handle, options);
      return { drain: () => systemClock.sleep(100) };
    },
  }),
  "gives what a drained worker could not end to another one": countsEveryAttempt,
  "tells how many jobs of each tool wait, and since when": (sound) => ({
    stats: async () => ({ ...(await sound.stats()), tools: [] }),
  }),
};

describe("the laws for queues", () => {
  const laws = new Map<string, () => Promise<void>>();
  let fault: Fault = () => ({});
  queueConformance({ test: (name, body) => laws.set(name, body), open: async () => open(fault) });
  afterEach(() => void vi.useRealTimers());

  test("have a broken queue each", () => {
    expect(Object.keys(faults).sort()).toEqual([...laws.keys()].sort());
  });

  test.each(Object.entries(faults))("find the one that breaks: %s", async (promise, broken) => {
    const hold = laws.get(promise) as () => Promise<void>;
    // A law waits up to ten seconds for what a broken queue never does.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    fault = () => ({});
    const held = hold();
    await Promise.all([vi.advanceTimersByTimeAsync(1_000), held]);
    fault = broken;
    const broke = expect(hold()).rejects.toThrow();
    await vi.advanceTimersByTimeAsync(20_000);
    await broke;
  });
});

function open(fault: Fault): QueueUnderTest {
  const sound = new MemoryQueue();
  const { elsewhere, ...changed } = fault(sound);
  const names = Object.getOwnPropertyNames(MemoryQueue.prototype).filter((name) => name !== "constructor");
  const bound = Object.fromEntries(names.map((name) => [name, (sound as any)[name].bind(sound)]));
  return { queue: { ...bound, ...changed } as any, ...(elsewhere && { reopen: async () => elsewhere }) };
}

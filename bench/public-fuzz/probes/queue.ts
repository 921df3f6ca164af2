import { createRegistry, defineTool, isOrchestratorError, ReliableOrchestrator } from "../../../src/index.ts";
import { assertSameJob, createFleet, jobIdOf, MemoryQueue, type RunJob, runJob } from "../../../src/queue.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { onCounts, onTexts, onValues, type Probe, range } from "../probe.ts";

const echo = defineTool({ name: "echo", execute: async (request: unknown) => request as never });
const registry = createRegistry([echo]);
const make = () => new ReliableOrchestrator({ store: new MemoryStore(), registry });
const jobOf = (key: string, request: any = null): RunJob => ({ key, toolName: "echo", toolVersion: "1.0.0", request });
const { signal } = new AbortController();

/** Queues of whole runs, and what puts runs in and takes them out. */
export const queueProbes: readonly Probe[] = [
  onTexts(
    "new MemoryQueue, MemoryQueue.cancel, MemoryQueue.close, MemoryQueue.dead, MemoryQueue.discard, MemoryQueue.enqueue, MemoryQueue.find, MemoryQueue.pacer, MemoryQueue.redrive, MemoryQueue.stats, MemoryQueue.work, jobIdOf",
    async (text) => {
      const queue = new MemoryQueue();
      await queue.enqueue([jobOf(text)]);
      const tools = [{ name: "echo", version: "1.0.0" }];
      const dead = { type: text, message: text, code: text, isRetryable: false, attempts: 1 };
      const worker = await queue.work(async () => ({ dead }), { concurrency: 1, tools });
      await worker.drain(1_000);
      const seen = [await queue.find(text), await queue.dead(), await queue.stats(), jobIdOf(text)];
      queue.pacer({ [text]: { requestsPerMinute: 1 } });
      await queue.redrive([text]);
      await queue.discard([text]);
      await queue.cancel(text);
      await queue.close();
      return seen;
    },
    "MemoryQueue, a text as key",
  ),
  onValues("assertSameJob", (value) => assertSameJob(jobOf("a", value), jobOf("a", value))),
  onValues("runJob", (value) => runJob(make(), jobOf("a", value), { signal })),
  onValues("createFleet", async (request) => {
    const queue = new MemoryQueue();
    const fleet = createFleet({ queue, orchestrator: make() });
    try {
      const { key } = await fleet.submit({ toolName: "echo", request });
      await fleet.work();
      return await fleet.result(key);
    } catch (error) {
      return isOrchestratorError(error);
    } finally {
      await queue.close();
    }
  }),
  onCounts(
    "MemoryQueue.enqueue",
    async (count) => {
      const queue = new MemoryQueue();
      await queue.enqueue(range(count).map((at) => jobOf(`job ${at}`)));
      const seen = await queue.stats();
      await queue.close();
      return seen;
    },
    "MemoryQueue, many jobs",
  ),
];

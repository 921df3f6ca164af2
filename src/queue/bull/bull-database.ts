import type { Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { StoreError } from "../../contract/errors.ts";
import { jobIdOf } from "../engine-rules.ts";
import type { DeadJob, QueuedTool, RunJob } from "../run-queue.ts";

/** A job as BullMQ keeps it. */
export interface KeptJob {
  readonly job: RunJob;
  /** Deliveries so far that counted as attempts. */
  readonly attempts: number;
  readonly death?: Omit<DeadJob, "job">;
}

/** The packages, and the connection that all but blocking commands share. */
export interface OpenedRedis {
  readonly bullmq: typeof import("bullmq");
  readonly redis: Redis;
}

const toolsKey = "steer:tools";
const cancelledKey = "steer:cancelled";
const groupKey = (group: string) => `steer:group:${group}`;

/** Channel that tells workers the id of a job that was cancelled. */
export const cancelChannel = "steer:cancel";

/**
 * Job: BullMQ on one Redis, its queues, and what is kept beside their jobs: groups and cancellations.
 * Boundary: decides nothing about a job.
 * Invariants:
 * 1. The packages are loaded, and Redis is connected to, by the first use; one that failed is tried anew.
 * 2. One queue for each version of a tool, of which every process knows.
 */
export class BullDatabase {
  readonly #connectionString: string;
  readonly #queues = new Map<string, Queue<KeptJob>>();
  #opening: Promise<OpenedRedis> | undefined;

  constructor(connectionString: string) {
    this.#connectionString = connectionString;
  }

  open(): Promise<OpenedRedis> {
    this.#opening ??= openRedis(this.#connectionString).catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async redis(): Promise<Redis> {
    return (await this.open()).redis;
  }

  async queueOf(tool: QueuedTool): Promise<Queue<KeptJob>> {
    const name = `run-${jobIdOf(JSON.stringify([tool.name, tool.version]))}`;
    const known = this.#queues.get(name);
    if (known) return known;
    const { bullmq, redis } = await this.open();
    const queue = this.#queues.get(name) ?? new bullmq.Queue<KeptJob>(name, { connection: redis });
    queue.on("error", () => {});
    this.#queues.set(name, queue);
    await redis.hset(toolsKey, name, JSON.stringify(tool));
    return queue;
  }

  /** Returns the queues of all tools that any process has put in. */
  async queues(): Promise<Map<QueuedTool, Queue<KeptJob>>> {
    const texts = Object.values(await (await this.redis()).hgetall(toolsKey));
    const tools = texts.map((text): QueuedTool => JSON.parse(text));
    return new Map(await Promise.all(tools.map(async (tool) => [tool, await this.queueOf(tool)] as const)));
  }

  /** Finds the job of a key that was not cancelled. */
  async jobOf(key: string): Promise<Job<KeptJob> | undefined> {
    const id = jobIdOf(key);
    if (await (await this.redis()).sismember(cancelledKey, id)) return undefined;
    const found = await Promise.all([...(await this.queues()).values()].map((queue) => queue.getJob(id)));
    return found.find((held): held is Job<KeptJob> => held !== undefined);
  }

  /** Counts a job to its group. @returns the number of jobs that the group had before */
  async joinGroup(group: string, jobId: string): Promise<number> {
    const redis = await this.redis();
    const before = await redis.scard(groupKey(group));
    await redis.sadd(groupKey(group), jobId);
    return before;
  }

  /** Takes a job out of its group. Jobs may be given out twice, so this may be done twice. */
  async leaveGroup({ id, data }: Job<KeptJob>): Promise<void> {
    if (id !== undefined && data.job.group !== undefined) await (await this.redis()).srem(groupKey(data.job.group), id);
  }

  async markCancelled(id: string): Promise<void> {
    await (await this.redis()).sadd(cancelledKey, id);
  }

  /** Removes the mark of a cancelled job; false where it has none. */
  async takeCancelled(id: string): Promise<boolean> {
    return (await (await this.redis()).srem(cancelledKey, id)) > 0;
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    this.#opening = undefined;
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.#queues.clear();
    opened?.redis.disconnect();
  }
}

async function openRedis(connectionString: string): Promise<OpenedRedis> {
  const { bullmq, Redis } = await importPackages();
  const redis = new Redis(connectionString, { maxRetriesPerRequest: null });
  // A connection that breaks is opened again; commands wait for it.
  redis.on("error", () => {});
  return { bullmq, redis };
}

/** Both are optional peers. Bundlers let them be missing only inside `try`. */
async function importPackages() {
  try {
    const [bullmq, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq, Redis };
  } catch (cause) {
    throw new StoreError({
      store: "redis",
      operation: "open",
      reason: "missing_driver",
      what: 'the packages "bullmq" and "ioredis" are not both installed',
      advice: "Install them: npm install bullmq@6 ioredis@6",
      cause,
    });
  }
}

import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { PgBoss } from "pg-boss";
import { systemClock } from "../../src/core/clock.ts";

/** Figures of an engine whose jobs do nothing. */
export interface BareFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const concurrency = 50;
const single = 40;

/** pg-boss as its own `work()` runs it: batches as large as a worker of a fleet has slots. */
export async function bareBoss(url: string, count: number): Promise<BareFigures> {
  const boss = new PgBoss({ connectionString: url, schema: "bare" });
  boss.on("error", () => {});
  await boss.start();
  await boss.createQueue("empty");
  await boss.insert(
    "empty",
    Array.from({ length: count }, (_, at) => ({ data: { at } })),
  );
  const heard = new Counter();
  const fromMs = systemClock.now();
  await boss.work("empty", { batchSize: concurrency, pollingIntervalSeconds: 0.5 }, async (jobs) =>
    heard.add(jobs.length),
  );
  await heard.until(count);
  const perSecond = (count / (systemClock.now() - fromMs)) * 1_000;
  const figures = await latencyOf(heard, () => boss.send("empty", {}));
  await boss.stop({ graceful: false });
  return { perSecond, ...figures };
}

/** BullMQ's own worker. */
export async function bareBullMq(path: string, count: number): Promise<BareFigures> {
  const connection = new Redis(path, { maxRetriesPerRequest: null });
  const queue = new Queue("bare", { connection });
  const options = { removeOnComplete: true };
  await queue.addBulk(Array.from({ length: count }, (_, at) => ({ name: "empty", data: { at }, opts: options })));
  const heard = new Counter();
  const fromMs = systemClock.now();
  const worker = new Worker("bare", async () => heard.add(1), { connection, concurrency });
  await heard.until(count);
  const perSecond = (count / (systemClock.now() - fromMs)) * 1_000;
  const figures = await latencyOf(heard, () => queue.add("empty", {}, options));
  await worker.close();
  await queue.close();
  connection.disconnect();
  return { perSecond, ...figures };
}

async function latencyOf(heard: Counter, send: () => Promise<unknown>): Promise<Omit<BareFigures, "perSecond">> {
  const waits: number[] = [];
  for (let at = 0; at < single; at++) {
    const [fromMs, next] = [systemClock.now(), heard.until(heard.count + 1)];
    await send();
    await next;
    waits.push(systemClock.now() - fromMs);
  }
  waits.sort((one, other) => one - other);
  return { p50Ms: waits[single / 2] as number, p99Ms: waits[single - 1] as number };
}

/** Jobs that have started. */
class Counter {
  count = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reach = () => {};

  add(jobs: number): void {
    this.count += jobs;
    if (this.count >= this.#wanted) this.#reach();
  }

  until(count: number): Promise<void> {
    this.#wanted = count;
    return new Promise((resolve) => {
      this.#reach = resolve;
      if (this.count >= count) resolve();
    });
  }
}

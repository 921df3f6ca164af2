import { CancelledError } from "../contract/errors.ts";
import { type Clock, schedule, systemClock, wallClock } from "../core/clock.ts";
import type { RateLimits } from "../guard/limits.ts";
import { createMemoryPacer, type Pacer } from "../guard/pacer.ts";
import type { ListOptions } from "../store/store.ts";
import { assertSameJob, cancelledReason, pageOfDead, summedStats } from "./engine-rules.ts";
import type {
  DeadJob,
  Disposition,
  JobHandler,
  QueuedJob,
  QueuedTool,
  QueueStats,
  QueueWorker,
  RunJob,
  RunQueue,
  ToolQueueStats,
  WorkOptions,
} from "./run-queue.ts";
import { type HeldJob, Slots } from "./slots.ts";

/**
 * Job: keep jobs in this process.
 * Boundary: survives nothing; no other process sees it.
 * Invariants:
 * 1. A key stands for one entry.
 * 2. Each change is one synchronous step.
 * 3. Of the jobs that may start, one of the highest priority starts; of those, one of the group that has the fewest under way.
 */

/** A job, and what has become of it so far. */
interface Entry {
  job: RunJob;
  /** Order in which jobs came. */
  readonly order: number;
  readonly enqueuedMs: number;
  state: "waiting" | "running" | "dead";
  /** Deliveries that counted as attempts. */
  attempts: number;
  readyAtMs: number;
  worker: MemoryWorker | undefined;
  death: DeadJob | undefined;
}

/**
 * A queue for one process: for tests, and for programs that keep to one process for now.
 *
 * @param options `clock`, default: the real one
 *
 * @example
 * ```ts
 * const fleet = createFleet({ queue: new MemoryQueue(), orchestrator });
 * ```
 */
export class MemoryQueue implements RunQueue {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #workers = new Set<MemoryWorker>();
  #order = 0;
  #stopTimer = () => {};

  constructor(options?: { readonly clock?: Clock | undefined }) {
    this.#clock = options?.clock ?? systemClock;
  }

  async enqueue(jobs: readonly RunJob[]): Promise<void> {
    for (const job of jobs) {
      const held = this.#entries.get(job.key);
      if (held && held.state !== "dead") assertSameJob(held.job, job);
    }
    for (const job of jobs) {
      const held = this.#entries.get(job.key);
      if (held && held.state !== "dead") continue;
      this.#entries.set(job.key, {
        job: structuredClone(job),
        order: this.#order++,
        enqueuedMs: this.#clock.now(),
        state: "waiting",
        attempts: 0,
        readyAtMs: 0,
        worker: undefined,
        death: undefined,
      });
    }
    this.#fill();
  }

  async work(handle: JobHandler, options: WorkOptions): Promise<QueueWorker> {
    const worker = new MemoryWorker(handle, options, () => this.#fill());
    this.#workers.add(worker);
    this.#fill();
    return {
      drain: async (ms) => {
        this.#workers.delete(worker);
        await worker.slots.drain(ms, this.#clock);
      },
    };
  }

  async cancel(key: string): Promise<boolean> {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    entry?.worker?.slots.lose(key, new CancelledError(cancelledReason));
    this.#fill();
    return entry !== undefined;
  }

  async find(key: string): Promise<QueuedJob | undefined> {
    const { state, job, death } = this.#entries.get(key) ?? {};
    if (!state || !job) return undefined;
    return state === "dead" ? { state, ...(death as DeadJob) } : { state, job };
  }

  /** Counts the jobs, in all and by tool. */
  async stats(): Promise<QueueStats> {
    const nowMs = this.#clock.now();
    const byTool = Map.groupBy(this.#entries.values(), ({ job }) => JSON.stringify([job.toolName, job.toolVersion]));
    const tools = [...byTool.values()].map((entries): ToolQueueStats => {
      const { toolName: name, toolVersion: version } = (entries[0] as Entry).job;
      const waiting = entries.filter(({ state }) => state === "waiting");
      const oldest = Math.min(...waiting.map(({ enqueuedMs }) => enqueuedMs));
      return {
        tool: { name, version },
        waiting: waiting.length,
        running: entries.filter(({ state }) => state === "running").length,
        dead: entries.filter(({ state }) => state === "dead").length,
        ...(waiting.length > 0 && { oldestWaitingMs: nowMs - oldest }),
      };
    });
    return summedStats(tools);
  }

  async dead(options: ListOptions = {}): Promise<readonly DeadJob[]> {
    const dead = [...this.#entries.values()].flatMap(({ death }) => death ?? []);
    return pageOfDead(dead, options);
  }

  async redrive(keys: readonly string[]): Promise<number> {
    const dead = this.#deadOf(keys);
    for (const entry of dead) Object.assign(entry, { state: "waiting", attempts: 0, readyAtMs: 0, death: undefined });
    this.#fill();
    return dead.length;
  }

  async discard(keys: readonly string[]): Promise<number> {
    const dead = this.#deadOf(keys);
    for (const { job } of dead) this.#entries.delete(job.key);
    return dead.length;
  }

  pacer(limits: RateLimits): Pacer {
    return createMemoryPacer(limits, { clock: this.#clock });
  }

  async close(): Promise<void> {
    this.#stopTimer();
    this.#workers.clear();
    this.#entries.clear();
  }

  #deadOf(keys: readonly string[]): Entry[] {
    return [...new Set(keys)].flatMap((key) => {
      const entry = this.#entries.get(key);
      return entry?.state === "dead" ? entry : [];
    });
  }

  /** Starts what may start, and wakes up when the next job may. */
  #fill(): void {
    const nowMs = this.#clock.now();
    for (const worker of this.#workers)
      for (let next = this.#next(worker, nowMs); next && worker.slots.free > 0; next = this.#next(worker, nowMs))
        this.#start(next, worker);
    this.#stopTimer();
    const later = [...this.#entries.values()].filter(
      ({ state, readyAtMs }) => state === "waiting" && readyAtMs > nowMs,
    );
    if (later.length === 0 || this.#workers.size === 0) return;
    const dueMs = Math.min(...later.map(({ readyAtMs }) => readyAtMs));
    this.#stopTimer = schedule(this.#clock, () => this.#fill(), dueMs - nowMs);
  }

  #next(worker: MemoryWorker, nowMs: number): Entry | undefined {
    const all = [...this.#entries.values()];
    const running = Map.groupBy(
      all.filter(({ state }) => state === "running"),
      ({ job }) => job.group,
    );
    const busy = ({ job }: Entry) => (job.group === undefined ? 0 : (running.get(job.group)?.length ?? 0));
    return all
      .filter(({ state, readyAtMs, job }) => state === "waiting" && readyAtMs <= nowMs && worker.has(job))
      .sort((a, b) => (b.job.priority ?? 0) - (a.job.priority ?? 0) || busy(a) - busy(b) || a.order - b.order)[0];
  }

  #start(entry: Entry, worker: MemoryWorker): void {
    Object.assign(entry, { state: "running", worker });
    const held = { id: entry.job.key, job: entry.job, attempt: entry.attempts + 1 };
    worker.slots.start(held, (ended, disposition) => this.#settle(entry, ended, disposition));
  }

  async #settle(entry: Entry, { attempt, job }: HeldJob, disposition: Disposition): Promise<void> {
    entry.worker = undefined;
    if ("done" in disposition) this.#entries.delete(job.key);
    else if ("dead" in disposition) {
      const death = { job, error: disposition.dead, attempts: attempt, diedAtMs: wallClock.now() };
      Object.assign(entry, { state: "dead", death });
    } else {
      const attempts = disposition.isAttempt === false ? attempt - 1 : attempt;
      Object.assign(entry, { state: "waiting", attempts, readyAtMs: this.#clock.now() + disposition.retryInMs });
    }
  }
}

class MemoryWorker {
  readonly slots: Slots;
  readonly #tools: readonly QueuedTool[];

  constructor(handle: JobHandler, { concurrency, tools }: WorkOptions, onFree: () => void) {
    this.slots = new Slots(handle, concurrency, onFree);
    this.#tools = tools;
  }

  has({ toolName, toolVersion }: RunJob): boolean {
    return this.#tools.some(({ name, version }) => name === toolName && version === toolVersion);
  }
}

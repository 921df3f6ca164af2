import type { Clock } from "../core/clock.ts";
import { handleJob } from "./engine-rules.ts";
import type { Disposition, JobHandler, RunJob } from "./run-queue.ts";

/** A job as its worker holds it. */
export interface HeldJob {
  readonly id: string;
  readonly job: RunJob;
  readonly attempt: number;
}

/**
 * Job: hold the jobs that one worker has under way.
 * Boundary: knows no engine; `settle` tells it the end of a job.
 * Invariants:
 * 1. At most `concurrency` jobs at once.
 * 2. Each job that was started is settled once, also one whose handler throws. One that was lost is not settled.
 */
export class Slots {
  readonly #handle: JobHandler;
  readonly #concurrency: number;
  readonly #onFree: () => void;
  readonly #running = new Map<string, { readonly abort: AbortController; readonly end: Promise<void> }>();

  constructor(handle: JobHandler, concurrency: number, onFree: () => void) {
    this.#handle = handle;
    this.#concurrency = concurrency;
    this.#onFree = onFree;
  }

  get free(): number {
    return this.#concurrency - this.#running.size;
  }

  start<H extends HeldJob>(held: H, settle: (held: H, disposition: Disposition) => Promise<void>): void {
    const abort = new AbortController();
    const work = async () => {
      const { job, attempt } = held;
      const disposition = await handleJob(this.#handle, job, { signal: abort.signal, attempt });
      if (this.#running.get(held.id)?.abort === abort) await settle(held, disposition);
    };
    const end = Promise.resolve()
      .then(work)
      .finally(() => {
        if (this.#running.get(held.id)?.abort === abort) this.#running.delete(held.id);
        this.#onFree();
      });
    this.#running.set(held.id, { abort, end });
  }

  /** Aborts a job that was cancelled, or given to another worker. Its disposition is dropped. */
  lose(id: string, reason: Error): void {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.abort.abort(reason);
  }

  /** Waits so long for what is under way, then aborts it, and waits for its end. */
  async drain(ms: number, clock: Clock): Promise<void> {
    const done = new AbortController();
    const ends = () => Promise.allSettled([...this.#running.values()].map(({ end }) => end));
    const limit = clock.sleep(ms, { signal: done.signal }).catch(() => {});
    await Promise.race([ends(), limit]).finally(() => done.abort());
    for (const { abort } of this.#running.values()) abort.abort(new Error("the worker is drained"));
    await ends();
  }
}

import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../core/clock.ts";
import { systemRandom } from "../core/random.ts";
import { isBusy } from "./sqlite-errors.ts";

/**
 * Job: write what is asked for at the same time in one transaction, so that all of it costs one fsync.
 * Boundary: knows transactions, not what is written in them.
 * Invariants:
 * 1. A write resolves after the commit that holds it, never before.
 * 2. A write that fails takes no other down with it: what shared its transaction is written again, each alone.
 * 3. Waiting for another process's lock never blocks this one's event loop for more than `blockingMs`.
 */

interface Write {
  readonly execute: () => unknown;
  readonly resolve: (result: any) => void;
  readonly reject: (error: unknown) => void;
}

/** Most writes of one transaction: past it, the event loop would stand still for longer than the fsync takes. */
const batchLimit = 1024;

/** Longest wait of SQLite itself for a lock, which blocks the process. */
export const blockingMs = 10;

export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #busyTimeoutMs: number;
  #waiting: Write[] = [];
  #isDraining = false;

  constructor(database: DatabaseSync, busyTimeoutMs: number) {
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Runs `execute` inside a transaction, maybe twice, and resolves with what it returned once that is on disk. */
  run<R>(execute: () => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#waiting.push({ execute, resolve, reject });
      if (!this.#isDraining) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    while (this.#waiting.length > 0) {
      await setImmediate();
      await this.#commitWaiting();
    }
    this.#isDraining = false;
  }

  async #commitWaiting(): Promise<void> {
    try {
      await this.#commit(() => this.#waiting.splice(0, batchLimit));
    } catch (error) {
      for (const write of this.#waiting.splice(0)) write.reject(error);
    }
  }

  /** Throws where no transaction could begin. `take` is called once one has: who waited for the lock meanwhile joins. */
  async #commit(take: () => readonly Write[]): Promise<void> {
    await retryWhileBusy(() => this.#database.exec("BEGIN IMMEDIATE"), this.#busyTimeoutMs);
    const batch = take();
    try {
      const results = batch.map((write) => write.execute());
      this.#database.exec("COMMIT");
      for (const [index, write] of batch.entries()) write.resolve(results[index]);
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      if (batch.length === 1) batch[0]?.reject(error);
      else for (const write of batch) await this.#commit(() => [write]).catch(write.reject);
    }
  }
}

/** Tries again, with pauses that leave the event loop free, while another process holds the lock. */
export async function retryWhileBusy<R>(attempt: () => R, timeoutMs: number): Promise<R> {
  const giveUpAtMs = systemClock.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 50)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || systemClock.now() >= giveUpAtMs) throw error;
    }
    await systemClock.sleep(pauseMs * (0.5 + systemRandom.next()));
  }
}

import { Pool } from "pg";
import { systemClock } from "../../src/core/clock.ts";
import { PostgresStore } from "../../src/stores/postgres.ts";
import type { CountedCall } from "../support/counting-provider.ts";

/** Looks into the tables of a store for what was paid, past the store's own statements. */
export class Ledger implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #store: PostgresStore;

  constructor(url: string) {
    this.#pool = new Pool({ connectionString: url });
    this.#pool.on("error", () => {});
    this.#store = new PostgresStore({ connectionString: url });
  }

  /** Returns how an answer is in the store; `undefined` where it is not, or where the database is away. */
  async paidFor(key: string, seed: number): Promise<"settled" | "journaled" | undefined> {
    const statement = `SELECT 'settled' AS how FROM steer_run WHERE key = $1 AND state = 'settled'
      UNION ALL SELECT 'journaled' FROM steer_replicate WHERE key = $1 AND seed = $2`;
    const { rows } = await this.#pool.query(statement, [key, seed]).catch(() => ({ rows: [] }));
    return rows[0]?.how;
  }

  /** Counts the calls whose answers are not in the store. Waits for a database that is away. */
  async unkeptOf(calls: readonly CountedCall[]): Promise<number> {
    const statement = `SELECT key, NULL AS seed FROM steer_run WHERE state = 'settled'
      UNION ALL SELECT key, seed FROM steer_replicate`;
    for (;;) {
      const found = await this.#pool.query(statement).catch(() => undefined);
      if (found) {
        const kept = new Set(found.rows.map(({ key, seed }) => (seed === null ? key : `${key} ${seed}`)));
        return calls.filter(({ key, seed }) => !kept.has(key) && !kept.has(`${key} ${seed}`)).length;
      }
      await systemClock.sleep(50);
    }
  }

  /** Tells of each key that has not ended with an answer. */
  async unfinished(keys: readonly string[]): Promise<string[]> {
    const told: string[] = [];
    for (const key of keys) {
      const details = await this.#store.show(key);
      if (details?.state !== "settled" || details.output?.status !== "completed")
        told.push(`${key} has ended as ${details?.state} ${details?.output?.status}`);
    }
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#store.close(), this.#pool.end()]);
  }
}

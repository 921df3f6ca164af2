import type { Db } from "pg-boss";
import * as v from "valibot";
import type { OutputError } from "../../contract/output.ts";
import { hideSecrets } from "../../core/errors.ts";
import { declareOptions, type OptionsInput, resolveOptions, text } from "../../core/options.ts";
import type { RateLimits } from "../../guard/limits.ts";
import type { Pacer } from "../../guard/pacer.ts";
import { passwordsIn } from "../../store/postgres-connection.ts";
import type { ListOptions } from "../../store/store.ts";
import { assertSameJob, jobIdOf, summedStats, workerLost } from "../engine-rules.ts";
import type {
  DeadJob,
  EnqueueOptions,
  JobHandler,
  QueuedJob,
  QueueStats,
  QueueWorker,
  RunJob,
  RunQueue,
  ToolQueueStats,
  WorkOptions,
} from "../run-queue.ts";
import { SharedPacer } from "../shared-pacer.ts";
import { BossDatabase, jobTable, notifying, retryLimit, schema, toolOf } from "./boss-database.ts";
import { BossWorker } from "./boss-worker.ts";
import { PostgresPace } from "./postgres-pace.ts";

export const pgBossQueueOptions = declareOptions("PgBossQueueOptions", "pgBossQueue(…)", {
  /** Address of the database. Default: the environment variable `DATABASE_URL`, else what the `PG…` variables say. */
  connectionString: v.optional(text("a connection string, such as postgres://steer@db.internal/steer")),
});

/** Database of a queue on pg-boss. */
export interface PgBossQueueOptions extends OptionsInput<typeof pgBossQueueOptions> {}

/**
 * Returns a queue on Postgres, through pg-boss 12. It can stand in the store's own database, and takes jobs in a transaction
 * of the caller's. Its tables are in the schema `steer_queue`. Needs the packages `pg-boss` and `pg`, which are loaded on
 * first use.
 *
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const queue = pgBossQueue({ connectionString: "postgres://steer@db.internal/steer" });
 * const fleet = createFleet({ queue, orchestrator });
 * ```
 */
export function pgBossQueue(options?: PgBossQueueOptions): RunQueue {
  const { connectionString = process.env["DATABASE_URL"] } = resolveOptions(pgBossQueueOptions, options);
  hideSecrets(passwordsIn(connectionString));
  return new PgBossQueue(connectionString);
}

/** All queues of tools, for statements that look for a key in every one of them. */
const everyQueue = `(SELECT name FROM ${schema}.queue)`;

class PgBossQueue implements RunQueue {
  readonly #database: BossDatabase;

  constructor(connectionString: string | undefined) {
    this.#database = new BossDatabase(connectionString);
  }

  async enqueue(jobs: readonly RunJob[], { client }: EnqueueOptions = {}): Promise<void> {
    const byQueue = new Map<string, RunJob[]>();
    const byKey = new Map<string, RunJob>();
    for (const job of jobs) {
      const same = byKey.get(job.key);
      if (same) assertSameJob(same, job);
      else {
        byKey.set(job.key, job);
        const queue = await this.#database.queueOf({ name: job.toolName, version: job.toolVersion });
        byQueue.set(queue, [...(byQueue.get(queue) ?? []), job]);
      }
    }
    const putAll = async (db: Db) => {
      for (const [queue, ofQueue] of byQueue) await this.#put(queue, ofQueue, db);
    };
    if (client) await putAll({ executeSql: (text, values) => client.query({ text, values }) });
    else await this.#database.transaction(putAll);
  }

  async work(handle: JobHandler, options: WorkOptions): Promise<QueueWorker> {
    const queues = await Promise.all(options.tools.map((tool) => this.#database.queueOf(tool)));
    const worker = new BossWorker(this.#database, queues, handle, options);
    await worker.start();
    return worker;
  }

  async cancel(key: string): Promise<boolean> {
    const id = jobIdOf(key);
    const rows = await this.#query(
      `WITH gone AS (DELETE FROM ${jobTable} WHERE id = $1 AND name IN ${everyQueue} RETURNING id)
       SELECT ${notifying("$2")} FROM gone`,
      [id, JSON.stringify({ cancelled: id })],
    );
    return rows.length > 0;
  }

  async find(key: string): Promise<QueuedJob | undefined> {
    const rows = await this.#query(`SELECT ${columns} FROM ${jobTable} WHERE id = $1 AND name IN ${everyQueue}`, [
      jobIdOf(key),
    ]);
    const row = rows.find(({ state }) => state !== "failed") ?? rows[0];
    if (!row) return undefined;
    if (row.state === "failed") return { state: "dead", ...deadJobOf(row) };
    return { state: row.state === "active" ? "running" : "waiting", job: row.data };
  }

  async stats(): Promise<QueueStats> {
    const rows = await this.#query(
      `SELECT name, count(*) FILTER (WHERE state < 'active') AS waiting, count(*) FILTER (WHERE state = 'active') AS running,
         count(*) FILTER (WHERE state = 'failed') AS dead,
         extract(epoch FROM ${schema}.job_now() - min(created_on) FILTER (WHERE state < 'active')) * 1000 AS oldest
       FROM ${jobTable} GROUP BY name ORDER BY name`,
      [],
    );
    const tools = rows.flatMap(({ name, waiting, running, dead, oldest }): readonly ToolQueueStats[] => {
      const tool = toolOf(name);
      if (!tool) return [];
      const counts = { waiting: Number(waiting), running: Number(running), dead: Number(dead) };
      return [{ tool, ...counts, ...(oldest !== null && { oldestWaitingMs: Math.max(0, Number(oldest)) }) }];
    });
    return summedStats(tools);
  }

  async dead({ after = "", limit = 100 }: ListOptions = {}): Promise<readonly DeadJob[]> {
    const rows = await this.#query(
      `SELECT ${columns} FROM ${jobTable} WHERE state = 'failed' AND data->>'key' COLLATE "C" > $1
       ORDER BY data->>'key' COLLATE "C" LIMIT $2`,
      [after, limit],
    );
    return rows.map(deadJobOf);
  }

  async redrive(keys: readonly string[]): Promise<number> {
    // The next delivery is the first attempt again: it raises the count of deliveries by one.
    const rows = await this.#query(
      `UPDATE ${jobTable} SET state = 'retry', retry_limit = retry_count + 1 + $2, start_after = ${schema}.job_now(),
         completed_on = NULL, output = NULL
       WHERE state = 'failed' AND id = ANY($1) AND name IN ${everyQueue} RETURNING name`,
      [keys.map(jobIdOf), retryLimit],
    );
    for (const queue of new Set<string>(rows.map(({ name }) => name)))
      await this.#query(`SELECT ${notifying("$1")}`, [JSON.stringify({ queue })]);
    return rows.length;
  }

  async discard(keys: readonly string[]): Promise<number> {
    const rows = await this.#query(
      `DELETE FROM ${jobTable} WHERE state = 'failed' AND id = ANY($1) AND name IN ${everyQueue} RETURNING id`,
      [keys.map(jobIdOf)],
    );
    return rows.length;
  }

  pacer(limits: RateLimits): Pacer {
    return new SharedPacer(new PostgresPace(this.#database), limits);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** Puts jobs into one queue. Dead jobs of the same keys make room. */
  async #put(queue: string, jobs: readonly RunJob[], db: Db): Promise<void> {
    const boss = await this.#database.open();
    const byId = new Map(jobs.map((job) => [jobIdOf(job.key), job]));
    const ids = [...byId.keys()];
    await db.executeSql(`DELETE FROM ${jobTable} WHERE name = $1 AND id = ANY($2) AND state = 'failed'`, [queue, ids]);
    const rows = [...byId].map(([id, data]) => ({
      id,
      data,
      ...(data.priority !== undefined && { priority: data.priority }),
      ...(data.group !== undefined && { group: { id: data.group } }),
    }));
    const inserted = new Set(await boss.insert(queue, rows, { db, returnId: true }));
    const present = ids.filter((id) => !inserted.has(id));
    if (present.length > 0) {
      const held = await db.executeSql(`SELECT id, data FROM ${jobTable} WHERE name = $1 AND id = ANY($2)`, [
        queue,
        present,
      ]);
      for (const { id, data } of held.rows) assertSameJob(data, byId.get(id) as RunJob);
    }
    await db.executeSql(`SELECT ${notifying("$1")}`, [JSON.stringify({ queue })]);
  }

  #query(statement: string, values: unknown[]): Promise<any[]> {
    return this.#database.query(statement, values);
  }
}

const columns = "state, data, output, retry_count, retry_limit, completed_on";

function deadJobOf({ data, output, retry_count, retry_limit, completed_on }: any): DeadJob {
  const attempts = 1 + retry_count - (retry_limit - retryLimit);
  // pg-boss has given up a job without an error of ours: no worker of it has lived to tell its end.
  const lost = `${attempts} workers that ran the job ended before it did. Look for a crash, or for too little memory.`;
  const error: OutputError = output?.category || output?.code ? output : workerLost(lost, attempts);
  return { job: data, error, attempts, diedAtMs: new Date(completed_on).getTime() };
}

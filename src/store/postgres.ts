import { type PostgresClient, PostgresConnection } from "./postgres-connection.ts";
import { SqlStore } from "./sql-store.ts";

/** Where a Postgres store finds its database. */
export interface PostgresStoreOptions {
  /** Default: the environment variable `DATABASE_URL`, else what the `PG…` variables say. */
  readonly connectionString?: string | undefined;
  /** A `Pool` of the package `pg` to use in place of an own one. It stays open when the store is closed. */
  readonly client?: PostgresClient | undefined;
  /** How long the journal of a run that never settled stays, in milliseconds. Default: 7 days. */
  readonly journalTtlMs?: number | undefined;
}

/**
 * A store for processes on any number of machines. Leases run by the database's clock, so machines need not agree on
 * the time. Needs the package `pg`, which it loads on first use. Its tables are named `steer_…`, and stand in the first
 * schema of the search path.
 *
 * @example
 * ```ts
 * const orchestrator = new ReliableOrchestrator({
 *   store: new PostgresStore({ connectionString: "postgres://steer@db.internal/steer" }),
 * });
 * ```
 */
export class PostgresStore extends SqlStore {
  constructor({ connectionString = process.env["DATABASE_URL"], client, journalTtlMs }: PostgresStoreOptions = {}) {
    super(new PostgresConnection({ connectionString, client }), journalTtlMs);
  }
}

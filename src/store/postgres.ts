import * as v from "valibot";
import { checkedBy, declareOptions, milliseconds, type OptionsInput, resolveOptions, text } from "../core/options.ts";
import { type PostgresClient, PostgresConnection } from "./postgres-connection.ts";
import { SqlStore } from "./sql-store.ts";
import { defaultJournalTtlMs } from "./store.ts";

const postgresStoreOptions = declareOptions("PostgresStoreOptions", "new PostgresStore(…)", {
  /** Where the database is. Default: the environment variable `DATABASE_URL`, else what the `PG…` variables say. */
  connectionString: v.optional(text("a connection string, such as postgres://steer@db.internal/steer")),
  /** A `Pool` of the package `pg` to use in place of an own one. It stays open when the store is closed. Default: an own one. */
  client: v.optional(checkedBy<PostgresClient>(isClient, "a Pool of the package pg")),
  /** How long the journal of a run that never settled stays. Default: 7 days. */
  journalTtlMs: v.optional(milliseconds(), defaultJournalTtlMs),
});

function isClient(value: unknown): boolean {
  return typeof (value as Partial<PostgresClient> | null | undefined)?.query === "function";
}

/** Where a Postgres store finds its database. */
export interface PostgresStoreOptions extends OptionsInput<typeof postgresStoreOptions> {}

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
  /** @throws InvalidOptionsError */
  constructor(options?: PostgresStoreOptions) {
    const resolved = resolveOptions(postgresStoreOptions, options);
    const { connectionString = process.env["DATABASE_URL"], client, journalTtlMs } = resolved;
    super(new PostgresConnection({ connectionString, client }), journalTtlMs);
  }
}

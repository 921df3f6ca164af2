import * as v from "valibot";
import { declareOptions, milliseconds, type OptionsInput, resolveOptions, wholeNumber } from "../core/options.ts";
import {
  PostgresConnection,
  type PostgresSchema,
  postgresDialect,
  serverEntries,
  serverOf,
} from "./postgres-connection.ts";
import { migrations } from "./sql.ts";
import { SqlStore } from "./sql-store.ts";
import { defaultJournalTtlMs } from "./store.ts";

export const postgresStoreOptions = declareOptions("PostgresStoreOptions", "new PostgresStore(…)", {
  ...serverEntries,
  /** Most connections of the store's own pool. Further store calls wait for their turn. */
  poolSize: v.optional(wholeNumber({ minimum: 1, unit: "connections" }), 10),
  /** Retention of the journal of a run that never settled. Default: 7 days. */
  journalTtlMs: v.optional(milliseconds(), defaultJournalTtlMs),
});

/** Database of a Postgres store. */
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
    const { journalTtlMs, ...server } = resolveOptions(postgresStoreOptions, options);
    super(new PostgresConnection(serverOf(server), storeSchema), journalTtlMs);
  }
}

const storeSchema: PostgresSchema = { scripts: migrations(postgresDialect), versions: "steer_migration" };

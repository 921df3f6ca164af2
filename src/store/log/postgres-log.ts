import * as v from "valibot";
import { systemClock } from "../../core/clock.ts";
import { declareOptions, type OptionsInput, resolveOptions, wholeNumber } from "../../core/options.ts";
import { PostgresConnection, serverEntries, serverOf } from "../postgres-connection.ts";
import type { Dialect } from "../sql.ts";
import type { SqlQuery, SqlRow } from "../sql-store.ts";
import { retentionEntries } from "./log-options.ts";
import { appendTo, type EncodedBatch, logMigrations } from "./log-statements.ts";
import { type LogConnection, SqlEventLog } from "./sql-log.ts";

export const postgresEventLogOptions = declareOptions("PostgresEventLogOptions", "new PostgresEventLog(…)", {
  ...serverEntries,
  /** Most connections of the log's own pool; one of them listens while runs are watched. */
  poolSize: v.optional(wholeNumber({ minimum: 2, unit: "connections" }), 10),
  ...retentionEntries,
});

/** Database of an event log. */
export interface PostgresEventLogOptions extends OptionsInput<typeof postgresEventLogOptions> {}

/**
 * An event log for processes on any number of machines. It wakes readers by `NOTIFY`, which carries run ids only. Needs the
 * package `pg`, which it loads on first use. Its tables are named `steer_log_…`; a store may have the same database.
 *
 * @example
 * ```ts
 * const events = new PostgresEventLog({ connectionString: "postgres://steer@db.internal/steer" });
 * const orchestrator = new ReliableOrchestrator({ store: "postgres", events });
 * ```
 */
export class PostgresEventLog extends SqlEventLog {
  /** @throws InvalidOptionsError */
  constructor(options?: PostgresEventLogOptions) {
    const { retentionMs, ...given } = resolveOptions(postgresEventLogOptions, options);
    const server = serverOf(given);
    super("postgres", retentionMs, async () => new PostgresLogConnection(server));
  }
}

const channel = "steer_log";
/** Pause before a connection that was lost is opened again. */
const listenAgainMs = 1_000;

/**
 * Job: one Postgres database of a log.
 * Boundary: the driver is the store's connection's affair.
 * Invariants:
 * 1. Batches are one statement, which commits by itself: any pooled connection will do.
 * 2. While it is watched, one connection listens; one that is lost is opened again.
 */
class PostgresLogConnection implements LogConnection {
  readonly store = "postgres";
  readonly dialect: Dialect;
  readonly #connection: PostgresConnection;
  readonly #append: string;

  constructor(server: ConstructorParameters<typeof PostgresConnection>[0]) {
    const schema = { scripts: logMigrations('COLLATE "C"', ""), versions: "steer_log_migration" };
    this.#connection = new PostgresConnection(server, schema);
    this.dialect = this.#connection.dialect;
    this.#append = appendStatement(this.dialect);
  }

  read(query: SqlQuery): Promise<readonly SqlRow[]> {
    return this.#connection.read(query);
  }

  write(query: SqlQuery): Promise<readonly SqlRow[]> {
    return this.#connection.write(query);
  }

  async append(batches: readonly EncodedBatch[]): Promise<ReadonlySet<string>> {
    const values = [JSON.stringify(batches)];
    const rows = await this.#connection.write({ operation: "append", text: this.#append, values });
    return new Set(rows.map(({ runId }) => runId));
  }

  watch(listener: (runIds: ReadonlySet<string>) => void): () => void {
    let isWatched = true;
    let stop = () => {};
    const listen = async () => {
      try {
        const stopListening = await this.#connection.listen(channel, (runId) => listener(new Set([runId])), again);
        if (isWatched) stop = stopListening;
        else stopListening();
      } catch {
        again();
      }
    };
    const again = () => {
      if (isWatched) stop = systemClock.schedule(() => void listen(), listenAgainMs);
    };
    void listen();
    return () => {
      isWatched = false;
      stop();
    };
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

function appendStatement(dialect: Dialect): string {
  const { assignments, condition } = appendTo(dialect, (name) => `given."${name}"`);
  return `
    WITH given AS (
      SELECT * FROM json_to_recordset(CAST($1 AS json)) AS batch (
        "runId" text, "writer" text, "firstSeq" bigint, "lastSeq" bigint, "events" json, "toolName" text,
        "status" text, "isEnd" boolean, "confidence" double precision, "costUsd" text)
    ), taken AS (
      UPDATE steer_log_run SET ${assignments} FROM given WHERE ${condition}
      RETURNING steer_log_run.run_id, given."firstSeq", given."events"
    ), added AS (
      INSERT INTO steer_log_event (run_id, seq, body)
      SELECT run_id, "firstSeq" + event.place - 1, event.body
      FROM taken, json_array_elements_text(taken."events") WITH ORDINALITY AS event (body, place)
      ON CONFLICT (run_id, seq) DO NOTHING
      RETURNING run_id
    ), told AS (
      SELECT pg_notify('${channel}', run_id) FROM (SELECT DISTINCT run_id FROM added) AS run
    )
    SELECT run_id AS "runId", (SELECT count(*) FROM told) AS told FROM taken`;
}

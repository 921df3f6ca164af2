import * as v from "valibot";
import { systemClock } from "../../core/clock.ts";
import { lazily } from "../../core/lazily.ts";
import { declareOptions, milliseconds, type OptionsInput, resolveOptions, text } from "../../core/options.ts";
import { type Dialect, positional } from "../sql.ts";
import { inOrder, type SqlQuery, type SqlRow, type SqlValue } from "../sql-store.ts";
import type { RunStatement, SqliteConnection, SqliteFile } from "../sqlite.ts";
import { clockedEntries } from "./log-options.ts";
import { appendTo, type EncodedBatch, logMigrations } from "./log-statements.ts";
import { type LogConnection, SqlEventLog } from "./sql-log.ts";

export const sqliteEventLogOptions = declareOptions("SqliteEventLogOptions", "new SqliteEventLog(…)", {
  /** The file; it and its folder are made where they are missing. Not that of a store. Default: `.steer/events.sqlite`. */
  path: v.optional(text("a path of a file"), ".steer/events.sqlite"),
  /** Wait for another process's write lock. */
  busyTimeoutMs: v.optional(milliseconds(), 5_000),
  ...clockedEntries,
});

/** File of an event log, and its retention. */
export interface SqliteEventLogOptions extends OptionsInput<typeof sqliteEventLogOptions> {}

const loadSqlite = lazily(() => import("../sqlite.ts"));

/**
 * An event log in a file, for the processes of one machine. It has a file of its own, so that events never hold up claims. What
 * it confirmed survives the end of its processes; a power cut may take the last moment's events.
 *
 * @example
 * ```ts
 * const events = new SqliteEventLog({ path: "data/events.sqlite" });
 * const orchestrator = new ReliableOrchestrator({ store: "sqlite", events });
 * ```
 */
export class SqliteEventLog extends SqlEventLog {
  /** @throws InvalidOptionsError */
  constructor(options?: SqliteEventLogOptions) {
    const { retentionMs, ...file } = resolveOptions(sqliteEventLogOptions, options);
    super("sqlite", retentionMs, async () => SqliteLogConnection.open(file));
  }
}

/** Pause between two looks for what other processes have written. */
const lookMs = 250;
/** Most events that one look takes. */
const seenPerLook = 10_000;

/**
 * Job: one SQLite file of a log.
 * Boundary: the file itself is the store's connection's affair.
 * Invariants:
 * 1. Listeners hear of this process's events at once, and of others' within `lookMs`.
 * 2. Without listeners nothing looks.
 */
class SqliteLogConnection implements LogConnection {
  readonly store = "sqlite";
  readonly dialect: Dialect;
  readonly #connection: SqliteConnection;
  readonly #statements: ReturnType<typeof appendStatements>;
  #wake: ((runIds: ReadonlySet<string>) => void) | undefined;

  static async open(file: SqliteFile): Promise<SqliteLogConnection> {
    const { SqliteConnection } = await loadSqlite();
    // Ids are never used twice, so that a look can go on from the last one.
    const scripts = logMigrations("", "id INTEGER PRIMARY KEY AUTOINCREMENT,");
    // A flush blocks the process; the run itself is safe in its store.
    return new SqliteLogConnection(new SqliteConnection(file, { scripts, synchronous: "NORMAL" }));
  }

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
    this.dialect = connection.dialect;
    this.#statements = appendStatements(connection.dialect);
  }

  read(query: SqlQuery): Promise<readonly SqlRow[]> {
    return this.#connection.read(query);
  }

  write(query: SqlQuery): Promise<readonly SqlRow[]> {
    return this.#connection.write(query);
  }

  async append(batches: readonly EncodedBatch[]): Promise<ReadonlySet<string>> {
    const taken = await this.#connection.transact("append", (run) => {
      return new Set(batches.filter((batch) => this.#append(run, batch)).map(({ runId }) => runId));
    });
    const written = batches.filter(({ runId, events }) => events.length > 0 && taken.has(runId));
    if (written.length > 0) this.#wake?.(new Set(written.map(({ runId }) => runId)));
    return taken;
  }

  watch(listener: (runIds: ReadonlySet<string>) => void): () => void {
    this.#wake = listener;
    let lastId: number | undefined;
    let stopWaiting = () => {};
    const look = async () => {
      try {
        const [latest, rows] = await this.#eventsAfter(lastId);
        lastId = latest;
        if (rows.size > 0) this.#wake?.(rows);
      } catch {
        // A file that cannot be read now is looked at again.
      }
      if (this.#wake === listener) stopWaiting = systemClock.schedule(() => void look(), lookMs);
    };
    void look();
    return () => {
      if (this.#wake === listener) this.#wake = undefined;
      stopWaiting();
    };
  }

  close(): Promise<void> {
    this.#wake = undefined;
    return this.#connection.close();
  }

  #append(run: RunStatement, batch: EncodedBatch): boolean {
    const { update, insert } = this.#statements;
    const { events, isEnd, ...named } = batch;
    const values: Record<string, SqlValue> = { ...named, isEnd: isEnd ? 1 : 0 };
    if (run(update.text, inOrder(update, values)).length === 0) return false;
    for (const [index, body] of events.entries())
      run(insert.text, inOrder(insert, { runId: batch.runId, seq: batch.firstSeq + index, body }));
    return true;
  }

  /** The number of the latest event, and the runs of those after `id`; of none at the first look. */
  async #eventsAfter(id: number | undefined): Promise<readonly [number, ReadonlySet<string>]> {
    const text =
      id === undefined
        ? "SELECT coalesce(max(id), 0) AS id FROM steer_log_event"
        : `SELECT id, run_id AS "runId" FROM steer_log_event WHERE id > ? ORDER BY id LIMIT ${seenPerLook}`;
    const rows = await this.#connection.read({ operation: "list", text, values: id === undefined ? [] : [id] });
    const latest = rows.at(-1)?.["id"] ?? id ?? 0;
    return [latest, new Set(id === undefined ? [] : rows.map(({ runId }) => runId))];
  }
}

function appendStatements(dialect: Dialect) {
  const { assignments, condition } = appendTo(dialect, (name) => `$${name}`);
  return {
    update: positional(`UPDATE steer_log_run SET ${assignments} WHERE ${condition} RETURNING run_id`, dialect),
    insert: positional(
      "INSERT INTO steer_log_event (run_id, seq, body) VALUES ($runId, $seq, $body) ON CONFLICT (run_id, seq) DO NOTHING",
      dialect,
    ),
  };
}

import { join } from "node:path";
import * as v from "valibot";
import { type Clock, wallClock } from "../core/clock.ts";
import { checkedBy, declareOptions, milliseconds, type OptionsInput, resolveOptions, text } from "../core/options.ts";
import { SqlStore } from "./sql-store.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { defaultJournalTtlMs } from "./store.ts";
import { tellsTime } from "./tells-time.ts";

const sqliteStoreOptions = declareOptions("SqliteStoreOptions", "new SqliteStore(…)", {
  /** The file; it and its folder are made where they are missing. Default: `.steer/runs.sqlite`. */
  path: v.optional(text("a path of a file"), join(".steer", "runs.sqlite")),
  /** How long to wait for another process's write lock. */
  busyTimeoutMs: v.optional(milliseconds(), 5_000),
  /** How long the journal of a run that never settled stays. Default: 7 days. */
  journalTtlMs: v.optional(milliseconds(), defaultJournalTtlMs),
  /** What time it is. Default: the machine's wall clock, which all its processes share. */
  clock: v.optional(checkedBy<Pick<Clock, "now">>(tellsTime, "an object with a now function"), wallClock),
});

/** Where a SQLite store keeps its file, and how long it waits for others. */
export interface SqliteStoreOptions extends OptionsInput<typeof sqliteStoreOptions> {}

/**
 * A store in a file, for the processes of one machine. What it confirmed survives a crash and a power cut. Writes that
 * are asked for at the same time share one fsync.
 *
 * Node 22 prints a warning that its SQLite is experimental; Node 24 does not.
 *
 * @example
 * ```ts
 * const orchestrator = new ReliableOrchestrator({ store: new SqliteStore({ path: "data/runs.sqlite" }) });
 * ```
 */
export class SqliteStore extends SqlStore {
  /** @throws InvalidOptionsError */
  constructor(options?: SqliteStoreOptions) {
    const { journalTtlMs, ...file } = resolveOptions(sqliteStoreOptions, options);
    super(new SqliteConnection(file), journalTtlMs);
  }
}

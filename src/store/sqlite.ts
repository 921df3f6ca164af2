import { join } from "node:path";
import { type Clock, wallClock } from "../core/clock.ts";
import { SqlStore } from "./sql-store.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

/** Where a SQLite store keeps its file, and how long it waits for others. */
export interface SqliteStoreOptions {
  /** The file; it and its folder are made where they are missing. Default: `.steer/runs.sqlite`. */
  readonly path?: string | undefined;
  /** How long to wait for another process's write lock, in milliseconds. Default: 5,000. */
  readonly busyTimeoutMs?: number | undefined;
  /** How long the journal of a run that never settled stays, in milliseconds. Default: 7 days. */
  readonly journalTtlMs?: number | undefined;
  /** Default: the machine's wall clock, which all its processes share. */
  readonly clock?: Pick<Clock, "now"> | undefined;
}

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
  constructor(options: SqliteStoreOptions = {}) {
    const { path = join(".steer", "runs.sqlite"), busyTimeoutMs = 5_000, clock = wallClock } = options;
    super(new SqliteConnection({ path, busyTimeoutMs, clock }), options.journalTtlMs);
  }
}

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import * as v from "valibot";
import { StoreError, type StoreOperation } from "../contract/errors.ts";
import { type Clock, wallClock } from "../core/clock.ts";
import { checkedBy, declareOptions, milliseconds, type OptionsInput, resolveOptions, text } from "../core/options.ts";
import { tellsTime } from "./claim-rule.ts";
import { blockingMs, GroupCommit, retryWhileBusy } from "./group-commit.ts";
import { type Dialect, migrations } from "./sql.ts";
import { type SqlConnection, type SqlQuery, type SqlRow, SqlStore, type SqlValue } from "./sql-store.ts";
import { notADatabase, sqliteError } from "./sqlite-errors.ts";
import { defaultJournalTtlMs } from "./store.ts";
import { newerSchema, storeClosed } from "./store-errors.ts";

export const sqliteStoreOptions = declareOptions("SqliteStoreOptions", "new SqliteStore(…)", {
  /** The file; it and its folder are made where they are missing. Default: `.steer/runs.sqlite`. */
  path: v.optional(text("a path of a file"), join(".steer", "runs.sqlite")),
  /** Wait for another process's write lock. */
  busyTimeoutMs: v.optional(milliseconds(), 5_000),
  /** Retention of the journal of a run that never settled. Default: 7 days. */
  journalTtlMs: v.optional(milliseconds(), defaultJournalTtlMs),
  /** Clock of the leases. Default: the machine's wall clock, which all its processes share. */
  clock: v.optional(checkedBy<Pick<Clock, "now">>(tellsTime, "an object with a now function"), wallClock),
});

/** File of a SQLite store, and its wait for other writers. */
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

const dialect: Dialect = {
  now: "steer_now()",
  nextFence: "(SELECT last + 1 FROM steer_fence)",
  byteOrder: "",
  forShare: "",
  skipLocked: "",
  placeholder: () => "?",
  automatics: `
    CREATE TABLE steer_fence (last bigint NOT NULL);
    INSERT INTO steer_fence VALUES (CAST(steer_now() AS INTEGER));
    CREATE TRIGGER steer_fence_taken AFTER INSERT ON steer_run
      BEGIN UPDATE steer_fence SET last = NEW.fence; END;
    CREATE TRIGGER steer_fence_retaken AFTER UPDATE OF fence ON steer_run
      BEGIN UPDATE steer_fence SET last = NEW.fence; END;
    CREATE TRIGGER steer_run_settled AFTER UPDATE OF state ON steer_run WHEN NEW.state = 'settled'
      BEGIN DELETE FROM steer_replicate WHERE key = NEW.key; END;`,
};

interface Opened {
  readonly database: DatabaseSync;
  /** Device and inode: they tell the file from another of the same name. */
  readonly inode: string;
  readonly writes: GroupCommit;
  readonly prepared: Map<string, StatementSync>;
}

export interface SqliteFile {
  readonly path: string;
  readonly busyTimeoutMs: number;
  readonly clock: Pick<Clock, "now">;
}

/** Tables of a file, and what its writes survive. */
export interface SqliteSchema {
  /** One script a version. */
  readonly scripts: readonly string[];
  /** `"FULL"`: a power cut. `"NORMAL"`: the end of the process; a power cut may take the last ones. */
  readonly synchronous: "FULL" | "NORMAL";
}

const storeSchema: SqliteSchema = { scripts: migrations(dialect), synchronous: "FULL" };

/** Runs one statement of a change. */
export type RunStatement = (text: string, values: SqlValue[]) => readonly SqlRow[];

/**
 * Job: ask one SQLite file that other processes on this machine share.
 * Boundary: knows the file, its durability and its errors; statements come from outside.
 * Invariants:
 * 1. Opened by the first query; an open that failed is tried anew by the next one.
 * 2. A write that has resolved survives what its schema says: for stores a power cut, by WAL with `synchronous = FULL`.
 * 3. Closing lets the writes that were asked for end first.
 * 4. A file that was deleted or replaced while it was open is noticed by the next query, which fails; the one after it
 *    opens what is there then.
 * 5. The file is readable by its owner alone, where this process makes it.
 */
export class SqliteConnection implements SqlConnection {
  readonly store = "sqlite";
  readonly dialect = dialect;
  readonly #file: SqliteFile;
  readonly #schema: SqliteSchema;
  #opened: Promise<Opened> | undefined;
  #isClosed = false;

  /** @param schema what the file is to hold. Default: that of stores */
  constructor(file: SqliteFile, schema: SqliteSchema = storeSchema) {
    this.#file = file;
    this.#schema = schema;
  }

  read({ operation, text, values }: SqlQuery): Promise<readonly SqlRow[]> {
    return this.#use(operation, (opened) => prepare(opened, text).all(...values));
  }

  write({ operation, text, values }: SqlQuery): Promise<readonly SqlRow[]> {
    return this.#use(operation, (opened) => opened.writes.run(() => prepare(opened, text).all(...values)));
  }

  /** Runs several statements as one change. They may run twice. */
  transact<R>(operation: StoreOperation, work: (run: RunStatement) => R): Promise<R> {
    return this.#use(operation, (opened) =>
      opened.writes.run(() => work((text, values) => prepare(opened, text).all(...values))),
    );
  }

  async check(): Promise<readonly string[]> {
    const rows = await this.#use("verify", ({ database }) => database.prepare("PRAGMA integrity_check").all());
    return rows.map((row) => String(row["integrity_check"])).filter((finding) => finding !== "ok");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await opened?.writes.run(() => undefined).catch(() => undefined);
    opened?.database.close();
  }

  async #use<R>(operation: StoreOperation, work: (opened: Opened) => R | Promise<R>): Promise<R> {
    if (this.#isClosed) throw storeClosed(this.store, operation);
    try {
      const opened = await this.#open();
      if (inodeOf(this.#file.path) !== opened.inode) {
        this.#opened = undefined;
        opened.database.close();
        throw fileGone(operation, this.#file.path);
      }
      return await work(opened);
    } catch (error) {
      throw sqliteError(error, operation, this.#file.path);
    }
  }

  #open(): Promise<Opened> {
    this.#opened ??= openFile(this.#file, this.#schema).catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }
}

async function openFile(
  { path, busyTimeoutMs, clock }: SqliteFile,
  { scripts, synchronous }: SqliteSchema,
): Promise<Opened> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  assertDatabase(path);
  const database = new DatabaseSync(path, { timeout: blockingMs });
  try {
    database.function("steer_now", tellerOf(clock));
    const durability = `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`;
    await retryWhileBusy(() => database.exec(durability), busyTimeoutMs);
    await retryWhileBusy(() => migrate(database, path, scripts), busyTimeoutMs);
  } catch (error) {
    database.close();
    throw error;
  }
  return { database, inode: inodeOf(path), writes: new GroupCommit(database, busyTimeoutMs), prepared: new Map() };
}

/** First bytes of every database of SQLite. */
const magic = "SQLite format 3\0";

/**
 * Refuses what SQLite cannot tell from a new database: it takes a file of one byte for an empty one. A file that is long
 * enough for a whole header is left to SQLite, as closing it here would drop the locks that this process has on it.
 */
function assertDatabase(path: string): void {
  const file = statSync(path);
  if (file.isDirectory()) throw Object.assign(new Error("the path is a folder"), { code: "EISDIR" });
  if (file.size === 0 || file.size >= magic.length) return;
  if (magic.startsWith(readFileSync(path, "latin1"))) return;
  throw Object.assign(new Error("file is not a database"), { errcode: notADatabase });
}

function inodeOf(path: string): string {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file ? `${file.dev}:${file.ino}` : "none";
}

function fileGone(operation: StoreOperation, path: string): StoreError {
  return new StoreError({
    store: "sqlite",
    operation,
    reason: "failed",
    what: `the file ${path} was deleted or replaced while it was open`,
    advice: "Runs in flight lose their keys: let nothing remove the file while processes use it.",
  });
}

/** Made in a scope without the database: a function that refers to it would keep it from being collected. */
function tellerOf(clock: SqliteFile["clock"]): () => number {
  return () => clock.now();
}

/** Brings the schema up to date. Processes that do so at once wait for one another. */
function migrate(database: DatabaseSync, path: string, scripts: readonly string[]): void {
  if (versionOf(database) === scripts.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(database);
    if (version > scripts.length) throw newerSchema("sqlite", path, version, scripts.length);
    for (const script of scripts.slice(version)) database.exec(script);
    database.exec(`PRAGMA user_version = ${scripts.length}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
}

function prepare({ database, prepared }: Opened, text: string): StatementSync {
  let statement = prepared.get(text);
  if (!statement) {
    statement = database.prepare(text);
    prepared.set(text, statement);
  }
  return statement;
}

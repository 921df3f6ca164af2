import { EventEmitter } from "node:events";
import * as v from "valibot";
import { systemClock } from "../core/clock.ts";
import { hideSecrets } from "../core/errors.ts";
import { checkedBy, text } from "../core/options.ts";
import { missingDriver, postgresError } from "./postgres-errors.ts";
import type { Dialect } from "./sql.ts";
import type { SqlConnection, SqlQuery, SqlRow } from "./sql-store.ts";
import { newerSchema, storeClosed } from "./store-errors.ts";

/** The part of a `Pool` or a `Client` of the package `pg` that is used. */
export interface PostgresClient {
  /** Runs one statement. */
  query(query: any): Promise<{ rows: any[] }>;
}

/** Options that say where a database is. */
export const serverEntries = {
  /** Address of the database. Default: the environment variable `DATABASE_URL`, else what the `PG…` variables say. */
  connectionString: v.optional(text("a connection string, such as postgres://steer@db.internal/steer")),
  /** A `Pool` of the package `pg`. It stays open when what uses it is closed. Default: a pool of its own. */
  client: v.optional(checkedBy<PostgresClient>(isClient, "a Pool of the package pg")),
};

/** Returns true for what runs statements as the package `pg` does. */
function isClient(value: unknown): boolean {
  return typeof (value as Partial<PostgresClient> | null | undefined)?.query === "function";
}

/** Returns the server that options name, and hides its password from whatever is shown or logged. */
export function serverOf({
  connectionString = process.env["DATABASE_URL"],
  ...server
}: PostgresServer): PostgresServer {
  hideSecrets(passwordsIn(connectionString));
  return { connectionString, ...server };
}

/** Password of an address, as written and decoded. One that is a name, such as that of the user, is not hidden. */
export function passwordsIn(address = ""): string[] {
  const url = URL.parse(address);
  if (!url?.password || [url.username, url.pathname.slice(1), url.hostname, "postgres"].includes(url.password))
    return [];
  try {
    return [url.password, decodeURIComponent(url.password)];
  } catch {
    return [url.password];
  }
}

export const postgresDialect: Dialect = {
  now: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS double precision)",
  nextFence: "nextval('steer_fence')",
  byteOrder: 'COLLATE "C"',
  forShare: "FOR SHARE",
  skipLocked: "FOR UPDATE SKIP LOCKED",
  placeholder: (n) => `$${n}`,
  automatics: `
    CREATE SEQUENCE steer_fence;
    SELECT setval('steer_fence', CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint));
    CREATE FUNCTION steer_clear_journal() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN DELETE FROM steer_replicate WHERE key = NEW.key; RETURN NULL; END $$;
    CREATE TRIGGER steer_run_settled AFTER UPDATE OF state ON steer_run FOR EACH ROW WHEN (NEW.state = 'settled')
      EXECUTE FUNCTION steer_clear_journal();`,
};

/** A database, and how many connections it is asked by. */
export interface PostgresServer {
  readonly connectionString?: string | undefined;
  readonly client?: PostgresClient | undefined;
  readonly poolSize: number;
}

/** Tables of a database, and the one that holds their version. */
export interface PostgresSchema {
  /** One script a version. */
  readonly scripts: readonly string[];
  /** Name of the table that holds the versions. */
  readonly versions: string;
}

const closeMs = 5_000;

interface Opened {
  readonly client: PostgresClient;
  close(): Promise<void>;
}

/**
 * Job: one Postgres database, shared with processes anywhere.
 * Boundary: knows the driver, its types and its errors; statements come from outside.
 * Invariants:
 * 1. The driver is loaded, and the schema brought up to date, by the first query; one that failed is tried anew.
 * 2. Each query is one statement that commits by itself: any pooled connection will do, also behind PgBouncer.
 * 3. A pool that was handed in is never closed.
 * 4. Closing takes at most `closeMs`, whatever the server does.
 * 5. A connection that breaks while it is idle or being ended ends no process.
 */
export class PostgresConnection implements SqlConnection {
  readonly store = "postgres";
  readonly dialect = postgresDialect;
  readonly #server: PostgresServer;
  readonly #schema: PostgresSchema;
  #opened: Promise<Opened> | undefined;
  #isClosed = false;

  /** @param schema what the database is to hold */
  constructor(server: PostgresServer, schema: PostgresSchema) {
    this.#server = server;
    this.#schema = schema;
  }

  async read({ operation, text, values }: SqlQuery): Promise<readonly SqlRow[]> {
    if (this.#isClosed) throw storeClosed(this.store, operation);
    try {
      const { client } = await this.#open();
      return (await client.query({ text, values, types })).rows;
    } catch (error) {
      throw postgresError(error, operation);
    }
  }

  write(query: SqlQuery): Promise<readonly SqlRow[]> {
    return this.read(query);
  }

  /**
   * Listens to a channel on a connection of its own, until the function that it gives is called. A lost connection is told once.
   */
  async listen(channel: string, listener: (payload: string) => void, onLost: () => void): Promise<() => void> {
    try {
      const { client } = await this.#open();
      return await listenOn(client, channel, listener, onLost);
    } catch (error) {
      throw postgresError(error, "open");
    }
  }

  async check(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opening = this.#opened;
    this.#opened = undefined;
    const closing = opening?.then(
      (opened) => opened.close(),
      () => {},
    );
    if (closing) await within(closeMs, closing);
  }

  #open(): Promise<Opened> {
    this.#opened ??= openServer(this.#server, this.#schema).catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }
}

async function openServer(
  { client, connectionString, poolSize }: PostgresServer,
  schema: PostgresSchema,
): Promise<Opened> {
  const opened = client
    ? { client: listenTo(client), close: async () => {} }
    : await openPool(connectionString, poolSize);
  try {
    await migrate(opened.client, schema);
  } catch (error) {
    await opened.close();
    throw error;
  }
  return opened;
}

async function openPool(connectionString: string | undefined, poolSize: number): Promise<Opened> {
  const { Pool } = (await importDriver()).default;
  const pool = new Pool({
    ...(connectionString === undefined ? {} : { connectionString }),
    application_name: "steer-llm-sdk",
    max: poolSize,
    connectionTimeoutMillis: 10_000,
    query_timeout: 30_000,
    allowExitOnIdle: true,
  });
  return { client: listenTo(pool), close: () => pool.end() };
}

/** `pg` is an optional peer. Bundlers let it be missing only inside `try`. */
async function importDriver(): Promise<typeof import("pg")> {
  try {
    return await import("pg");
  } catch (cause) {
    throw missingDriver(cause);
  }
}

/**
 * Listens to the errors of a pool: an idle connection that breaks would end the process. The next query opens another.
 * A pool that was handed in is listened to once, for as long as it lives: it may break while its owner ends it.
 */
function listenTo<C extends PostgresClient>(client: C): C {
  if (client instanceof EventEmitter && !client.listeners("error").includes(ignore)) client.on("error", ignore);
  return client;
}

function ignore(): void {}

/** A pool lends a connection for as long as is listened; a single client listens itself. */
async function listenOn(
  client: any,
  channel: string,
  listener: (payload: string) => void,
  onLost: () => void,
): Promise<() => void> {
  const isPool = typeof client.idleCount === "number";
  const connection = isPool ? await client.connect() : client;
  const hear = (message: { channel: string; payload?: string }) => {
    if (message.channel === channel) listener(message.payload ?? "");
  };
  let isListening = true;
  const stop = () => {
    if (!isListening) return;
    isListening = false;
    connection.off("notification", hear);
    connection.off("error", lose);
    // A connection that listens is not lent to others.
    if (isPool) connection.release(true);
    else connection.query(`UNLISTEN ${channel}`).catch(() => {});
  };
  const lose = () => {
    stop();
    onLost();
  };
  connection.on("notification", hear);
  connection.on("error", lose);
  await connection.query(`LISTEN ${channel}`).catch((error: unknown) => {
    stop();
    throw error;
  });
  return stop;
}

/** Resolves with the work, and without it once so much time has passed: a server that is gone answers no goodbye. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const done = new AbortController();
  const limit = systemClock.sleep(ms, { signal: done.signal }).catch(() => {});
  await Promise.race([work, limit]).finally(() => done.abort());
}

/** Brings the schema up to date. Each step is one transaction, and of processes that try it at once, one succeeds. */
async function migrate(client: PostgresClient, { scripts, versions }: PostgresSchema): Promise<void> {
  for (;;) {
    const version = await versionOf(client, versions);
    if (version > scripts.length) throw newerSchema("postgres", "the database", version, scripts.length);
    if (version === scripts.length) return;
    await unless("23505", client.query({ text: migrationStep(versions, version + 1, scripts[version] as string) }));
  }
}

function migrationStep(versions: string, version: number, script: string): string {
  return `
    SELECT pg_advisory_xact_lock(hashtext('${versions}'));
    CREATE TABLE IF NOT EXISTS ${versions} (version integer PRIMARY KEY);
    INSERT INTO ${versions} VALUES (${version});
    ${script}`;
}

async function versionOf(client: PostgresClient, versions: string): Promise<number> {
  const undefinedTable = "42P01";
  const found = await unless(undefinedTable, client.query({ text: `SELECT max(version) AS version FROM ${versions}` }));
  return found?.rows[0]?.version ?? 0;
}

/** Resolves with the result of a query, or `undefined` where it failed with this SQLSTATE. */
async function unless<R>(sqlState: string, query: Promise<R>): Promise<R | undefined> {
  return query.catch((error) => {
    if ((error as { code?: unknown }).code === sqlState) return undefined;
    throw error;
  });
}

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === "t",
  20: Number,
  701: Number,
};

/** Parsers by type id: booleans, `bigint` and `double precision` as JavaScript has them, the rest as text. */
const types = { getTypeParser: (typeId: number) => parsers[typeId] ?? String };

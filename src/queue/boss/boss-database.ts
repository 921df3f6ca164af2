import type { Db, PgBoss } from "pg-boss";
import { isOrchestratorError, StoreError } from "../../contract/errors.ts";
import { postgresError } from "../../store/postgres-errors.ts";
import { mostAttempts } from "../run-job.ts";
import type { QueuedTool } from "../run-queue.ts";

/**
 * Job: pg-boss on one database, its queues, and who hears of news in them.
 * Boundary: knows pg-boss and its table of jobs; decides nothing about a job.
 * Invariants:
 * 1. pg-boss is loaded, and its tables made, by the first use; one that failed is tried anew.
 * 2. One queue for each version of a tool, made before the first job.
 * 3. A notification is a hint: who waits for one also looks by itself.
 */

/** Schema of the queue's tables, apart from a pg-boss of the user's own. */
export const schema = "steer_queue";
export const jobTable = `${schema}.job`;

/** Connections of a process to its queue, beside the one that hears notifications. */
const mostConnections = 4;
/** Longest wait for an answer of the database, as that of a store: a connection that went silent is given up. */
const queryMs = 30_000;
const daySeconds = 86_400;
const channel = "steer_queue";

/** Retries of a job, beside those that count no attempt. */
export const retryLimit = mostAttempts - 1;

const queueSettings = {
  policy: "standard",
  retryLimit,
  retryDelay: 0,
  // The longest that pg-boss allows: a run has its own deadline, and workers look for lost jobs themselves.
  expireInSeconds: daySeconds,
  retentionSeconds: 365 * daySeconds,
  // Never: only dead jobs stay in the table, until they are redriven or discarded.
  deleteAfterSeconds: 0,
} as const;

type ListenHandle = Awaited<ReturnType<NonNullable<Db["listen"]>>>;

/** News from any process: jobs in a queue, or a job that was cancelled. */
export type News = { readonly queue: string } | { readonly cancelled: string };

export class BossDatabase {
  readonly #connectionString: string | undefined;
  readonly #queues = new Map<string, Promise<string>>();
  readonly #listeners = new Set<(news: News | undefined) => void>();
  #opening: Promise<PgBoss> | undefined;
  #listening: Promise<ListenHandle | undefined> | undefined;

  constructor(connectionString: string | undefined) {
    this.#connectionString = connectionString;
  }

  open(): Promise<PgBoss> {
    this.#opening ??= startBoss(this.#connectionString).catch((error) => {
      this.#opening = undefined;
      throw asStoreError(error);
    });
    return this.#opening;
  }

  async query(text: string, values?: unknown[]): Promise<any[]> {
    const boss = await this.open();
    try {
      return (await boss.getDb().executeSql(text, values)).rows;
    } catch (error) {
      throw asStoreError(error);
    }
  }

  /** Runs work inside one transaction. */
  async transaction<R>(work: (db: Db) => Promise<R>): Promise<R> {
    const boss = await this.open();
    const beginning = boss.getDb().beginTransaction?.();
    const transaction = await beginning?.catch((error) => {
      throw asStoreError(error);
    });
    if (!transaction) throw new Error("This pg-boss opens no transactions. Install pg-boss 12.38 or newer.");
    try {
      const result = await work(transaction.db);
      await transaction.commit();
      return result;
    } catch (error) {
      await transaction.rollback();
      throw asStoreError(error);
    }
  }

  /** Returns the name of a tool's queue, which is there by then. */
  queueOf(tool: QueuedTool): Promise<string> {
    const name = queueName(tool);
    const making =
      this.#queues.get(name) ??
      this.open()
        .then((boss) => boss.createQueue(name, queueSettings))
        .then(() => name);
    this.#queues.set(name, making);
    making.catch(() => this.#queues.delete(name));
    return making;
  }

  /** Calls back with news, and with `undefined` where some may have been missed. */
  async watch(listener: (news: News | undefined) => void): Promise<() => void> {
    this.#listeners.add(listener);
    this.#listening ??= this.#listen();
    try {
      await this.#listening;
    } catch (error) {
      this.#listening = undefined;
      this.#listeners.delete(listener);
      throw error;
    }
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#listeners.clear();
    const listening = await this.#listening?.catch(() => undefined);
    this.#listening = undefined;
    await listening?.close();
    const boss = await opening?.catch(() => undefined);
    await boss?.stop({ graceful: false });
  }

  /** A database behind PgBouncer has no notifications: workers then look by themselves. */
  async #listen(): Promise<ListenHandle | undefined> {
    const tell = (news: News | undefined) => {
      for (const listener of this.#listeners) listener(news);
    };
    const boss = await this.open();
    return boss
      .getDb()
      .listen?.(
        channel,
        (payload) => tell(JSON.parse(payload)),
        () => tell(undefined),
      )
      .catch(() => undefined);
  }
}

/** SQL of a notification whose text is a parameter. */
export function notifying(parameter: string): string {
  return `pg_notify('${channel}', ${parameter})`;
}

async function startBoss(connectionString: string | undefined): Promise<PgBoss> {
  const { PgBoss } = await importBoss();
  const settings = {
    ...(connectionString !== undefined && { connectionString }),
    schema,
    application_name: "steer-llm-sdk",
    max: mostConnections,
    // For the pool of `pg`: pg-boss hands on what it does not know.
    query_timeout: queryMs,
    schedule: false,
    registerInstance: false,
  };
  const boss = new PgBoss(settings);
  // Connections that break are opened again; the call that needed one rejects.
  boss.on("error", () => {});
  try {
    return await boss.start();
  } catch (error) {
    await boss.stop({ graceful: false }).catch(() => {});
    throw error;
  }
}

function asStoreError(error: unknown): unknown {
  return isOrchestratorError(error) ? error : postgresError(error, "queue");
}

/** `pg-boss` is an optional peer. Bundlers let it be missing only inside `try`. */
async function importBoss(): Promise<typeof import("pg-boss")> {
  try {
    return await import("pg-boss");
  } catch (cause) {
    throw new StoreError({
      store: "postgres",
      operation: "open",
      reason: "missing_driver",
      what: 'the package "pg-boss" is not installed',
      advice: "Install it: npm install pg-boss@12",
      cause,
    });
  }
}

/** pg-boss takes letters, digits and some signs in a name; others are written as `_` and their UTF-8 bytes. */
function queueName({ name, version }: QueuedTool): string {
  return `run/${encoded(name)}/${encoded(version)}`;
}

function encoded(text: string): string {
  return text.replace(/[^A-Za-z0-9.-]/gu, (sign) =>
    [...Buffer.from(sign)].map((byte) => `_${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}

/** Returns the tool of a queue; `undefined` for a queue of pg-boss's own. */
export function toolOf(queue: string): QueuedTool | undefined {
  const [kind, name, version] = queue.split("/");
  return kind === "run" && name !== undefined && version !== undefined
    ? { name: decoded(name), version: decoded(version) }
    : undefined;
}

function decoded(text: string): string {
  return decodeURIComponent(text.replaceAll("_", "%"));
}

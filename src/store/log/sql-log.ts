import type { StoreOperation } from "../../contract/errors.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import { tellListener } from "../../core/emitter.ts";
import { createId } from "../../core/random.ts";
import { type Dialect, positional } from "../sql.ts";
import { inOrder, type SqlConnection, type SqlRow, type SqlValue } from "../sql-store.ts";
import { decodeJson, decodeKey, encodeKey, storeClosed } from "../store-errors.ts";
import {
  detailsIn,
  type EventLog,
  type LogBatch,
  type LogFilter,
  type LoggedRun,
  type LoggedRunDetails,
  type LogPage,
  type NewLoggedRun,
  type OpenedRun,
  statusesOf,
} from "./event-log.ts";
import { cursorOf, placeOf } from "./log-cursor.ts";
import {
  begin,
  type EncodedBatch,
  findPlace,
  findRun,
  goOn,
  listRuns,
  readEvents,
  type Sql,
  statusOf,
  sweepRuns,
} from "./log-statements.ts";

/**
 * Job: the port over SQL, once for every database.
 * Boundary: knows statements and rows; a connection knows the database, how it appends, and how it wakes.
 * Invariants:
 * 1. The database is opened by the first use.
 * 2. Events and what they add up to are written as one change.
 * 3. Every 64th run sweeps up to 128 whose retention is over: a log never outgrows what it is to keep.
 * 4. A list costs its page, however many runs there are.
 */

/** One database of a log. Every method rejects with a `StoreError`. */
export interface LogConnection extends Pick<SqlConnection, "store" | "dialect" | "read" | "write" | "close"> {
  /** Writes batches as one change. Resolves with the ids of those that were taken. */
  append(batches: readonly EncodedBatch[]): Promise<ReadonlySet<string>>;
  /** Hears of runs with new events, from any process, until the function that it gives is called. */
  watch(listener: (runIds: ReadonlySet<string>) => void): () => void;
}

const runsPerSweep = 64;
const pageSize = 1_000;

export class SqlEventLog implements EventLog {
  readonly #connect: () => Promise<LogConnection>;
  readonly #store: string;
  readonly #retentionMs: number;
  readonly #listeners = new Set<{ readonly call: (runIds: ReadonlySet<string>) => void }>();
  #connection: Promise<LogConnection> | undefined;
  #stopWatching: Promise<() => void> | undefined;
  #runs = 0;
  #isClosed = false;

  constructor(store: string, retentionMs: number, connect: () => Promise<LogConnection>) {
    this.#store = store;
    this.#retentionMs = retentionMs;
    this.#connect = connect;
  }

  async open({ requestId, traceId, key, fingerprint, writer }: NewLoggedRun): Promise<OpenedRun> {
    if (this.#runs++ % runsPerSweep === 0) await this.#sweepSome("open", 2 * runsPerSweep);
    const encode = (text: string) => encodeKey(text, this.#store, "open");
    const named = {
      requestId: encode(requestId),
      traceId: encode(traceId),
      key: key === undefined ? null : encode(key),
      fingerprint: fingerprint ?? null,
      writer,
    };
    const [going] = key === undefined ? [] : await this.#write("open", goOn, named);
    if (going) return openedIn(going);
    const [begun] = await this.#write("open", begin, { ...named, runId: named.requestId });
    if (begun) return openedIn(begun);
    const [announced] = writer === "" ? await this.#read("open", findPlace, { runId: named.requestId }) : [];
    if (announced) return openedIn(announced);
    const [other] = await this.#write("open", begin, { ...named, runId: createId() });
    return openedIn(other as SqlRow);
  }

  async append(batches: readonly LogBatch[]): Promise<readonly string[]> {
    const connection = await this.#connected("append");
    const encoded = batches.map((batch) => encodedBatch(batch, this.#store));
    const taken = encoded.length === 0 ? new Set<string>() : await connection.append(encoded);
    return batches.filter((_, index) => !taken.has(encoded[index]?.runId ?? "")).map(({ runId }) => runId);
  }

  async read(runId: string, afterSeq = -1): Promise<readonly OrchestrationEvent[]> {
    const named = { runId: this.#key(runId, "show"), afterSeq };
    const rows = await this.#read("show", readEvents, named);
    return rows.map(({ body }) => this.#decode(body, runId));
  }

  async find(runId: string): Promise<LoggedRunDetails | undefined> {
    const [row] = await this.#read("show", findRun, { runId: this.#key(runId, "show") });
    if (!row) return undefined;
    const [first, last] = [row["first"], row["last"]].map((body) => (body ? this.#decode(body, runId) : undefined));
    return { ...toRun(row), ...detailsIn(first, last) };
  }

  async list(filter: LogFilter = {}, cursor?: string): Promise<LogPage> {
    const { limit = 100 } = filter;
    const { conditions, named } = this.#conditionsOf(filter, cursor);
    const query = (dialect: Dialect) => listRuns(dialect, conditions(dialect));
    const rows = await this.#read("list", query, { ...named, limit: limit + 1 });
    const runs = rows.slice(0, limit).map(toRun);
    const last = runs.at(-1);
    return { runs, ...(last && rows.length > limit && { cursor: cursorOf(last) }) };
  }

  watch(listener: (runIds: ReadonlySet<string>) => void): () => void {
    const listening = { call: listener };
    this.#listeners.add(listening);
    this.#stopWatching ??= this.#connected("list").then(
      (connection) => connection.watch((runIds) => this.#wake(runIds)),
      () => () => {},
    );
    return () => {
      this.#listeners.delete(listening);
      if (this.#listeners.size === 0) this.#unwatch();
    };
  }

  async sweep(): Promise<number> {
    let swept = 0;
    for (let page = pageSize; page === pageSize; swept += page) page = await this.#sweepSome("sweep", pageSize);
    return swept;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#unwatch();
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  #wake(runIds: ReadonlySet<string>): void {
    const decoded = new Set([...runIds].map(decodeKey));
    for (const { call } of this.#listeners) tellListener(call, decoded);
  }

  #unwatch(): void {
    void this.#stopWatching?.then((stop) => stop());
    this.#stopWatching = undefined;
  }

  #conditionsOf(filter: LogFilter, cursor: string | undefined) {
    const { toolName, key, idPrefix, atLeast, below } = filter;
    const statuses = statusesOf(filter);
    const place = cursor === undefined ? undefined : placeOf(cursor);
    const named: Record<string, SqlValue> = {
      ...(toolName !== undefined && { toolName: this.#key(toolName, "list") }),
      ...(key !== undefined && { key: this.#key(key, "list") }),
      ...(idPrefix !== undefined && {
        idFrom: this.#key(idPrefix, "list"),
        idTo: `${this.#key(idPrefix, "list")}\u{10ffff}`,
      }),
      ...(atLeast !== undefined && { atLeast }),
      ...(below !== undefined && { below }),
      ...(place && { startedMs: place.startedMs, runId: this.#key(place.runId, "list") }),
      ...Object.fromEntries(statuses?.map((status, index) => [`status${index}`, status]) ?? []),
    };
    const conditions = (dialect: Dialect): readonly string[] => [
      ...(toolName === undefined ? [] : ["tool = $toolName"]),
      ...(key === undefined ? [] : ["key = $key"]),
      ...(idPrefix === undefined ? [] : ["run_id >= $idFrom", "run_id < $idTo"]),
      ...(atLeast === undefined ? [] : ["confidence >= $atLeast"]),
      ...(below === undefined ? [] : ["confidence < $below"]),
      ...(place ? ["(started_ms, run_id) < ($startedMs, $runId)"] : []),
      ...(statuses
        ? [`${statusOf(dialect)} IN (${statuses.map((_, index) => `$status${index}`).join(", ") || "NULL"})`]
        : []),
    ];
    return { conditions, named };
  }

  async #sweepSome(operation: StoreOperation, limit: number): Promise<number> {
    return (await this.#write(operation, sweepRuns, { retentionMs: this.#retentionMs, limit })).length;
  }

  async #read(operation: StoreOperation, sql: Sql, named: Named): Promise<readonly SqlRow[]> {
    const connection = await this.#connected(operation);
    const statement = positional(sql(connection.dialect), connection.dialect);
    return connection.read({ operation, text: statement.text, values: inOrder(statement, named) });
  }

  async #write(operation: StoreOperation, sql: Sql, named: Named): Promise<readonly SqlRow[]> {
    const connection = await this.#connected(operation);
    const statement = positional(sql(connection.dialect), connection.dialect);
    return connection.write({ operation, text: statement.text, values: inOrder(statement, named) });
  }

  #connected(operation: StoreOperation): Promise<LogConnection> {
    if (this.#isClosed) return Promise.reject(storeClosed(this.#store, operation));
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  #key(text: string, operation: StoreOperation): string {
    return encodeKey(text, this.#store, operation);
  }

  #decode(body: string, runId: string): OrchestrationEvent {
    return decodeJson<OrchestrationEvent>(body, runId, this.#store, "show");
  }
}

type Named = Readonly<Record<string, SqlValue>>;
function encodedBatch({ runId, writer, firstSeq, events, facts }: LogBatch, store: string): EncodedBatch {
  const { toolName, status, confidence = null, costUsd } = facts;
  return {
    runId: encodeKey(runId, store, "append"),
    writer,
    firstSeq,
    lastSeq: firstSeq + events.length - 1,
    events,
    toolName: encodeKey(toolName, store, "append"),
    status,
    isEnd: status !== "running" && status !== "retrying",
    confidence,
    costUsd: costUsd === undefined ? null : JSON.stringify(costUsd),
  };
}

function openedIn({ runId, lastSeq }: SqlRow): OpenedRun {
  return { runId: decodeKey(runId), nextSeq: lastSeq + 1 };
}

function toRun(row: SqlRow): LoggedRun {
  const { runId, requestId, traceId, key, toolName, status, startedMs, endedMs, lastSeq, confidence, costUsd } = row;
  return {
    runId: decodeKey(runId),
    requestId: decodeKey(requestId),
    traceId: decodeKey(traceId),
    ...(key !== null && { key: decodeKey(key) }),
    toolName: decodeKey(toolName),
    status,
    startedMs,
    ...(endedMs !== null && { endedMs }),
    lastSeq,
    ...(confidence !== null && { confidence }),
    ...(costUsd !== null && { costUsd: JSON.parse(costUsd) }),
  };
}

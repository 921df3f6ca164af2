import type { Dialect } from "../sql.ts";
import { aliveMs, eventsPerRead } from "./event-log.ts";

/** A statement with named values. */
export type Sql = (dialect: Dialect) => string;

/** A batch as columns have it. */
export interface EncodedBatch {
  readonly runId: string;
  readonly writer: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly events: readonly string[];
  readonly toolName: string;
  readonly status: string;
  readonly isEnd: boolean;
  readonly confidence: number | null;
  /** JSON: a number, or `null`; absent before the first cost. */
  readonly costUsd: string | null;
}

/** Schema of a log, a script per version. A script that was released never changes. */
export function logMigrations(byteOrder: string, eventId: string): readonly string[] {
  return [
    `CREATE TABLE steer_log_run (
       run_id text ${byteOrder} PRIMARY KEY,
       request_id text NOT NULL,
       trace_id text NOT NULL,
       key text,
       fingerprint text,
       writer text NOT NULL,
       tool text NOT NULL,
       status text NOT NULL,
       started_ms double precision NOT NULL,
       ended_ms double precision,
       heard_ms double precision NOT NULL,
       last_seq bigint NOT NULL,
       confidence double precision,
       cost_usd text
     );
     CREATE INDEX steer_log_run_started ON steer_log_run (started_ms, run_id);
     CREATE INDEX steer_log_run_key ON steer_log_run (key, started_ms);
     CREATE INDEX steer_log_run_heard ON steer_log_run (heard_ms);
     CREATE TABLE steer_log_event (
       ${eventId}
       run_id text ${byteOrder} NOT NULL REFERENCES steer_log_run (run_id) ON DELETE CASCADE,
       seq bigint NOT NULL,
       body text NOT NULL,
       UNIQUE (run_id, seq)
     );`,
  ];
}

/**
 * A run that says nothing for `aliveMs` is abandoned; also one that says so from the future: the clock was set back. A run
 * without a writer waits for one.
 */
export const statusOf: Sql = ({ now }) =>
  `CASE WHEN ended_ms IS NULL AND writer <> '' AND abs(${now} - heard_ms) >= ${aliveMs} THEN 'abandoned' ELSE status END`;

const columns: Sql = (dialect) => `
  run_id AS "runId", request_id AS "requestId", trace_id AS "traceId", key, tool AS "toolName",
  ${statusOf(dialect)} AS status, started_ms AS "startedMs", ended_ms AS "endedMs", last_seq AS "lastSeq",
  confidence, cost_usd AS "costUsd"`;

/** Takes up the latest run of a key, where it has not ended. An announcement leaves it to its writer. */
export const goOn: Sql = ({ now }) => `
  UPDATE steer_log_run SET writer = CASE WHEN $writer = '' THEN writer ELSE $writer END,
    heard_ms = CASE WHEN $writer = '' THEN heard_ms ELSE ${now} END
  WHERE run_id = (SELECT run_id FROM steer_log_run WHERE key = $key ORDER BY started_ms DESC, run_id DESC LIMIT 1)
    AND fingerprint = $fingerprint AND ended_ms IS NULL
  RETURNING run_id AS "runId", last_seq AS "lastSeq"`;

/** No row where another run has the id. A writer that asks again, as its answer was lost, gets its run. */
export const begin: Sql = ({ now }) => `
  INSERT INTO steer_log_run
    (run_id, request_id, trace_id, key, fingerprint, writer, tool, status, started_ms, heard_ms, last_seq)
  VALUES ($runId, $requestId, $traceId, $key, $fingerprint, $writer, '', 'running', ${now}, ${now}, -1)
  ON CONFLICT (run_id) DO UPDATE SET heard_ms = excluded.heard_ms
    WHERE steer_log_run.writer = excluded.writer AND steer_log_run.last_seq = -1
  RETURNING run_id AS "runId", last_seq AS "lastSeq"`;

export const findPlace: Sql = () => `
  SELECT run_id AS "runId", last_seq AS "lastSeq" FROM steer_log_run WHERE run_id = $runId`;

export const readEvents: Sql = () => `
  SELECT body FROM steer_log_event WHERE run_id = $runId AND seq > $afterSeq ORDER BY seq LIMIT ${eventsPerRead}`;

export const findRun: Sql = (dialect) => `
  SELECT ${columns(dialect)},
    (SELECT body FROM steer_log_event WHERE run_id = steer_log_run.run_id AND seq = 0) AS first,
    (SELECT body FROM steer_log_event WHERE run_id = steer_log_run.run_id AND seq = last_seq) AS last
  FROM steer_log_run WHERE run_id = $runId`;

export const listRuns = (dialect: Dialect, conditions: readonly string[]) => `
  SELECT ${columns(dialect)} FROM steer_log_run
  ${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : ""}
  ORDER BY started_ms DESC, run_id DESC LIMIT $limit`;

export const sweepRuns: Sql = ({ now, skipLocked }) => `
  DELETE FROM steer_log_run WHERE run_id IN (
    SELECT run_id FROM steer_log_run WHERE heard_ms <= ${now} - $retentionMs ORDER BY heard_ms LIMIT $limit ${skipLocked})
  RETURNING run_id`;

/** Assignments and conditions of the run that a batch is added to. `value` names a column of the batch. */
export function appendTo({ now }: Dialect, value: (name: keyof EncodedBatch) => string) {
  return {
    assignments: `
      tool = ${value("toolName")}, status = ${value("status")}, heard_ms = ${now},
      last_seq = CASE WHEN last_seq < ${value("lastSeq")} THEN ${value("lastSeq")} ELSE last_seq END,
      confidence = ${value("confidence")}, cost_usd = ${value("costUsd")},
      ended_ms = CASE WHEN ended_ms IS NULL AND ${value("isEnd")} THEN ${now} ELSE ended_ms END`,
    condition: `
      steer_log_run.run_id = ${value("runId")} AND steer_log_run.writer = ${value("writer")}
      AND ${value("firstSeq")} <= last_seq + 1 AND (ended_ms IS NULL OR ${value("lastSeq")} <= last_seq)`,
  };
}

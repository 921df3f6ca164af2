import type { OrchestrationEvent } from "../../contract/event.ts";
import type { OrchestrationOutput, OutputError } from "../../contract/output.ts";

/**
 * State of a run in the log. `retrying`: a call of it failed, and is being tried again. `abandoned`: its process has said
 * nothing for `aliveMs`; a run of the same key continues it.
 */
export type LoggedStatus = "running" | "retrying" | "completed" | "partial" | "failed" | "cancelled" | "abandoned";

/** Every status, those of runs that go on first. */
export const loggedStatuses = [
  "running",
  "retrying",
  "abandoned",
  "completed",
  "partial",
  "failed",
  "cancelled",
] as const satisfies readonly LoggedStatus[];

/** A run as a list shows it. */
export interface LoggedRun {
  /** Names the run in its log: its request id, or a new one where another run has that. */
  readonly runId: string;
  readonly requestId: string;
  readonly traceId: string;
  /** Idempotency key. */
  readonly key?: string | undefined;
  /** Tool that was chosen first; `""` before. */
  readonly toolName: string;
  readonly status: LoggedStatus;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  /** Milliseconds since 1970; absent before the end. */
  readonly endedMs?: number | undefined;
  /** Number of the last event; -1 before the first. */
  readonly lastSeq: number;
  /** Confidence of the latest summary; absent before the first. */
  readonly confidence?: number | undefined;
  /** US dollars so far; `null` where a price is not known; absent before the first cost. */
  readonly costUsd?: number | null | undefined;
}

/** A run with what it was asked and what it gave. */
export interface LoggedRunDetails extends LoggedRun {
  /** Request, as `redact` let it through; absent before the first event. */
  readonly request?: unknown;
  /** Final output; absent before the end, and of a run that rejected. */
  readonly output?: OrchestrationOutput | undefined;
  /** Failure that ended the run. */
  readonly error?: OutputError | undefined;
}

/** A run that begins, or continues under its key. */
export interface NewLoggedRun {
  readonly requestId: string;
  readonly traceId: string;
  readonly key?: string | undefined;
  /** Fingerprint that two runs of one key agree on; there with a key. */
  readonly fingerprint?: string | undefined;
  /**
   * Names the one who appends. Once a run is opened with another writer, the earlier one is refused. `""` announces a run that
   * waits for a worker: it takes no writer's place, gives the run that has its id already, and is not abandoned before another
   * writer opens it.
   */
  readonly writer: string;
}

/** A run that can be appended to. */
export interface OpenedRun {
  readonly runId: string;
  /** Number of its next event: 0, or that after the last one of the attempt which it continues. */
  readonly nextSeq: number;
}

/** State that a run's events add up to. */
export interface RunFacts {
  readonly toolName: string;
  readonly status: Exclude<LoggedStatus, "abandoned">;
  readonly confidence?: number | undefined;
  readonly costUsd?: number | null | undefined;
}

/** Events of one run, in their order. */
export interface LogBatch {
  readonly runId: string;
  readonly writer: string;
  /** Number of the first of them. */
  readonly firstSeq: number;
  /** Each event as JSON. None at all says that the run is alive. */
  readonly events: readonly string[];
  /** State that all events so far add up to. */
  readonly facts: RunFacts;
}

/** Runs that are wanted. */
export interface LogFilter {
  readonly toolName?: string | undefined;
  readonly status?: LoggedStatus | readonly LoggedStatus[] | undefined;
  readonly key?: string | undefined;
  /** Only runs whose id begins with this. */
  readonly idPrefix?: string | undefined;
  /** Only runs of at least this confidence. */
  readonly atLeast?: number | undefined;
  /** Only runs below this confidence. */
  readonly below?: number | undefined;
  /** Most runs in the page. Default: 100. */
  readonly limit?: number | undefined;
}

/** Runs, the one that started last first. */
export interface LogPage {
  readonly runs: readonly LoggedRun[];
  /** Leads to the next page; absent on the last one. */
  readonly cursor?: string | undefined;
}

/**
 * Log of runs and their events, beside the store: others watch runs by it, while they go on and later. Every method
 * rejects with a `StoreError`. Test a log of your own with `eventLogConformance` of `steer-llm-sdk/testing`.
 *
 * @example
 * ```ts
 * const events: EventLog = new SqliteEventLog({ path: "data/events.sqlite" });
 * const orchestrator = new ReliableOrchestrator({ store: "sqlite", events });
 * const { runs } = await events.list({ toolName: "triage", status: "retrying" });
 * ```
 */
export interface EventLog {
  /**
   * Begins a run. One of the same key and fingerprint that has not ended is continued: its writer is gone, for it no longer
   * holds the key.
   */
  open(run: NewLoggedRun): Promise<OpenedRun>;
  /**
   * Keeps events, each once, however often it is given. Resolves with the ids of runs that it refused: unknown or ended
   * ones, those that another writer has opened since, and those whose events would leave a gap.
   */
  append(batches: readonly LogBatch[]): Promise<readonly string[]>;
  /** Events of a run in their order, those after `afterSeq` (default: all), at most 256. None: there are no more yet. */
  read(runId: string, afterSeq?: number): Promise<readonly OrchestrationEvent[]>;
  /** A run with its request and its output. */
  find(runId: string): Promise<LoggedRunDetails | undefined>;
  /** Runs by their start, the latest first; from a page's `cursor` on. */
  list(filter?: LogFilter, cursor?: string): Promise<LogPage>;
  /**
   * Wakes a listener with the ids of runs that have new events, from any process. It may miss some, so readers also look by
   * themselves now and then. Returns a function that ends it.
   */
  watch(listener: (runIds: ReadonlySet<string>) => void): () => void;
  /** Removes runs whose retention is over. Logs do so by themselves, a little with each run. Resolves with their number. */
  sweep(): Promise<number>;
  /** Ends the log's own work and connections. A second call does nothing. */
  close(): Promise<void>;
}

/** Methods of an object that can serve as an event log. */
export const eventLogMethods = [
  "open",
  "append",
  "read",
  "find",
  "list",
  "watch",
  "sweep",
  "close",
] as const satisfies readonly (keyof EventLog)[];

/** Time without a sign of life after which a run that goes on counts as abandoned. Writers give one three times in it. */
export const aliveMs = 30_000;

/** Retention of a run after its last sign of life: 7 days. */
export const defaultRetentionMs = 7 * 24 * 3_600_000;

/** Most events of one `read`. */
export const eventsPerRead = 256;

/** Returns true of a status after which no event comes. */
export function isEnd(status: LoggedStatus): status is "completed" | "partial" | "failed" | "cancelled" {
  return status === "completed" || status === "partial" || status === "failed" || status === "cancelled";
}

/** Statuses of a filter; `undefined` where it takes any. */
export function statusesOf({ status }: LogFilter): readonly LoggedStatus[] | undefined {
  return typeof status === "string" ? [status] : status;
}

/** Request and output that stand in the first and the last event of a run. */
export function detailsIn(
  first: OrchestrationEvent | undefined,
  last: OrchestrationEvent | undefined,
): Pick<LoggedRunDetails, "request" | "output" | "error"> {
  const output = last && "output" in last ? last.output : undefined;
  return {
    ...(first?.type === "run_started" && { request: first.request }),
    ...(output && { output }),
    ...(last?.type === "run_failed" && { error: last.error }),
  };
}

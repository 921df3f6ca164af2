import type { EventType } from "../../contract/event.ts";
import { systemClock } from "../../core/clock.ts";
import type { EventLog, LogBatch, OpenedRun, RunFacts } from "../../store/log/event-log.ts";

/** One event log to try, on data that nothing else uses. */
export interface EventLogUnderTest {
  readonly log: EventLog;
  /** Another log on the same data, as another process would open it. Left out where a log's data ends with it. */
  readonly reopen?: (() => Promise<EventLog>) | undefined;
  /** Lets milliseconds pass for signs of life and retention. A log with a clock of its own may have to wait for real. */
  passTime(ms: number): Promise<void>;
  /** Retention of the log, in milliseconds. */
  readonly retentionMs: number;
  /** Called after the test, which has closed its logs by then. */
  dispose?(): Promise<void>;
}

/** Promises of an event log, and what holds each of them. */
export type EventLogLaws = Readonly<Record<string, (subject: EventLogUnderTest) => Promise<void>>>;

/** A run of a writer that begins. */
export const newRun = (requestId: string, writer = "writer") => ({
  requestId,
  traceId: `trace of ${requestId}`,
  writer,
});

/** An event as JSON. */
export function text(seq: number, type: EventType, data: object): string {
  const envelope = {
    timestamp: "2026-01-01T00:00:00.000Z",
    traceId: "trace",
    requestId: "run",
    source: "",
    attempt: 1,
  };
  return JSON.stringify({ type, seq, ...envelope, ...data });
}

/** Events with the numbers from `from` up to `to`. */
export function batchOf(
  { runId }: Pick<OpenedRun, "runId">,
  from: number,
  to: number,
  facts: Partial<RunFacts> = {},
  writer = "writer",
): LogBatch {
  const events = range(from, to).map((seq) => text(seq, "progress", { name: `event ${seq}` }));
  return { runId, writer, firstSeq: from, events, facts: { toolName: "sample", status: "running", ...facts } };
}

/** Appends events of the usual writer. @returns the ids of runs that the log refuses */
export function keep(
  log: EventLog,
  run: Pick<OpenedRun, "runId">,
  from: number,
  to: number,
  facts?: Partial<RunFacts>,
): Promise<readonly string[]> {
  return log.append([batchOf(run, from, to, facts)]);
}

/** Begins a run, and appends its first event. */
export async function started(log: EventLog, requestId: string, facts: Partial<RunFacts>, key?: string): Promise<void> {
  const run = await log.open({ ...newRun(requestId), ...(key !== undefined && { key }) });
  await keep(log, run, 0, 1, facts);
}

export async function seqsOf(log: EventLog, runId: string, afterSeq?: number): Promise<number[]> {
  return (await log.read(runId, afterSeq)).map(({ seq }) => seq);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

/** A moment of real time: logs of other processes are woken by their own means. */
export function shortly(): Promise<void> {
  return systemClock.sleep(50);
}

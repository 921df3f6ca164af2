import * as v from "valibot";
import type { StoreOperation } from "../../contract/errors.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import type { Clock } from "../../core/clock.ts";
import { compareBytes } from "../../core/compare-bytes.ts";
import { tellListener } from "../../core/emitter.ts";
import { declareOptions, type OptionsInput, resolveOptions, wholeNumber } from "../../core/options.ts";
import { createId } from "../../core/random.ts";
import { KeyQueue } from "../memory-records.ts";
import { decodeJson, storeClosed } from "../store-errors.ts";
import {
  aliveMs,
  detailsIn,
  type EventLog,
  eventsPerRead,
  isEnd,
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
import { clockedEntries } from "./log-options.ts";

/**
 * Job: keep runs and their events in this process.
 * Boundary: survives nothing; no other process sees it.
 * Invariants:
 * 1. Each method does its work in one synchronous step, so no two calls interleave.
 * 2. Events are kept as JSON text: no reference leads into the log.
 * 3. Past `maxRuns`, and once it has expired, the run that started first goes; one that goes on never does.
 * 4. Opening looks through the oldest runs faster than they can grow.
 */

export const memoryEventLogOptions = declareOptions("MemoryEventLogOptions", "new MemoryEventLog(…)", {
  /** Most runs that are kept; more only while more go on. */
  maxRuns: v.optional(wholeNumber({ minimum: 1, unit: "runs" }), 1_000),
  ...clockedEntries,
});

/** Size and retention of an event log in memory. */
export interface MemoryEventLogOptions extends OptionsInput<typeof memoryEventLogOptions> {}

/** Oldest runs that opening looks at: one more than it can add. */
const looksPerRun = 2;

interface MemoryRun extends LoggedRun {
  readonly fingerprint: string | undefined;
  readonly writer: string;
  readonly heardMs: number;
  readonly events: string[];
}

/**
 * An event log for one process: for tests, and for a service of one process whose runs need not outlive it.
 *
 * @example
 * ```ts
 * const orchestrator = new ReliableOrchestrator({ events: new MemoryEventLog({ maxRuns: 500 }) });
 * ```
 */
export class MemoryEventLog implements EventLog {
  readonly #maxRuns: number;
  readonly #retentionMs: number;
  readonly #clock: Pick<Clock, "now">;
  readonly #runs = new Map<string, MemoryRun>();
  /** Run ids as they may go: a run that goes on is put last when it is met. */
  readonly #oldest = new KeyQueue();
  /** Latest run of each key. */
  readonly #ofKey = new Map<string, string>();
  readonly #listeners = new Set<{ readonly call: (runIds: ReadonlySet<string>) => void }>();
  #isClosed = false;

  /** @throws InvalidOptionsError */
  constructor(options?: MemoryEventLogOptions) {
    const { maxRuns, retentionMs, clock } = resolveOptions(memoryEventLogOptions, options);
    this.#maxRuns = maxRuns;
    this.#retentionMs = retentionMs;
    this.#clock = clock;
  }

  async open({ requestId, traceId, key, fingerprint, writer }: NewLoggedRun): Promise<OpenedRun> {
    const nowMs = this.#nowUnlessClosed("open");
    for (let looks = 0; looks < looksPerRun; looks++) this.#removeOldest(nowMs);
    const going = key === undefined ? undefined : this.#runs.get(this.#ofKey.get(key) ?? "");
    if (going && going.fingerprint === fingerprint && !isEnd(going.status)) {
      if (writer !== "") this.#runs.set(going.runId, { ...going, writer, heardMs: nowMs });
      return { runId: going.runId, nextSeq: going.lastSeq + 1 };
    }
    const taken = this.#runs.get(requestId);
    // A writer that asks again, as its answer was lost, gets its run.
    if (taken && writer === "") return { runId: requestId, nextSeq: taken.lastSeq + 1 };
    if (taken?.writer === writer && taken.lastSeq < 0) return { runId: requestId, nextSeq: 0 };
    const runId = taken ? createId() : requestId;
    const begun = { runId, requestId, traceId, key, toolName: "", status: "running", startedMs: nowMs } as const;
    this.#runs.set(runId, { ...begun, lastSeq: -1, fingerprint, writer, heardMs: nowMs, events: [] });
    this.#oldest.add(runId);
    if (key !== undefined) this.#ofKey.set(key, runId);
    return { runId, nextSeq: 0 };
  }

  async append(batches: readonly LogBatch[]): Promise<readonly string[]> {
    const nowMs = this.#nowUnlessClosed("append");
    const refused = batches.filter((batch) => !this.#append(batch, nowMs)).map(({ runId }) => runId);
    const written = new Set(batches.filter(({ events }) => events.length > 0).map(({ runId }) => runId));
    if (written.size > 0) for (const { call } of this.#listeners) tellListener(call, written);
    return refused;
  }

  async read(runId: string, afterSeq = -1): Promise<readonly OrchestrationEvent[]> {
    this.#nowUnlessClosed("show");
    const from = afterSeq + 1;
    const texts = this.#runs.get(runId)?.events.slice(from, from + eventsPerRead) ?? [];
    return texts.map((text) => decodeJson<OrchestrationEvent>(text, runId, "memory", "show"));
  }

  async find(runId: string): Promise<LoggedRunDetails | undefined> {
    const nowMs = this.#nowUnlessClosed("show");
    const run = this.#runs.get(runId);
    if (!run) return undefined;
    const [first, last] = [run.events[0], run.events.at(-1)].map((text) =>
      text === undefined ? undefined : decodeJson<OrchestrationEvent>(text, runId, "memory", "show"),
    );
    return { ...describe(run, nowMs), ...detailsIn(first, last) };
  }

  async list(filter: LogFilter = {}, cursor?: string): Promise<LogPage> {
    const nowMs = this.#nowUnlessClosed("list");
    const { limit = 100 } = filter;
    const before = cursor === undefined ? undefined : placeOf(cursor);
    const matching = [...this.#runs.values()]
      .map((run) => describe(run, nowMs))
      .filter((run) => matches(run, filter) && (!before || compare(run, before) > 0))
      .sort(compare);
    const runs = matching.slice(0, limit);
    const last = runs.at(-1);
    return { runs, ...(last && matching.length > limit && { cursor: cursorOf(last) }) };
  }

  watch(listener: (runIds: ReadonlySet<string>) => void): () => void {
    const listening = { call: listener };
    this.#listeners.add(listening);
    return () => void this.#listeners.delete(listening);
  }

  async sweep(): Promise<number> {
    const nowMs = this.#nowUnlessClosed("sweep");
    const expired = [...this.#runs.values()].filter(({ heardMs }) => heardMs + this.#retentionMs <= nowMs);
    for (const run of expired) this.#remove(run);
    return expired.length;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#runs.clear();
    this.#oldest.clear();
    this.#ofKey.clear();
    this.#listeners.clear();
  }

  /** Returns false where the batch is refused. */
  #append({ runId, writer, firstSeq, events, facts }: LogBatch, nowMs: number): boolean {
    const run = this.#runs.get(runId);
    if (run?.writer !== writer || firstSeq > run.lastSeq + 1) return false;
    const fresh = events.slice(run.lastSeq + 1 - firstSeq);
    if (isEnd(run.status)) return fresh.length === 0;
    run.events.push(...fresh);
    this.#runs.set(runId, {
      ...run,
      ...facts,
      lastSeq: run.events.length - 1,
      heardMs: nowMs,
      ...(isEnd(facts.status) && { endedMs: nowMs }),
    });
    return true;
  }

  #removeOldest(nowMs: number): void {
    const run = this.#runs.get(this.#oldest.first ?? "");
    if (!run) return;
    const goesOn = !isEnd(run.status) && (run.writer === "" || run.heardMs + aliveMs > nowMs);
    if (goesOn) {
      this.#oldest.delete(run.runId);
      this.#oldest.add(run.runId);
    } else if (this.#runs.size >= this.#maxRuns || run.heardMs + this.#retentionMs <= nowMs) this.#remove(run);
  }

  #remove({ runId, key }: MemoryRun): void {
    this.#runs.delete(runId);
    this.#oldest.delete(runId);
    if (key !== undefined && this.#ofKey.get(key) === runId) this.#ofKey.delete(key);
  }

  #nowUnlessClosed(operation: StoreOperation): number {
    if (this.#isClosed) throw storeClosed("memory", operation);
    return this.#clock.now();
  }
}

function describe(run: MemoryRun, nowMs: number): LoggedRun {
  const { runId, requestId, traceId, key, toolName, startedMs, endedMs, lastSeq, confidence, costUsd } = run;
  const isAbandoned = !isEnd(run.status) && run.writer !== "" && Math.abs(nowMs - run.heardMs) >= aliveMs;
  return {
    runId,
    requestId,
    traceId,
    ...(key !== undefined && { key }),
    toolName,
    status: isAbandoned ? "abandoned" : run.status,
    startedMs,
    ...(endedMs !== undefined && { endedMs }),
    lastSeq,
    ...(confidence !== undefined && { confidence }),
    ...(costUsd !== undefined && { costUsd }),
  };
}

function matches(run: LoggedRun, filter: LogFilter): boolean {
  const { toolName, key, idPrefix = "", atLeast, below } = filter;
  const { confidence = Number.NaN } = run;
  return (
    (statusesOf(filter)?.includes(run.status) ?? true) &&
    (toolName === undefined || run.toolName === toolName) &&
    (key === undefined || run.key === key) &&
    run.runId.startsWith(idPrefix) &&
    (atLeast === undefined || confidence >= atLeast) &&
    (below === undefined || confidence < below)
  );
}

/** Orders the run that started last first; of those that started at once, by their ids. */
function compare(a: Pick<LoggedRun, "startedMs" | "runId">, b: Pick<LoggedRun, "startedMs" | "runId">): number {
  return b.startedMs - a.startedMs || compareBytes(b.runId, a.runId);
}

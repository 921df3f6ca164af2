import assert from "node:assert/strict";
import type { EventType } from "../contract/event.ts";
import { systemClock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import {
  aliveMs,
  type EventLog,
  eventsPerRead,
  type LogBatch,
  type LogFilter,
  type OpenedRun,
  type RunFacts,
} from "../store/log/event-log.ts";
import { assertRefused, sampleOutput } from "./store-conformance/law.ts";

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

/** Test runner and event log for the suite. */
export interface EventLogConformanceOptions {
  /** The runner's own function for a test. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Gives each test a log on empty data. */
  readonly open: () => Promise<EventLogUnderTest>;
}

/**
 * Defines the tests that every event log has to pass, with whatever test runner there is.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { MemoryEventLog } from "steer-llm-sdk/events";
 * import { createFakeClock, eventLogConformance } from "steer-llm-sdk/testing";
 *
 * eventLogConformance({
 *   test,
 *   async open() {
 *     const clock = createFakeClock();
 *     const retentionMs = 3_600_000;
 *     return { log: new MemoryEventLog({ clock, retentionMs }), passTime: clock.advance, retentionMs };
 *   },
 * });
 * ```
 */
export function eventLogConformance({ test, open }: EventLogConformanceOptions): void {
  for (const [promise, hold] of Object.entries(laws))
    test(promise, async () => {
      const subject = await open();
      try {
        await hold(subject);
      } finally {
        await subject.log.close();
        await subject.dispose?.();
      }
    });
}

const laws: Readonly<Record<string, (subject: EventLogUnderTest) => Promise<void>>> = {
  async "a run that begins has its request id and no event"({ log }) {
    assert.deepEqual(await log.open(newRun("run")), { runId: "run", nextSeq: 0 });
    assert.deepEqual(await log.read("run"), []);
    const run = await log.find("run");
    assert.deepEqual([run?.status, run?.lastSeq, run?.traceId], ["running", -1, "trace of run"]);
    assert.equal(await log.find("unknown"), undefined);
    assert.deepEqual(await log.read("unknown"), []);
  },

  async "events are read in their order, all of them or those after one, and no read is longer than it may be"({
    log,
  }) {
    const run = await log.open(newRun("run"));
    const count = eventsPerRead + 3;
    await keep(log, run, 0, count);
    assert.deepEqual(await seqsOf(log, "run"), range(0, eventsPerRead));
    assert.deepEqual(await seqsOf(log, "run", eventsPerRead - 1), range(eventsPerRead, count));
    assert.deepEqual(await seqsOf(log, "run", count - 1), []);
    assert.equal((await log.find("run"))?.lastSeq, count - 1);
  },

  async "an event that is given again, alone or with others, is kept once"({ log }) {
    const run = await log.open(newRun("run"));
    await keep(log, run, 0, 2);
    assert.deepEqual(await keep(log, run, 0, 2), []);
    assert.deepEqual(await keep(log, run, 1, 4), []);
    assert.deepEqual(await seqsOf(log, "run"), [0, 1, 2, 3]);
  },

  async "events that would leave a gap, and those of an unknown run, are refused, and others beside them are kept"({
    log,
  }) {
    const run = await log.open(newRun("run"));
    const gap = await log.open(newRun("gap"));
    const refused = await log.append([batchOf(gap, 1, 2), batchOf({ runId: "unknown" }, 0, 1), batchOf(run, 0, 1)]);
    assert.deepEqual([...refused].sort(), ["gap", "unknown"]);
    assert.deepEqual(await seqsOf(log, "run"), [0]);
    assert.deepEqual(await seqsOf(log, "gap"), []);
  },

  async "nothing comes after the end of a run, and its end may be given again"({ log }) {
    const run = await log.open(newRun("run"));
    await keep(log, run, 0, 2, { status: "completed" });
    assert.deepEqual(await keep(log, run, 1, 2, { status: "completed" }), []);
    assert.deepEqual(await keep(log, run, 2, 3), ["run"]);
    assert.deepEqual(await seqsOf(log, "run"), [0, 1]);
    const ended = await log.find("run");
    assert.equal(ended?.status, "completed");
    assert.ok((ended?.endedMs ?? 0) >= (ended?.startedMs ?? Number.POSITIVE_INFINITY));
  },

  async "a run of the same key and fingerprint is continued after its last event, and its earlier writer is refused"({
    log,
  }) {
    const run = await log.open({ ...newRun("first"), key: "key", fingerprint: "print" });
    await keep(log, run, 0, 2);
    const again = await log.open({ ...newRun("second", "other"), key: "key", fingerprint: "print" });
    assert.deepEqual(again, { runId: "first", nextSeq: 2 });
    assert.deepEqual(await keep(log, run, 2, 3), ["first"]);
    assert.deepEqual(await log.append([batchOf(again, 2, 4, {}, "other")]), []);
    assert.deepEqual(await seqsOf(log, "first"), [0, 1, 2, 3]);
    assert.equal((await log.list()).runs.length, 1);
  },

  async "a run that has ended, one of another request and one of another key are not continued"({ log, passTime }) {
    const ended = await log.open({ ...newRun("ended"), key: "key", fingerprint: "print" });
    await keep(log, ended, 0, 1, { status: "failed" });
    await passTime(1);
    assert.equal((await log.open({ ...newRun("next"), key: "key", fingerprint: "print" })).runId, "next");
    await passTime(1);
    assert.equal((await log.open({ ...newRun("other"), key: "key", fingerprint: "other" })).runId, "other");
    await passTime(1);
    assert.equal((await log.open({ ...newRun("third"), key: "third", fingerprint: "other" })).runId, "third");
    const { runs } = await log.list({ key: "key" });
    assert.deepEqual(
      runs.map(({ runId }) => runId),
      ["other", "next", "ended"],
    );
  },

  async "a run whose request id is taken gets another id, but for a writer that asks again"({ log }) {
    const run = await log.open(newRun("run"));
    assert.deepEqual(await log.open(newRun("run")), run);
    await keep(log, run, 0, 1);
    const other = await log.open(newRun("run", "other"));
    assert.notEqual(other.runId, "run");
    assert.equal((await log.find(other.runId))?.requestId, "run");
    assert.deepEqual(await log.append([batchOf(other, 0, 3, {}, "other")]), []);
    assert.deepEqual(await seqsOf(log, "run"), [0]);
  },

  async "a run is found with its request, its output and what its events add up to"({ log }) {
    const run = await log.open({ ...newRun("run"), key: "key" });
    const output = sampleOutput();
    const texts = [
      text(0, "run_started", { request: { report: "It crashes." } }),
      text(1, "run_completed", { output }),
    ];
    const facts = { toolName: "triage", status: "completed", confidence: 0.75, costUsd: null } as const;
    await log.append([{ runId: run.runId, writer: "writer", firstSeq: 0, events: texts, facts }]);
    const { startedMs, endedMs, ...found } = (await log.find("run")) ?? assert.fail("The run is not there.");
    assert.deepEqual(found, {
      runId: "run",
      requestId: "run",
      traceId: "trace of run",
      key: "key",
      toolName: "triage",
      status: "completed",
      lastSeq: 1,
      confidence: 0.75,
      costUsd: null,
      request: { report: "It crashes." },
      output,
    });
    assert.ok(endedMs !== undefined && endedMs >= startedMs);
  },

  async "a list takes the runs of a tool, of statuses, of a key, of ids and of a range of confidence"({ log }) {
    await started(log, "sure", { toolName: "triage", confidence: 0.9 });
    await started(log, "unsure", { toolName: "triage", confidence: 0.4, status: "retrying" });
    await started(log, "done", { toolName: "translate", status: "completed" }, "key");
    const idsOf = async (filter: LogFilter) => (await log.list(filter)).runs.map(({ runId }) => runId).sort();
    assert.deepEqual(await idsOf({}), ["done", "sure", "unsure"]);
    assert.deepEqual(await idsOf({ toolName: "triage" }), ["sure", "unsure"]);
    assert.deepEqual(await idsOf({ status: "retrying" }), ["unsure"]);
    assert.deepEqual(await idsOf({ status: ["completed", "running"] }), ["done", "sure"]);
    assert.deepEqual(await idsOf({ status: [] }), []);
    assert.deepEqual(await idsOf({ key: "key" }), ["done"]);
    assert.deepEqual(await idsOf({ idPrefix: "s" }), ["sure"]);
    assert.deepEqual(await idsOf({ idPrefix: "sur_" }), []);
    assert.deepEqual(await idsOf({ idPrefix: "" }), ["done", "sure", "unsure"]);
    assert.deepEqual(await idsOf({ below: 0.9 }), ["unsure"]);
    assert.deepEqual(await idsOf({ atLeast: 0.4, below: 0.95, toolName: "triage" }), ["sure", "unsure"]);
  },

  async "a list gives the run that started last first, page by page, each run once"({ log, passTime }) {
    for (const at of range(0, 7)) {
      await log.open(newRun(`run ${at}`));
      if (at % 2 === 0) await passTime(1);
    }
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await log.list({ limit: 2 }, cursor);
      assert.ok(page.runs.length <= 2);
      ids.push(...page.runs.map(({ runId }) => runId));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(
      ids,
      range(0, 7)
        .reverse()
        .map((at) => `run ${at}`),
    );
    const refusal = await log.list({}, "no cursor").catch((error: unknown) => error);
    assert.ok(InvalidOptionsError.isInstance(refusal));
  },

  async "a run without a sign of life is abandoned, and one that gives it is not"({ log, passTime }) {
    const quiet = await log.open(newRun("quiet"));
    const silent = await log.open(newRun("silent"));
    await keep(log, silent, 0, 1);
    await passTime(aliveMs - 1_000);
    assert.deepEqual(await keep(log, quiet, 0, 0), []);
    await passTime(2_000);
    assert.equal((await log.find("quiet"))?.status, "running");
    assert.equal((await log.find("silent"))?.status, "abandoned");
    assert.deepEqual(
      (await log.list({ status: "abandoned" })).runs.map(({ runId }) => runId),
      ["silent"],
    );
    assert.deepEqual(await keep(log, silent, 1, 2), []);
    assert.equal((await log.find("silent"))?.status, "running");
  },

  async "a run that is announced waits without a sign of life, and takes no writer's place"({ log, passTime }) {
    const named = { key: "key", fingerprint: "print" };
    const announced = await log.open({ ...newRun("run", ""), ...named });
    assert.deepEqual(announced, { runId: "run", nextSeq: 0 });
    assert.deepEqual(await log.append([batchOf(announced, 0, 0, { toolName: "triage" }, "")]), []);
    await passTime(aliveMs + 1_000);
    const { status, toolName } = (await log.find("run")) ?? assert.fail("The run is not there.");
    assert.deepEqual([status, toolName], ["running", "triage"]);
    assert.deepEqual(await log.open({ ...newRun("second"), ...named }), announced);
    assert.deepEqual(await log.open({ ...newRun("third", ""), ...named }), announced);
    assert.deepEqual(await keep(log, announced, 0, 1), []);
    assert.deepEqual(await log.append([batchOf(announced, 1, 2, {}, "")]), ["run"]);
    assert.deepEqual(await keep(log, announced, 1, 2, { status: "completed" }), []);
    assert.deepEqual(await log.open({ ...newRun("run", ""), ...named }), { runId: "run", nextSeq: 2 });
    assert.deepEqual(await seqsOf(log, "run"), [0, 1]);
  },

  async "texts of any characters come back as they were"({ log }) {
    const odd = 'é \u0000 \ud83d \ud83d\ude00 "\\\n\u2028 %_$1';
    const run = await log.open({ ...newRun(odd, odd.slice(0, 1)), key: odd, traceId: odd, fingerprint: "print" });
    const batch = batchOf(run, 0, 0, { toolName: odd }, odd.slice(0, 1));
    assert.deepEqual(await log.append([{ ...batch, events: [text(0, "progress", { name: odd })] }]), []);
    const [found] = (await log.list({ toolName: odd, key: odd })).runs;
    assert.deepEqual([found?.runId, found?.requestId, found?.traceId, found?.key], [odd, odd, odd, odd]);
    assert.equal(found?.toolName, odd);
    assert.equal((await log.read(odd)).map((event) => "name" in event && event.name)[0], odd);
  },

  async "a listener wakes for a run with new events, from any process, until it stops"({ log, reopen }) {
    const other = (await reopen?.()) ?? log;
    try {
      const run = await log.open(newRun("run"));
      const woken = Promise.withResolvers<void>();
      const stop = other.watch((runIds) => {
        if (runIds.has("run")) woken.resolve();
      });
      let next = 0;
      // A listener in another process may need a moment to be there.
      const appending = async () => {
        for (let isAwake = false; !isAwake; ) {
          await keep(log, run, next, ++next);
          isAwake = await Promise.race([woken.promise.then(() => true), shortly().then(() => false)]);
        }
      };
      await appending();
      stop();
      let isHeard = false;
      const stopAgain = log.watch(() => {
        isHeard = true;
      });
      stopAgain();
      await keep(log, run, next, next + 1);
      assert.equal(isHeard, false);
    } finally {
      if (other !== log) await other.close();
    }
  },

  async "a run goes with its events once its retention is over, and not before"({ log, passTime, retentionMs }) {
    await started(log, "old", { status: "completed" });
    await passTime(retentionMs - 1_000);
    await started(log, "young", {});
    await passTime(1_001);
    assert.equal(await log.sweep(), 1);
    assert.equal(await log.find("old"), undefined);
    assert.deepEqual(await log.read("old"), []);
    assert.equal((await log.find("young"))?.lastSeq, 0);
  },

  async "runs that are written at the same time are each whole"({ log, reopen }) {
    const other = (await reopen?.()) ?? log;
    try {
      const write = async (to: EventLog, at: number) => {
        const run = await to.open(newRun(`run ${at}`, `writer ${at}`));
        for (const seq of range(0, 10)) await to.append([batchOf(run, seq, seq + 1, {}, `writer ${at}`)]);
      };
      await Promise.all(range(0, 8).map((at) => write(at % 2 === 0 ? log : other, at)));
      for (const at of range(0, 8)) assert.deepEqual(await seqsOf(log, `run ${at}`), range(0, 10));
    } finally {
      if (other !== log) await other.close();
    }
  },

  async "a log that is opened again has what was kept"({ log, reopen }) {
    if (!reopen) return;
    const run = await log.open(newRun("run"));
    await keep(log, run, 0, 3, { status: "completed" });
    await log.close();
    const again = await reopen();
    try {
      assert.deepEqual(await seqsOf(again, "run"), [0, 1, 2]);
      assert.equal((await again.find("run"))?.status, "completed");
    } finally {
      await again.close();
    }
  },

  async "a log that was closed refuses everything, and closing it again does nothing"({ log }) {
    await log.open(newRun("run"));
    await log.close();
    await log.close();
    await assertRefused(log.open(newRun("other")), "closed");
    await assertRefused(log.append([batchOf({ runId: "run" }, 0, 1)]), "closed");
    await assertRefused(log.read("run"), "closed");
    await assertRefused(log.find("run"), "closed");
    await assertRefused(log.list(), "closed");
    await assertRefused(log.sweep(), "closed");
  },
};

const newRun = (requestId: string, writer = "writer") => ({ requestId, traceId: `trace of ${requestId}`, writer });

function text(seq: number, type: EventType, data: object): string {
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
function batchOf(
  { runId }: Pick<OpenedRun, "runId">,
  from: number,
  to: number,
  facts: Partial<RunFacts> = {},
  writer = "writer",
): LogBatch {
  const events = range(from, to).map((seq) => text(seq, "progress", { name: `event ${seq}` }));
  return { runId, writer, firstSeq: from, events, facts: { toolName: "sample", status: "running", ...facts } };
}

function keep(
  log: EventLog,
  run: Pick<OpenedRun, "runId">,
  from: number,
  to: number,
  facts?: Partial<RunFacts>,
): Promise<readonly string[]> {
  return log.append([batchOf(run, from, to, facts)]);
}

async function started(log: EventLog, requestId: string, facts: Partial<RunFacts>, key?: string): Promise<void> {
  const run = await log.open({ ...newRun(requestId), ...(key !== undefined && { key }) });
  await keep(log, run, 0, 1, facts);
}

async function seqsOf(log: EventLog, runId: string, afterSeq?: number): Promise<number[]> {
  return (await log.read(runId, afterSeq)).map(({ seq }) => seq);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

/** A moment of real time: logs of other processes are woken by their own means. */
function shortly(): Promise<void> {
  return systemClock.sleep(50);
}

import assert from "node:assert/strict";
import { InvalidOptionsError } from "../../core/errors.ts";
import { eventsPerRead, type LogFilter } from "../../store/log/event-log.ts";
import { sampleOutput } from "../store-conformance/law.ts";
import { type EventLogLaws, keep, newRun, range, seqsOf, shortly, started, text } from "./law.ts";

/** Laws of how runs and their events are found, listed and listened to. */
export const readingLaws: EventLogLaws = {
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
};

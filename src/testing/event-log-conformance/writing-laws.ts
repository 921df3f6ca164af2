import assert from "node:assert/strict";
import { aliveMs, type EventLog } from "../../store/log/event-log.ts";
import { batchOf, type EventLogLaws, keep, newRun, range, seqsOf, text } from "./law.ts";

/** Laws of how runs begin, and how their events are kept. */
export const writingLaws: EventLogLaws = {
  async "a run that begins has its request id and no event"({ log }) {
    assert.deepEqual(await log.open(newRun("run")), { runId: "run", nextSeq: 0 });
    assert.deepEqual(await log.read("run"), []);
    const run = await log.find("run");
    assert.deepEqual([run?.status, run?.lastSeq, run?.traceId], ["running", -1, "trace of run"]);
    assert.equal(await log.find("unknown"), undefined);
    assert.deepEqual(await log.read("unknown"), []);
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
};

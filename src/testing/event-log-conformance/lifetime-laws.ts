import assert from "node:assert/strict";
import { aliveMs } from "../../store/log/event-log.ts";
import { assertRefused } from "../store-conformance/law.ts";
import { batchOf, type EventLogLaws, keep, newRun, seqsOf, started } from "./law.ts";

/** Laws of how long runs are kept, and of the end of the log. */
export const lifetimeLaws: EventLogLaws = {
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

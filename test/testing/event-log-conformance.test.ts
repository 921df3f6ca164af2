import { describe, expect, test } from "vitest";
import { type EventLog, MemoryEventLog } from "../../src/events.ts";
import { createFakeClock, type EventLogUnderTest, eventLogConformance } from "../../src/testing.ts";

/** Conduct of a broken event log that differs from the sound one inside it. */
type Fault = (sound: MemoryEventLog) => Partial<EventLog> & { readonly elsewhere?: EventLog };

const refusesNothing: Fault = (sound) => ({
  async append(batches) {
    await sound.append(batches);
    return [];
  },
});

/** Every law, and an event log that is sound but for what that law forbids. */
const faults: Readonly<Record<string, Fault>> = {
  "a run that begins has its request id and no event": (sound) => ({
    open: async (run) => ({ ...(await sound.open(run)), nextSeq: 1 }),
  }),
  "events are read in their order, all of them or those after one, and no read is longer than it may be": (sound) => ({
    read: (runId) => sound.read(runId),
  }),
  "an event that is given again, alone or with others, is kept once": (sound) => ({
    async append(batches) {
      const lastSeqs = await Promise.all(batches.map(async ({ runId }) => (await sound.find(runId))?.lastSeq ?? -1));
      const fresh = batches.filter(({ firstSeq }, at) => firstSeq > (lastSeqs[at] as number));
      const again = batches.filter((batch) => !fresh.includes(batch)).map(({ runId }) => runId);
      return [...(await sound.append(fresh)), ...again];
    },
  }),
  "events that would leave a gap, and those of an unknown run, are refused, and others beside them are kept":
    refusesNothing,
  "nothing comes after the end of a run, and its end may be given again": refusesNothing,
  "a run of the same key and fingerprint is continued after its last event, and its earlier writer is refused": (
    sound,
  ) => ({ open: ({ key: _, ...run }) => sound.open(run) }),
  "a run that has ended, one of another request and one of another key are not continued": (sound) => ({
    open: (run) => sound.open({ ...run, fingerprint: "any" }),
  }),
  "a run whose request id is taken gets another id, but for a writer that asks again": (sound) => ({
    async open(run) {
      await sound.open(run);
      return { runId: run.requestId, nextSeq: 0 };
    },
  }),
  "a run is found with its request, its output and what its events add up to": (sound) => ({
    async find(runId) {
      const { costUsd: _, ...found } = (await sound.find(runId)) ?? {};
      return found as Awaited<ReturnType<EventLog["find"]>>;
    },
  }),
  "a list takes the runs of a tool, of statuses, of a key, of ids and of a range of confidence": (sound) => ({
    list: ({ idPrefix: _, ...filter } = {}, cursor) => sound.list(filter, cursor),
  }),
  "a list gives the run that started last first, page by page, each run once": (sound) => ({
    async list(filter, cursor) {
      const page = await sound.list(filter, cursor);
      return { ...page, runs: page.runs.toReversed() };
    },
  }),
  "a run without a sign of life is abandoned, and one that gives it is not": (sound) => ({
    async find(runId) {
      const found = await sound.find(runId);
      return found && { ...found, status: "running" };
    },
  }),
  "a run that is announced waits without a sign of life, and takes no writer's place": (sound) => ({
    open: (run) => sound.open({ ...run, writer: run.writer || "who announces" }),
  }),
  "texts of any characters come back as they were": (sound) => ({
    open: (run) => sound.open({ ...run, key: run.key?.toWellFormed() }),
  }),
  "a listener wakes for a run with new events, from any process, until it stops": (sound) => ({
    watch(listener) {
      sound.watch(listener);
      return () => {};
    },
  }),
  "a run goes with its events once its retention is over, and not before": () => ({ sweep: async () => 0 }),
  "runs that are written at the same time are each whole": (sound) => {
    let isBusy = false;
    return {
      async append(batches) {
        if (isBusy) return [];
        isBusy = true;
        await Promise.resolve();
        isBusy = false;
        return sound.append(batches);
      },
    };
  },
  "a log that is opened again has what was kept": () => ({ elsewhere: new MemoryEventLog() }),
  "a log that was closed refuses everything, and closing it again does nothing": () => ({ close: async () => {} }),
};

describe("the laws for event logs", () => {
  const laws = new Map<string, () => Promise<void>>();
  let fault: Fault = () => ({});
  eventLogConformance({ test: (name, body) => laws.set(name, body), open: async () => open(fault) });

  test("have a broken event log each", () => {
    expect(Object.keys(faults).sort()).toEqual([...laws.keys()].sort());
  });

  test.each(Object.entries(faults))("find the one that breaks: %s", async (promise, broken) => {
    const hold = laws.get(promise) as () => Promise<void>;
    fault = () => ({});
    await hold();
    fault = broken;
    await expect(hold()).rejects.toThrow();
  });
});

function open(fault: Fault): EventLogUnderTest {
  const clock = createFakeClock();
  const retentionMs = 3_600_000;
  const sound = new MemoryEventLog({ clock, retentionMs });
  const { elsewhere, ...changed } = fault(sound);
  const names = Object.getOwnPropertyNames(MemoryEventLog.prototype).filter((name) => name !== "constructor");
  const bound = Object.fromEntries(names.map((name) => [name, (sound as any)[name].bind(sound)]));
  return {
    log: { ...bound, ...changed } as any,
    ...(elsewhere && { reopen: async () => elsewhere }),
    passTime: clock.advance,
    retentionMs,
  };
}

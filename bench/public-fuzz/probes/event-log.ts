import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EventLog, MemoryEventLog, SqliteEventLog, streamRun } from "../../../src/events.ts";
import { InvalidOptionsError } from "../../../src/index.ts";
import { onCounts, onTexts, onValues, type Probe, range } from "../probe.ts";

const scratch = mkdtempSync(join(tmpdir(), "steer-fuzz-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
let logs = 0;

const facts = { toolName: "fuzz", status: "running" } as const;
const eventOf = (seq: number, more: object) => JSON.stringify({ type: "progress", seq, ...more });

const logProbes = (name: string, own: readonly string[], make: () => EventLog): readonly Probe[] => [
  onTexts(
    [`new ${name}`, ...own].join(", "),
    async (text) => {
      const log = make();
      try {
        const identity = { requestId: text, traceId: text, key: text, fingerprint: text, writer: text };
        const { runId } = await log.open(identity);
        const stop = log.watch(() => {});
        await log.append([{ runId, writer: text, firstSeq: 0, events: [eventOf(0, { name: text })], facts }]);
        stop();
        await log.sweep();
        return [await log.find(runId), await log.list({ key: text, toolName: text }), await log.read(runId)];
      } finally {
        await log.close();
      }
    },
    `${name}, a text as key`,
  ),
  onTexts(
    `new ${name}`,
    async (text) => {
      const log = make();
      try {
        return await log.list({}, text).catch((error) => InvalidOptionsError.isInstance(error));
      } finally {
        await log.close();
      }
    },
    `${name}, a text as cursor`,
  ),
  onValues(
    `new ${name}, streamRun`,
    async (value) => {
      const log = make();
      try {
        const { runId } = await log.open({ requestId: "run", traceId: "run", writer: "me" });
        const events = [eventOf(0, { data: value }), JSON.stringify({ type: "cancelled", seq: 1, reason: "" })];
        const cancelled = { ...facts, status: "cancelled" } as const;
        await log.append([{ runId, writer: "me", firstSeq: 0, events, facts: cancelled }]);
        const seen: unknown[] = [];
        for await (const event of streamRun(log, runId)) seen.push(event);
        return seen;
      } finally {
        await log.close();
      }
    },
    `${name}, a value kept`,
  ),
  onCounts(
    `new ${name}`,
    async (count) => {
      const log = make();
      try {
        const opened = await Promise.all(
          range(count).map((at) => log.open({ requestId: `run ${at}`, traceId: "", writer: "me" })),
        );
        await log.append(
          opened.map(({ runId }) => ({ runId, writer: "me", firstSeq: 0, events: [eventOf(0, {})], facts })),
        );
        return await log.list({ status: "running", limit: count });
      } finally {
        await log.close();
      }
    },
    `${name}, many runs`,
  ),
];

/** Event logs, and what reads them. */
export const eventLogProbes: readonly Probe[] = [
  ...logProbes(
    "MemoryEventLog",
    "append close find list open read sweep watch".split(" ").map((name) => `MemoryEventLog.${name}`),
    () => new MemoryEventLog({ maxRuns: 100_000 }),
  ),
  ...logProbes("SqliteEventLog", [], () => new SqliteEventLog({ path: join(scratch, `${logs++}.sqlite`) })),
];

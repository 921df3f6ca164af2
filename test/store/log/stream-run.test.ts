import { expect, test } from "vitest";
import { type LoggedRunStream, MemoryEventLog, streamRun } from "../../../src/events.ts";
import { toEventStreamResponse } from "../../../src/index.ts";
import { createFakeClock } from "../../../src/testing.ts";

const run = { requestId: "run", traceId: "trace", writer: "here" };

function eventText(seq: number, type: string, more: object = {}): string {
  const envelope = { type, seq, timestamp: "", traceId: "trace", requestId: "run", source: "triage", attempt: 1 };
  return JSON.stringify({ ...envelope, ...more });
}

function appender(log: MemoryEventLog) {
  return (firstSeq: number, status: "running" | "completed", ...events: string[]) =>
    log.append([{ runId: "run", writer: "here", firstSeq, events, facts: { toolName: "triage", status } }]);
}

async function seqsOf(stream: LoggedRunStream): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of stream) seqs.push(seq);
  return seqs;
}

test("a stream gives every event of a run that goes on, in order, and ends with its last one", async () => {
  const log = new MemoryEventLog();
  const append = appender(log);
  await log.open(run);
  await append(0, "running", eventText(0, "run_started", { request: "q" }));
  const seen: number[] = [];
  const stream = streamRun(log, "run");
  for await (const event of stream) {
    seen.push(event.seq);
    if (event.seq === 0) await append(1, "running", eventText(1, "tool_started"));
    if (event.seq === 1)
      queueMicrotask(() => void append(2, "completed", eventText(2, "run_completed", { output: 7 })));
  }
  expect(seen).toEqual([0, 1, 2]);
  expect(await stream.output).toBe(7);
});

test("a stream that is read on gives what came after the last event, and nothing after the end", async () => {
  const log = new MemoryEventLog();
  const append = appender(log);
  await log.open(run);
  await append(0, "running", eventText(0, "run_started"), eventText(1, "tool_started"));
  await append(2, "completed", eventText(2, "run_completed", { output: 7 }));
  expect(await seqsOf(streamRun(log, "run", { afterSeq: 0 }))).toEqual([1, 2]);
  expect(await seqsOf(streamRun(log, "run", { afterSeq: 2 }))).toEqual([]);
});

test("a stream of a run that is not in the log says so", async () => {
  await expect(seqsOf(streamRun(new MemoryEventLog(), "unknown"))).rejects.toThrow("no run unknown");
});

test("a response gives all events of a run whose process died, and then ends; asked once more, it says so", async () => {
  const clock = createFakeClock();
  const log = new MemoryEventLog({ clock });
  await log.open(run);
  await appender(log)(0, "running", eventText(0, "run_started"), eventText(1, "tool_started"));
  await clock.advance(60_000);
  const text = await (await toEventStreamResponse(streamRun(log, "run"))).text();
  expect(text.match(/^id: .*$/gm)).toEqual(["id: 0", "id: 1"]);
  expect(text).toContain("ended before the run did");
  await expect(toEventStreamResponse(streamRun(log, "run", { afterSeq: 1 }))).rejects.toThrow(
    "ended before the run did",
  );
});

import { expect, test } from "vitest";
import { rowFacts } from "../../src/cli/view/run-row.ts";
import type { EventData, EventType, OrchestrationEvent } from "../../src/contract/event.ts";
import { RunCourse } from "../../viewer/src/data/run-course.ts";
import { bundleOf } from "../support/bundle-of.ts";

/** A run as its events tell it, one second from one to the next. */
function courseOf(...events: { [E in EventType]: readonly [E, EventData[E]] }[EventType][]): RunCourse {
  const course = new RunCourse();
  for (const [seq, [type, data]] of events.entries()) {
    const timestamp = new Date(seq * 1_000).toISOString();
    const base = { seq, timestamp, traceId: "t", requestId: "r", source: "triage", attempt: 1 };
    course.add({ type, ...base, ...data } as OrchestrationEvent);
  }
  return course;
}

const bundle = bundleOf(["low", "high", "low"], { k: 4, tokens: 100, costUsd: 0.01 });
const started = ["run_started", { request: "q", budget: { tokens: 900 } }] as const;
const answered = bundle.replicates.map((replicate) => ["replicate_done", { replicate }] as const);
const summaryOf = (answers: readonly string[]) =>
  ["partial_summary", { summary: bundleOf(answers, { k: 4 }).summary }] as const;

test("tells K, the spending so far and the ceilings of a run that goes on", () => {
  const { bundle, spending, cost } = courseOf(
    started,
    ["tool_started", { toolName: "triage", k: 4 }],
    ...answered,
  ).detail();
  expect(bundle?.meta.k).toBe(4);
  expect(spending).toMatchObject({ tokens: 300, costUsd: 0.03, budget: { tokens: 900 } });
  expect(cost).toMatchObject({ fixed: { answers: 4, tokens: 400 }, saved: { answers: 0 } });
});

test("counts a reused answer in no spending", () => {
  const [first, ...others] = bundle.replicates as [(typeof bundle.replicates)[0]];
  const reused = { ...first, reused: true as const, costUsd: 0 };
  const events = [reused, ...others].map((replicate) => ["replicate_done", { replicate }] as const);
  const { spending } = courseOf(started, ["tool_started", { toolName: "triage", k: 4 }], ...events).detail();
  expect(spending).toMatchObject({ tokens: 200, costUsd: 0.02 });
});

test("ends the trace with the last answer, of which no partial summary tells", () => {
  const course = courseOf(
    started,
    ["tool_started", { toolName: "triage", k: 4 }],
    ...answered,
    summaryOf(["low", "high"]),
    ["bundle_ready", { evidenceBundle: bundle }],
  );
  const { confidence, stability } = bundle.summary;
  expect(course.detail().trace?.points.at(-1)).toEqual({ count: 3, id: "r3", valid: true, confidence, stability });
  expect(course.detail().trace?.points.map(({ count }) => count)).toEqual([2, 3]);
});

test("counts the answers of a fallback by themselves, and keeps a note of the tool that failed", () => {
  const { bundle, trace, moments } = courseOf(
    started,
    ["tool_started", { toolName: "first", k: 9 }],
    ...answered,
    summaryOf(["low", "high"]),
    ["fallback_started", { from: "first", to: "second" }],
    ["tool_started", { toolName: "second", k: 4 }],
    ...answered.slice(0, 1),
  ).detail();
  expect(bundle?.replicates).toHaveLength(1);
  expect(bundle?.meta).toMatchObject({ task: "second", k: 4 });
  expect(trace?.points).toEqual([]);
  expect(moments?.notes.map(({ text }) => text)).toEqual(["first failed, second takes its place"]);
});

test("begins the trace anew where a stronger model is asked", () => {
  const { trace } = courseOf(
    started,
    ["tool_started", { toolName: "triage", k: 4 }],
    summaryOf(["low", "high"]),
    summaryOf(["low", "high", "low"]),
    ...answered.slice(0, 2),
    summaryOf(["low", "low"]),
  ).detail();
  expect(trace?.points.map(({ count }) => count)).toEqual([2]);
});

test("counts the answers of the model that votes, on the row as in the run", () => {
  const ids = ["r1", "r2"];
  const escalated = bundleOf(["low", undefined, "high", "high"], {
    k: 2,
    escalations: [{ from: "weak", replicateIds: ids, confidence: 0.5 }],
  });
  expect(rowFacts(escalated)).toMatchObject({ answers: 2, k: 2 });
  expect(rowFacts(escalated)).not.toHaveProperty("failedCalls");
});

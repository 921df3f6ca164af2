import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import {
  ConflictError,
  createRegistry,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { scriptedModel } from "../../src/testing.ts";

const schema = {
  type: "object",
  properties: { severity: { enum: ["low", "high"] }, component: { type: "string" } },
  required: ["severity", "component"],
} as const;

/** Answers that agree on the component, and not on the severity. */
function triageTool() {
  const model = scriptedModel(({ index }) => ({
    object: { severity: index % 3 === 2 ? "low" : "high", component: "db" },
  }));
  const tool = new PromptBundleTool({
    name: "triage",
    model,
    prompt: "{{report}}",
    schema,
    defaultOptions: { k: 3, stopping: "none", maxParallel: 1 },
  });
  return { model, tool };
}

function orchestratorOn(store: any, settings: object = {}) {
  const { model, tool } = triageTool();
  const orchestrator = new ReliableOrchestrator({
    store,
    state: new ReliabilityState(),
    registry: createRegistry([tool]),
    ...settings,
  });
  const run = (options: object = {}) =>
    orchestrator.run({
      tool,
      request: { report: "?" },
      options: { idempotencyKey: "report-17", review: { below: 0.99 }, ...options },
    });
  return { model, tool, orchestrator, run };
}

describe("a run that is less sure than options.review asks for", () => {
  test("ends as partial, waits under its key, and is not asked again", async () => {
    const events: OrchestrationEvent[] = [];
    const { model, tool, orchestrator, run } = orchestratorOn(new MemoryStore());
    const output = await orchestrator.run({
      tool,
      request: { report: "?" },
      options: { idempotencyKey: "report-17", review: { below: 0.99 } },
      onEvent: (event) => events.push(event),
    });
    expect(output).toMatchObject({ status: "partial", metadata: { needsReview: { key: "report-17", below: 0.99 } } });
    expect(events).toContainEqual(expect.objectContaining({ type: "warning", code: "needs_review" }));
    const again = await run();
    expect(again).toMatchObject({ status: "partial", metadata: { needsReview: { key: "report-17" }, replayed: true } });
    expect(model.calls).toHaveLength(3);
  });

  test("is completed by a person who accepts it, for all who ask", async () => {
    const { orchestrator, run } = orchestratorOn(new MemoryStore());
    const waiting = await run();
    const resolved = await orchestrator.resolve("report-17", { accept: true });
    expect(resolved).toMatchObject({ status: "completed", metadata: { reviewed: "accepted" } });
    expect(resolved.metadata).not.toHaveProperty("needsReview");
    const { summary } = unwrap(await run()).evidenceBundle;
    expect(summary).toEqual(
      expect.objectContaining(
        JSON.parse(JSON.stringify({ consensus: unwrap(waiting).evidenceBundle.summary.consensus })),
      ),
    );
    expect(await run()).toMatchObject({ status: "completed", metadata: { reviewed: "accepted" } });
  });

  test("has the consensus that a person gives, beside that of the votes", async () => {
    const { orchestrator, run } = orchestratorOn(new MemoryStore());
    const { confidence } = unwrap(await run()).evidenceBundle.summary;
    const consensus = { severity: "low", component: "db" };
    await orchestrator.resolve("report-17", { consensus });
    const output = await run();
    expect(output).toMatchObject({ status: "completed", metadata: { reviewed: "replaced" } });
    const votedJson = { severity: "high", component: "db" };
    expect(unwrap(output).evidenceBundle.summary).toMatchObject({
      consensus,
      consensusJson: consensus,
      votedJson,
      confidence,
    });
  });

  test("takes one decision: the second person is told that it was decided", async () => {
    const store = new MemoryStore();
    const { orchestrator, run } = orchestratorOn(store);
    const other = orchestratorOn(store).orchestrator;
    await run();
    const ends = await Promise.allSettled([
      orchestrator.resolve("report-17", { accept: true }),
      other.resolve("report-17", { consensus: { severity: "low", component: "db" } }),
    ]);
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const lost = ends.find((end) => end.status === "rejected")?.reason;
    expect(lost).toBeInstanceOf(ConflictError);
    expect(lost).toMatchObject({ reason: "decided", key: "report-17" });
    const late = orchestrator.resolve("report-17", { accept: true });
    await expect(late).rejects.toMatchObject({ reason: "decided" });
  });

  test("teaches the calibrations what was right of it, field by field", async () => {
    const learnt: unknown[] = [];
    const calibrations = {
      open: () => ({ async calibrate() {}, observe() {} }),
      confidence: async () => undefined,
      learn: async (_: unknown, correct: unknown) => void learnt.push(correct),
    };
    for (const decision of [{ accept: true as const }, { consensus: { severity: "low", component: "db" } }]) {
      const { orchestrator, run } = orchestratorOn(new MemoryStore(), { calibrations });
      await run();
      await orchestrator.resolve("report-17", decision);
    }
    expect(learnt).toEqual([true, { "/severity": false, "/component": true }]);
  });

  test("is one of many of runMany, under the key that its output names", async () => {
    const { tool, orchestrator } = orchestratorOn(new MemoryStore());
    const options = { idempotencyKey: "auto", review: { below: 0.99 } };
    for await (const result of orchestrator.runMany({ tool, requests: [{ report: "a" }], options })) {
      const { key } = ("output" in result && result.output.metadata.needsReview) || { key: "" };
      expect(key).toMatch(/^auto:/);
      expect(await orchestrator.resolve(key, { accept: true })).toMatchObject({ status: "completed" });
    }
    expect.assertions(2);
  });
});

describe("a run that needs no person", () => {
  test("completes where it is as sure as asked", async () => {
    const { run, orchestrator } = orchestratorOn(new MemoryStore());
    expect((await run({ review: { below: 0.1 } })).status).toBe("completed");
    await expect(orchestrator.resolve("report-17", { accept: true })).rejects.toThrow(
      /No run waits for a decision under the key "report-17"/,
    );
  });
});

describe("a decision that cannot be used is refused, with what to do", () => {
  test.each<[string, (orchestrator: ReliableOrchestrator<any>) => Promise<unknown>, RegExp]>([
    ["without a decision", (each) => each.resolve("report-17", {} as never), /decision/],
    ["both ways at once", (each) => each.resolve("report-17", { accept: true, consensus: 1 } as never), /decision/],
    ["for an unknown key", (each) => each.resolve("other", { accept: true }), /No run waits for a decision/],
    [
      "against the schema",
      (each) => each.resolve("report-17", { consensus: { severity: "huge" } }),
      /does not fit the schema of "triage"/,
    ],
  ])("%s", async (_, resolve, message) => {
    const { orchestrator, run } = orchestratorOn(new MemoryStore());
    await run();
    await expect(resolve(orchestrator)).rejects.toThrow(message);
    await expect(resolve(orchestrator)).rejects.toBeInstanceOf(InvalidOptionsError);
    expect(await orchestrator.resolve("report-17", { accept: true })).toMatchObject({ status: "completed" });
  });

  test("where a review has no key, or no ReliableOrchestrator", async () => {
    const { tool, orchestrator } = orchestratorOn(new MemoryStore());
    const asked = { tool, request: { report: "?" }, options: { review: { below: 0.9 } } };
    await expect(orchestrator.run(asked)).rejects.toThrow(/options.review keeps a run for a person under its key/);
    await expect(new Orchestrator().run(asked)).rejects.toThrow(/options.review needs a ReliableOrchestrator/);
  });
});

describe("over SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-review-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("another process decides", async () => {
    const path = join(folder, "runs.sqlite");
    const store = new SqliteStore({ path });
    const { run } = orchestratorOn(store);
    expect((await run()).status).toBe("partial");
    const program = `
      import { ReliableOrchestrator } from ${JSON.stringify(join(import.meta.dirname, "../../src/index.ts"))};
      import { SqliteStore } from ${JSON.stringify(join(import.meta.dirname, "../../src/stores/sqlite.ts"))};
      const store = new SqliteStore({ path: ${JSON.stringify(path)} });
      const output = await new ReliableOrchestrator({ store }).resolve("report-17", { consensus: { severity: "low", component: "db" } });
      console.log(output.status);
      await store.close();`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--no-warnings",
      "--input-type=module",
      "-e",
      program,
    ]);
    expect(stdout).toBe("completed\n");
    const output = await run();
    expect(output).toMatchObject({ status: "completed", metadata: { reviewed: "replaced", replayed: true } });
    expect(unwrap(output).evidenceBundle.summary.consensus).toEqual({ severity: "low", component: "db" });
    await store.close();
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import {
  CalibrationStore,
  defineBundleTool,
  type EvidenceBundle,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";

/** A tool whose answers are given: `answers` by index. Counts how often it was asked. */
function toolOf() {
  const counter = { calls: 0 };
  const tool = defineBundleTool({
    name: "sized",
    input: z.object({ answers: z.array(z.number()), id: z.number() }),
    schema: z.object({ size: z.number() }),
    executeReplicate: async ({ answers }, { index }) => {
      counter.calls++;
      return { data: { size: answers[index % answers.length] as number } };
    },
  });
  return { tool, counter };
}

const unanimous = [1];
const scattered = [1, 2, 3, 4, 5];
type Asker = Pick<Orchestrator, "run" | "feedback">;

async function ask(by: Asker, answers: number[], id: number, toolOptions: object = { k: 5 }) {
  const { tool, counter } = toolOf();
  const events: OrchestrationEvent[] = [];
  const output = await by.run({ tool, request: { answers, id }, toolOptions, onEvent: (event) => events.push(event) });
  const bundle = (output.content as any).evidenceBundle as EvidenceBundle;
  return { bundle, calls: counter.calls, warnings: events.filter(({ type }) => type === "warning") as any[], output };
}

/** Labels so many bundles: unanimous ones are right, scattered ones wrong, but for every tenth. */
async function teach(by: Asker, labels: number, toolOptions: object = { k: 5 }) {
  for (let id = 0; id < labels; id++) {
    const isSure = id % 2 === 0;
    const { bundle } = await ask(by, isSure ? unanimous : scattered, id, toolOptions);
    await by.feedback({ bundle, correct: isSure });
  }
}

const all = { k: 5, stopping: "none" };
const own = () => new ReliableOrchestrator({ state: new ReliabilityState() });

function inFolder() {
  const path = mkdtempSync(join(tmpdir(), "steer-feedback-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return () =>
    new ReliableOrchestrator({ state: new ReliabilityState(), calibrations: new CalibrationStore({ path }) });
}

describe("orchestrator.feedback", () => {
  test("teaches the process what the confidence of later bundles rests on, from ten labels on", async () => {
    const orchestrator = own();
    const before = await ask(orchestrator, unanimous, 1000, all);
    expect(before.bundle.summary.confidenceBasis.kind).toBe("job");
    await teach(orchestrator, 40, all);
    const { summary } = (await ask(orchestrator, unanimous, 1001, all)).bundle;
    expect(summary.confidenceBasis).toMatchObject({ kind: "labels", labels: 40, calibrated: true });
    expect(summary.confidence).toBeGreaterThan(0.9);
    const other = await ask(orchestrator, scattered, 1002, all);
    expect(other.bundle.summary.confidence).toBeLessThan(0.2);
  });

  test("keeps labels in the files of a calibration store, for the next process", async () => {
    const next = inFolder();
    await teach(next(), 40, all);
    const { summary } = (await ask(next(), unanimous, 1001, all)).bundle;
    expect(summary.confidenceBasis).toMatchObject({ kind: "labels", labels: 40 });
  });

  test("counts one label of a bundle that is judged twice, also of a copy of it, and the later verdict", async () => {
    for (const make of [own, inFolder()]) {
      const orchestrator = make();
      const { bundle } = await ask(orchestrator, unanimous, 1, all);
      for (const correct of [true, false, false]) await orchestrator.feedback({ bundle, correct });
      await orchestrator.feedback({ bundle: JSON.parse(JSON.stringify(bundle)), correct: true });
      const { summary } = (await ask(orchestrator, unanimous, 2, all)).bundle;
      expect(summary.confidenceBasis.labels).toBe(1);
    }
  });

  test("takes verdicts by field", async () => {
    const orchestrator = own();
    for (let id = 0; id < 12; id++) {
      const { bundle } = await ask(orchestrator, unanimous, id, all);
      await orchestrator.feedback({ bundle, correct: { "/size": id !== 3 } });
    }
    expect((await ask(orchestrator, unanimous, 99, all)).bundle.summary.confidenceBasis.labels).toBe(12);
  });

  test("refuses what it cannot keep, and says what to do", async () => {
    const { bundle } = await ask(own(), unanimous, 1, all);
    const refusals: [Asker, unknown, RegExp][] = [
      [own(), undefined, /feedback/],
      [own(), { bundle: {}, correct: true }, /evidence bundle/],
      [own(), { bundle, correct: "yes" }, /correct/],
      [own(), { bundle, correct: { "/colour": true } }, /\/size/],
      [own(), { bundle: { ...bundle, summary: { ...bundle.summary, validCount: 0 } }, correct: true }, /consensus/],
      [new Orchestrator({ calibrations: "off" }), { bundle, correct: true }, /CalibrationStore/],
      [
        new Orchestrator({ calibrations: { confidence: async () => 0.5 } }),
        { bundle, correct: true },
        /CalibrationStore/,
      ],
    ];
    for (const [by, params, message] of refusals) {
      const error = await by.feedback(params as never).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(InvalidOptionsError.isInstance(error)).toBe(true);
      expect(error.message).toMatch(message);
    }
  });
});

describe("a target confidence", () => {
  const target = { k: 10, stopping: { target: 0.9 } };
  const whole = { k: 10, stopping: "none" };

  test("is refused without thirty labels, before the first call, with what to do", async () => {
    const orchestrator = own();
    await teach(orchestrator, 29, whole);
    const { tool, counter } = toolOf();
    const asking = orchestrator.run({ tool, request: { answers: unanimous, id: 500 }, toolOptions: target as never });
    await expect(asking).rejects.toThrow(
      /toolOptions\.stopping \{"target":0\.9\} takes 30 labels of "sized".* there are 29.*steer label/s,
    );
    expect(counter.calls).toBe(0);
  });

  test("ends the asking once it is reached, with fewer answers than K", async () => {
    const orchestrator = own();
    await teach(orchestrator, 40, whole);
    const { bundle, calls, warnings } = await ask(orchestrator, unanimous, 500, target);
    expect(calls).toBeLessThan(10);
    expect(bundle.meta.earlyStopReason).toMatch(/^target after \d of 10: a confidence of 0\.9\d\d, at least 0\.9$/);
    expect(bundle.meta.target).toEqual({ confidence: 0.9, reached: true });
    expect(bundle.summary.confidence).toBeGreaterThanOrEqual(0.9);
    expect(warnings).toEqual([]);
  });

  test("ends the asking once it is out of reach, and reports the bundle apart", async () => {
    const orchestrator = own();
    await teach(orchestrator, 40, whole);
    const { bundle, calls, warnings } = await ask(orchestrator, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 500, target);
    expect(calls).toBeLessThan(10);
    expect(bundle.meta.earlyStopReason).toMatch(/0\.9 is out of reach, at most 0\.\d+ if all \d left agreed$/);
    expect(bundle.meta.target).toEqual({ confidence: 0.9, reached: false });
    expect(warnings.map(({ code }) => code)).toEqual(["target_missed"]);
  });

  test("reads the labels of a calibration store, in a process that has seen none of their bundles", async () => {
    const next = inFolder();
    await teach(next(), 40, whole);
    const { bundle } = await ask(next(), unanimous, 500, target);
    expect(bundle.meta.target).toEqual({ confidence: 0.9, reached: true });
  });

  test("gives the same bundle from the journal after an interruption, and the same output again", async () => {
    const [store, state] = [new MemoryStore(), new ReliabilityState()];
    const orchestrator = new ReliableOrchestrator({ store, state });
    await teach(orchestrator, 40, whole);
    let isDown = true;
    const asked: number[] = [];
    const tool = defineBundleTool({
      name: "sized",
      input: z.object({ answers: z.array(z.number()), id: z.number() }),
      schema: z.object({ size: z.number() }),
      executeReplicate: async (_request, { index }) => {
        if (isDown && index === 1) throw Object.assign(new Error("closed"), { statusCode: 401 });
        asked.push(index);
        return { data: { size: 1 } };
      },
    });
    const run = () =>
      orchestrator.run({
        tool,
        request: { answers: [], id: 700 },
        toolOptions: { ...target, maxParallel: 1 } as never,
        options: { idempotencyKey: "key" },
      });
    expect((await run()).status).toBe("partial");
    isDown = false;
    const output = await run();
    expect(output.status).toBe("completed");
    expect(asked.filter((index) => index === 0)).toHaveLength(1);
    const again = await run();
    expect((again.content as any).evidenceBundle.meta).toEqual((output.content as any).evidenceBundle.meta);
  });

  test("is refused beside options that take its meaning away, and where it is no share", async () => {
    const orchestrator = own();
    await teach(orchestrator, 30, whole);
    for (const [more, message] of [
      [{ escalate: { below: 0.5, to: ["simulated:x"] } }, /escalate/],
      [{ resample: "fields" }, /resample/],
      [{ stopping: { target: 1.5 } }, /\{ target: 0\.95 \}/],
      [{ stopping: { target: 0.9, rule: "beta" } }, /\{ target: 0\.95 \}/],
    ] as const)
      await expect(ask(orchestrator, unanimous, 1, { ...target, ...more })).rejects.toThrow(message);
  });
});

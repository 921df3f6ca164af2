import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import {
  BundleTool,
  type CalibrationSource,
  CalibrationStore,
  createEvidenceBundle,
  type EvidenceBundle,
  hasEvidence,
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  type OrchestratorSettings,
  PromptBundleTool,
  type ResolvedBundleOptions,
  unwrap,
} from "../../src/index.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";

function triage(schema = z.object({ severity: z.enum(["low", "high"]) })) {
  return new PromptBundleTool({
    name: "triage",
    model: scriptedModel(() => ({ text: '{"severity":"low"}' })),
    prompt: "Report: {{report}}",
    schema,
    defaultOptions: { k: 2, stopping: "none" },
  });
}

async function ask(settings: OrchestratorSettings, tool: BundleTool<any, any> = triage(), options = {}) {
  const events: OrchestrationEvent[] = [];
  const output = await new Orchestrator(settings).run({
    tool,
    request: { report: "It crashes" },
    options,
    onEvent: (event) => events.push(event),
  });
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event.code] : []));
  const bundles = events.flatMap((event) => (event.type === "bundle_ready" ? [event.evidenceBundle] : []));
  return { output, warnings, bundle: unwrap(output).evidenceBundle as EvidenceBundle, announced: bundles[0]! };
}

const always = (confidence: number | undefined): CalibrationSource => ({ confidence: async () => confidence });

describe("a run with calibrations", () => {
  test("gives the confidence that labels say, before the bundle is announced", async () => {
    const { bundle, announced } = await ask({ calibrations: always(0.97) });
    expect(bundle.summary).toMatchObject({ confidence: 0.97, calibratedConfidence: 0.97 });
    expect(bundle.summary.confidenceBasis).toMatchObject({ kind: "labels", calibrated: true });
    expect(announced.summary.calibratedConfidence).toBe(0.97);
  });

  test("the bundle has no calibrated confidence with too few labels or none", async () => {
    for (const settings of [{ calibrations: always(undefined) }, {}]) {
      expect((await ask(settings)).bundle.summary).not.toHaveProperty("calibratedConfidence");
    }
  });

  test("learns from what a program says of its bundles, for this task, model and schema alone", async () => {
    const path = mkdtempSync(join(tmpdir(), "steer-calibrations-"));
    onTestFinished(() => rmSync(path, { recursive: true }));
    const calibrations = new CalibrationStore({ path });
    const { bundle } = await ask({ calibrations });
    await calibrations.label(Array.from({ length: 40 }, (_, id) => ({ id: String(id), bundle, correct: true })));
    const { summary } = (await ask({ calibrations })).bundle;
    expect(summary.confidence).toBeGreaterThan(bundle.summary.confidence);
    expect(summary.calibratedConfidence).toBe(summary.confidence);
    const other = triage(z.object({ severity: z.enum(["low", "high", "none"]) }) as never);
    expect((await ask({ calibrations }, other)).bundle.summary).not.toHaveProperty("calibratedConfidence");
  });

  describe("without labels", () => {
    const asks = async (calibrations: "off" | undefined, times: number) => {
      const clock = createFakeClock();
      const orchestrator = new Orchestrator({ calibrations, clock });
      const bundles: EvidenceBundle[] = [];
      for (let run = 0; run < times; run++) {
        const output = await orchestrator.run({ tool: triage(), request: { report: `${run}` } });
        bundles.push(unwrap(output).evidenceBundle as EvidenceBundle);
      }
      return bundles.map(({ summary }) => summary);
    };

    test("every bundle is judged by those before it, and by itself", async () => {
      const summaries = await asks(undefined, 20);
      expect(summaries.map(({ confidenceBasis }) => confidenceBasis.bundles)).toEqual(
        Array.from({ length: 20 }, (_, run) => run + 1),
      );
      expect(summaries.at(-1)?.confidence).toBeGreaterThan(summaries[0]?.confidence as number);
      expect(summaries.at(-1)?.fields["/severity"]?.confidence).toBe(summaries.at(-1)?.confidence);
    });

    test('"off" keeps history out', async () => {
      const summaries = await asks("off", 3);
      expect(new Set(summaries.map(({ confidence }) => confidence)).size).toBe(1);
      expect(summaries.at(-1)?.confidenceBasis).toMatchObject({ kind: "job", bundles: 1 });
    });

    test("runs that start together are judged by what was known at their start", async () => {
      const orchestrator = new Orchestrator({ clock: createFakeClock() });
      const run = (report: string) => orchestrator.run({ tool: triage(), request: { report } });
      const outputs = await Promise.all(["a", "b", "c"].map(run));
      const bases = outputs.map((output) => unwrap(output).evidenceBundle.summary.confidenceBasis);
      expect(bases.map(({ bundles }) => bundles)).toEqual([1, 1, 1]);
    });
  });

  test("minConfidence is held against what labels say", async () => {
    const options = { qualityRequirements: { minConfidence: 0.8 } };
    expect((await ask({ calibrations: always(0.97) }, triage(), options)).warnings).toEqual([]);
    expect((await ask({ calibrations: always(0.5) }, triage(), options)).warnings).toEqual(["low_confidence"]);
  });

  describe("that escalates", () => {
    const strong = scriptedModel(() => ({ text: '{"severity":"high"}' }), { modelId: "strong" });
    const escalating = (below: number) => {
      const tool = triage();
      return Object.assign(tool, { defaultOptions: { ...tool.defaultOptions, escalate: { below, to: [strong] } } });
    };
    const escalationsOf = async (below: number, calibrations: CalibrationSource | undefined) =>
      (await ask({ calibrations }, escalating(below))).bundle.meta.escalations?.map(({ confidence }) => confidence);

    test("asks a stronger model where labels say that the answers are too uncertain, and only there", async () => {
      expect(await escalationsOf(0.7, undefined)).toBeUndefined();
      expect(await escalationsOf(0.7, always(0.6))).toEqual([0.6]);
      expect(await escalationsOf(0.8, always(0.9))).toBeUndefined();
      expect(await escalationsOf(0.9, always(undefined))).toEqual([expect.closeTo(0.85, 2)]);
    });

    test("asks what labels say of the answers so far, as of a bundle that ends with them", async () => {
      const seen: EvidenceBundle[] = [];
      const calibrations: CalibrationSource = {
        async confidence(bundle) {
          seen.push(structuredClone(bundle));
          return bundle.meta.escalations ? 0.99 : 0.2;
        },
      };
      const { bundle } = await ask({ calibrations }, escalating(0.7));
      expect(seen.map(({ meta, summary }) => [meta.kCompleted, meta.escalations?.length, summary.consensus])).toEqual([
        [2, undefined, { severity: "low" }],
        [4, 1, { severity: "high" }],
      ]);
      expect(bundle.summary.calibratedConfidence).toBe(0.99);
    });

    test("does not ask on when the run is over before labels have answered", async () => {
      const clock = createFakeClock();
      const asked = Promise.withResolvers<void>();
      const hanging = { confidence: () => new Promise<never>(() => asked.resolve()) };
      const run = ask({ calibrations: hanging, clock }, escalating(0.9), { timeoutMs: 50 });
      await asked.promise;
      await clock.advance(50);
      expect((await run).bundle.summary.consensus).toEqual({ severity: "low" });
    });
  });

  test("a bundle that a tool made as a whole is filled in too", async () => {
    class Whole extends BundleTool<unknown, string> {
      readonly name = "whole";
      override async executeBundle(_request: unknown, options: ResolvedBundleOptions) {
        const facts = { elapsedMs: 1, seed: 1, model: "m", attempts: 1, valid: true as const };
        const replicates = [{ ...facts, id: "r1", data: "yes", quality: { valid: true as const } }];
        return createEvidenceBundle({ task: this.name, replicates, options });
      }
    }
    expect((await ask({ calibrations: always(0.7) }, new Whole())).bundle.summary.calibratedConfidence).toBe(0.7);
  });

  test("a source that fails costs no answer: the run says so and goes on", async () => {
    const failing = { confidence: () => Promise.reject(new Error("the disk is gone")) };
    const { output, warnings, bundle } = await ask({ calibrations: failing });
    expect(output.status).toBe("completed");
    expect(warnings).toEqual(["calibration_failed"]);
    expect(bundle.summary).not.toHaveProperty("calibratedConfidence");
  });

  test("a source that never answers does not outlive the deadline, and takes no answer away", async () => {
    const clock = createFakeClock();
    const asked = Promise.withResolvers<void>();
    const hanging = { confidence: () => new Promise<never>(() => asked.resolve()) };
    const run = ask({ calibrations: hanging, clock }, triage(), { timeoutMs: 50 });
    await asked.promise;
    await clock.advance(50);
    const { output } = await run;
    expect(hasEvidence(output) && output.content.evidenceBundle.summary.consensus).toEqual({ severity: "low" });
  });

  test("refuses a value that is not a source", () => {
    expect(() => new Orchestrator({ calibrations: {} as CalibrationSource })).toThrow(InvalidOptionsError);
  });
});

test("bundles say which schema they were asked under: equal schemas equally, text not at all", async () => {
  const fingerprintOf = async (tool: BundleTool<any, any>) => (await ask({}, tool)).bundle.meta.schemaFingerprint;
  const first = await fingerprintOf(triage());
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(await fingerprintOf(triage())).toBe(first);
  expect(await fingerprintOf(triage(z.object({ severity: z.literal("low") }) as never))).not.toBe(first);
  const text = new PromptBundleTool({ name: "say", model: scriptedModel(() => ({ text: "x" })), prompt: "{{report}}" });
  expect(await fingerprintOf(text)).toBeUndefined();
});

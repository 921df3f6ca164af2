import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { BundleOptions } from "../../src/contract/bundle-options.ts";
import {
  type BundleTool,
  Orchestrator,
  PromptBundleTool,
  unwrap,
} from "../../src/index.ts";
import { type RecordedCall, type Script, type ScriptedModel, scriptedModel } from "../../src/testing.ts";

const schema = z.object({
  severity: z.enum(["low", "high"]),
  component: z.string(),
  place: z.object({ city: z.string(), zip: z.string() }),
});

interface Report {
  severity?: string;
  component?: string;
  place?: { city?: string; zip?: string };
}

const report = (changes: Partial<Report> = {}): Report => ({
  severity: "low",
  component: "db",
  place: { city: "Rome", zip: "1" },
  ...changes,
});

/** What a call asks for, by the schema that it carries. */
function askedOf({ options }: RecordedCall): string[] {
  return Object.keys(options["responseFormat"].schema.properties);
}

function toolOf(model: ScriptedModel, defaultOptions: BundleOptions = {}) {
  return new PromptBundleTool({
    name: "triage",
    model,
    prompt: "What is it?",
    schema,
    defaultOptions: { resample: "fields", stopping: "lossless", ...defaultOptions },
  });
}

async function bundleOf(tool: BundleTool<any, any>, toolOptions: BundleOptions = {}) {
  const run = await new Orchestrator().run({ tool, request: {}, toolOptions: toolOptions as object });
  return unwrap(run).evidenceBundle;
}

/** Answers one after the other, each with tokens by its length. */
function answering(answers: readonly object[]): ScriptedModel {
  const script = answers.map((object) => {
    const outputTokens = JSON.stringify(object).length;
    return { object, usage: { inputTokens: 10, outputTokens } };
  });
  return scriptedModel(script as Script);
}

describe('resample: "fields"', () => {
  test("asks again for what is not settled, and for nothing else", async () => {
    const model = answering([report(), report({ severity: "high" }), { severity: "high" }]);
    const { meta, replicates, summary } = await bundleOf(toolOf(model), { k: 3 });
    expect(model.calls.map(askedOf)).toEqual([
      ["severity", "component", "place"],
      ["severity", "component", "place"],
      ["severity"],
    ]);
    expect(JSON.stringify(model.calls[2]?.prompt)).toContain("/severity");
    expect(JSON.stringify(model.calls[1]?.prompt)).not.toContain("/severity");
    expect(replicates.map(({ fields }) => fields)).toEqual([undefined, undefined, ["/severity"]]);
    expect(summary.consensus).toEqual(report({ severity: "high" }));
    expect(summary.fields["/component"]).toMatchObject({ support: 2, distribution: [{ value: "db", support: 2 }] });
    expect(summary.fields["/severity"]).toMatchObject({ support: 2, value: "high" });
    expect(meta.fieldsAsked).toEqual({ "/severity": 3, "/component": 2, "/place/city": 2, "/place/zip": 2 });
  });

  test("takes fewer tokens than whole answers, for the same consensus", async () => {
    const rows = [report(), report({ place: { city: "Oslo", zip: "1" } }), report(), report(), report()];
    const inFields = answering(rows.map((row, index) => (index < 3 ? row : { place: { city: row.place?.city } })));
    const fields = await bundleOf(toolOf(inFields, { k: 5 }));
    const whole = await bundleOf(toolOf(answering(rows), { k: 5, resample: "objects" }));
    expect(fields.summary.consensus).toEqual(whole.summary.consensus);
    expect(fields.usageTotal.outputTokens).toBeLessThan(whole.usageTotal.outputTokens);
    expect(whole.meta).not.toHaveProperty("fieldsAsked");
  });

  test("leaves out of an answer what was not asked for", async () => {
    const model = answering([report(), report({ severity: "high" }), report({ component: "ui" })]);
    const { replicates, summary } = await bundleOf(toolOf(model), { k: 3 });
    expect(replicates[2]?.data).toEqual({ severity: "low" });
    expect(summary.fields["/component"]?.support).toBe(2);
  });

  test("counts an invalid part against k for the fields that were asked for", async () => {
    const model = answering([report(), report({ severity: "high" }), { severity: "none" }, { severity: "low" }]);
    const { meta, replicates, summary } = await bundleOf(toolOf(model), { k: 4 });
    expect(replicates.map(({ valid }) => valid)).toEqual([true, true, false, true]);
    expect(summary.consensus).toEqual(report());
    expect(meta.fieldsAsked).toMatchObject({ "/severity": 4 });
    expect(summary).toMatchObject({ validCount: 3, invalidCount: 1 });
  });
});

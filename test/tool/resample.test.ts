import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { BundleOptions, ResolvedBundleOptions } from "../../src/contract/bundle-options.ts";
import { pickFields } from "../../src/evidence/internal/pick-fields.ts";
import {
  type BundleTool,
  defineBundleTool,
  InvalidOptionsError,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { resolveSchema } from "../../src/schema/resolve.ts";
import { type RecordedCall, type Script, type ScriptedModel, scriptedModel } from "../../src/testing.ts";
import { createBundleRule } from "../../src/tool/bundle/bundle-rule.ts";
import { FieldResampling } from "../../src/tool/bundle/field-resampling.ts";
import { scheduleReplicates } from "../../src/tool/bundle/replicate-scheduler.ts";

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

  test("asks for whole answers until one is valid, for parts need one to be put into", async () => {
    const broken = report({ component: undefined as never });
    const model = answering([broken, broken, broken, report(), report({ severity: "high" }), { severity: "low" }]);
    const { replicates, summary } = await bundleOf(toolOf(model), { k: 6, fields: ["/severity"] });
    expect(replicates.map(({ fields }) => fields?.join() ?? "all")).toEqual([...Array(5).fill("all"), "/severity"]);
    expect(summary.consensus).toEqual(report());
  });

  test("checks and transforms a part as the schema does it in a whole answer", async () => {
    const loud = z.object({
      name: z.string().toUpperCase(),
      code: z.string().refine((code) => code.startsWith("A"), "starts with A"),
      other: z.number(),
    });
    const script = [
      { name: "ann", code: "A1", other: 1 },
      { name: "bob", code: "A2", other: 1 },
      { name: "ann", code: "B" },
      { name: "ann", code: "A1" },
    ];
    const tool = new PromptBundleTool({ name: "t", model: answering(script), prompt: "x", schema: loud });
    const { replicates, summary } = await bundleOf(tool, { k: 4, resample: "fields", stopping: "lossless" });
    expect(replicates[2]?.quality.errors).toEqual(["/code: starts with A"]);
    expect(replicates[3]?.data).toEqual({ name: "ANN", code: "A1" });
    expect(summary.consensus).toEqual({ name: "ANN", code: "A1", other: 1 });
  });

  test("goes on with the fields of the next model where the first stays too uncertain", async () => {
    const scattered = ["low", "high", "low"].map((severity, index) => report({ severity, component: `c${index}` }));
    const first = answering(scattered.map((row, index) => (index < 2 ? row : pick(row, ["severity", "component"]))));
    const second = answering([report(), report({ severity: "high" }), { severity: "low" }]);
    const escalate = { below: 0.9, to: [second] };
    const { meta, replicates, summary } = await bundleOf(toolOf(first, { k: 3, escalate }));
    expect(second.calls.map(askedOf).at(-1)).toEqual(["severity"]);
    expect(meta.escalations).toHaveLength(1);
    expect(replicates.map(({ id }) => id)).toEqual(["r1", "r2", "r3", "r4", "r5", "r6"]);
    expect(summary.consensus).toEqual(report());
  });

  test("goes on where a run under the same key was stopped, with the fields that were paid for", async () => {
    const severityOf = (index: number) => (index % 2 === 0 ? "low" : "high");
    const model = scriptedModel(({ index }) =>
      index === 6 ? { status: 401 } : { object: report({ severity: severityOf(index) }) },
    );
    const tool = toolOf(model, { k: 8, maxParallel: 1 });
    const orchestrator = new ReliableOrchestrator();
    const run = () => orchestrator.run({ tool, request: {}, options: { idempotencyKey: "resumed" } });
    expect((await run()).status).toBe("partial");
    const { meta, replicates } = unwrap(await run()).evidenceBundle;
    expect(model.calls).toHaveLength(8);
    expect(replicates.map(({ fields }) => fields?.join() ?? "all")).toEqual([
      ...["all", "all", "all", "all", "all", "/severity", "/severity"],
    ]);
    expect(meta.fieldsAsked).toMatchObject({ "/severity": 7, "/component": 5 });
  });

  test("is refused before anything is paid where there are no fields to ask for", async () => {
    const model = scriptedModel([]);
    const asText = new PromptBundleTool({ name: "text", model, prompt: "x" });
    const joined = { type: "object", properties: { a: {}, b: {} }, anyOf: [{ required: ["a"] }] };
    const withRule = new PromptBundleTool({ name: "joined", model, prompt: "x", schema: joined as never });
    for (const tool of [asText, withRule])
      await expect(bundleOf(tool, { resample: "fields" })).rejects.toThrow(InvalidOptionsError);
    expect(model.calls).toHaveLength(0);
  });

  test("is refused of a tool that gives whole answers only", async () => {
    const executeReplicate = () => Promise.reject(new Error("asked"));
    const tool = defineBundleTool({ name: "votes", input: z.object({}), schema, executeReplicate });
    await expect(bundleOf(tool, { resample: "fields" })).rejects.toThrow(/"votes" gives whole answers only/);
  });
});

describe("the scheduler and the rule over fields", () => {
  const answer = fc.record({ a: fc.nat(1), b: fc.nat(2), c: fc.constant(0) });
  const answers = fc.array(fc.option(answer, { freq: 5 }), { minLength: 2, maxLength: 12 });

  test("ask for the same fields whatever finishes first, and for none that was settled before", async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.integer({ min: 1, max: 12 }), fc.scheduler(), async (given, maxParallel, order) => {
        const oneByOne = await scheduleOf(given, 1);
        const inOrder = scheduleOf(given, maxParallel, order);
        await order.waitFor(inOrder);
        expect(await inOrder).toEqual(oneByOne);
        let asked = ["/a", "/b", "/c"];
        for (const { fields } of oneByOne.replicates) {
          if (fields) expect(asked).toEqual(expect.arrayContaining(fields));
          asked = fields ?? asked;
        }
      }),
      { numRuns: 300 },
    );
  });
});

const flat = await resolveSchema({ type: "object", properties: { a: {}, b: {}, c: {} } });

/** The replicates of a bundle whose answers are given; `null` is an invalid one. */
async function scheduleOf(given: readonly (object | null)[], maxParallel: number, order?: fc.Scheduler) {
  const options = { k: given.length, stopping: "auto", resample: "fields" } as ResolvedBundleOptions;
  const resampling = FieldResampling.of(options, flat);
  return scheduleReplicates({
    k: given.length,
    maxParallel,
    rule: createBundleRule({ options: () => options, schema: flat, resampling, isLast: true, learns: false }),
    async ask(index, fields) {
      await order?.schedule(Promise.resolve(), `replicate ${index}`);
      const data = given[index] ?? null;
      const facts = { id: `r${index + 1}`, elapsedMs: 0, seed: index, model: "m", attempts: 1 };
      const common = { ...facts, ...(fields && { fields: [...fields] }) };
      if (!data) return { replicate: { ...common, valid: false, data, quality: { valid: false, errors: ["no"] } } };
      return {
        replicate: { ...common, valid: true, data: pickFields(data, fields ?? [""]), quality: { valid: true } },
      };
    },
    *onObserved() {},
  });
}

function pick(row: Report, names: readonly (keyof Report)[]): object {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}

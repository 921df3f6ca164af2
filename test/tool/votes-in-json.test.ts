import { type } from "arktype";
import { Schema } from "effect";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { BundleTool, type EvidenceBundle, Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

type AnySchema = NonNullable<ConstructorParameters<typeof PromptBundleTool<any, any, any>>[0]["schema"]>;

/** The bundle of these answers, each asked for once, in this order. */
async function bundleOf(schema: AnySchema, answers: readonly unknown[], options: object = {}) {
  let at = 0;
  const model = scriptedModel(() => ({ text: JSON.stringify(answers[at++]) }));
  const defaultOptions = { k: answers.length, stopping: "none", maxParallel: 1, ...options } as const;
  const tool = new PromptBundleTool<string, any>({ name: "t", model, prompt: "x", schema, defaultOptions });
  const output = await new Orchestrator().run({ tool, request: {} });
  return { output, ...(unwrap(output).evidenceBundle as EvidenceBundle<any>) };
}

/** Each field has a majority of two of three, and no answer has all of those. */
function contested(first: unknown, second: unknown) {
  return [
    { due: first, sev: "low", who: "ann" },
    { due: second, sev: "high", who: "ann" },
    { due: second, sev: "low", who: "bob" },
  ];
}

const dates = contested("2024-01-02", "2024-01-03");
const texts = contested("12", "13");
const rest = { sev: z.string(), who: z.string() };
const restOfValibot = { sev: v.string(), who: v.string() };
const third = new Date("2024-01-03");

describe("each field is voted on by itself, and the consensus goes through the schema once:", () => {
  test.each<[string, AnySchema, object[], unknown, unknown]>([
    ["without a transformation", z.object({ due: z.iso.date(), ...rest }), dates, "2024-01-03", "2024-01-03"],
    ["zod, a date", z.object({ due: z.iso.date().transform((s) => new Date(s)), ...rest }), dates, third, "2024-01-03"],
    ["zod, a number from a text", z.object({ due: z.string().transform(Number), ...rest }), texts, 13, "13"],
    [
      "zod, a text from a number",
      z.object({ due: z.number().transform((n) => `#${n}`), ...rest }),
      contested(2, 3),
      "#3",
      3,
    ],
    ["zod, a coercion, which stays as it is", z.object({ due: z.coerce.number(), ...rest }), texts, 13, 13],
    ["zod, a coercion to a date", z.object({ due: z.coerce.date(), ...rest }), dates, third, "2024-01-03"],
    [
      "zod, a codec",
      z.object({ due: z.codec(z.iso.date(), z.date(), { decode: (s) => new Date(s), encode: String }), ...rest }),
      dates,
      third,
      "2024-01-03",
    ],
    ["zod, a big integer", z.object({ due: z.string().transform(BigInt), ...rest }), texts, 13n, "13"],
    [
      "zod, a map of an object",
      z.object({ due: z.object({ a: z.string() }).transform(({ a }) => new Map([["a", a]])), ...rest }),
      contested({ a: "1" }, { a: "2" }),
      new Map([["a", "2"]]),
      { a: "2" },
    ],
    [
      "valibot, a number from a text",
      v.object({ due: v.pipe(v.string(), v.transform(Number)), ...restOfValibot }),
      texts,
      13,
      "13",
    ],
    [
      "valibot, a date",
      v.object({
        due: v.pipe(
          v.string(),
          v.transform((s) => new Date(s)),
        ),
        ...restOfValibot,
      }),
      dates,
      third,
      "2024-01-03",
    ],
    [
      "arktype, a date",
      type({ due: "string.date.iso.parse", sev: "string", who: "string" }),
      dates,
      third,
      "2024-01-03",
    ],
    [
      "arktype, a number from a text",
      type({ due: "string.numeric.parse", sev: "string", who: "string" }),
      texts,
      13,
      "13",
    ],
    [
      "effect, a date",
      Schema.toStandardSchemaV1(Schema.Struct({ due: Schema.DateFromString, sev: Schema.String, who: Schema.String })),
      dates,
      third,
      "2024-01-03",
    ],
  ])("%s", async (_, schema, answers, due, dueJson) => {
    const { summary, replicates, output } = await bundleOf(schema, answers);
    expect(summary).toMatchObject({ validCount: 3, disagreements: [{}, {}, {}] });
    expect(summary.medoidId).toBeUndefined();
    expect(summary.consensus).toEqual({ due, sev: "low", who: "ann" });
    expect(summary.consensusJson).toEqual({ due: dueJson, sev: "low", who: "ann" });
    const voted = Object.entries(summary.fields).find(([pointer]) => pointer.startsWith("/due"));
    expect(voted?.[1].support).toBe(2);
    expect(JSON.stringify(dueJson)).toContain(JSON.stringify(voted?.[1].value));
    expect(replicates[2]?.data).toEqual({ due, sev: "low", who: "bob" });
    expect(replicates[2]?.json).toEqual({ due: dueJson, sev: "low", who: "bob" });
    const written = JSON.parse(JSON.stringify(output)).content.evidenceBundle;
    expect(written.summary.consensus).toEqual(summary.consensusJson);
    expect(written.replicates.map(({ data }: { data: unknown }) => data)).toEqual(replicates.map(({ json }) => json));
  });

  test("a renamed field is voted on as the model wrote it", async () => {
    const schema = z
      .object({ sev: z.enum(["low", "high"]), who: z.string() })
      .transform(({ sev, who }) => ({ severity: sev, owner: who }))
      .pipe(z.object({ severity: z.enum(["low", "high"]), owner: z.string() }));
    const rows = [
      { sev: "low", who: "ann" },
      { sev: "high", who: "ann" },
      { sev: "low", who: "bob" },
    ];
    const { summary } = await bundleOf(schema, rows, { compare: { weights: { "/sev": 2 } } });
    expect(summary.consensus).toEqual({ severity: "low", owner: "ann" });
    expect(summary.consensusJson).toEqual({ sev: "low", who: "ann" });
    expect(Object.keys(summary.fields)).toEqual(["/sev", "/who"]);
  });

  test("values that a default, a trim or a coercion makes equal are equal, also beside a date", async () => {
    const schema = z.object({
      due: z.iso.date().transform((s) => new Date(s)),
      lang: z.string().default("en"),
      who: z.string().trim().toLowerCase(),
      n: z.coerce.number(),
    });
    const { summary, replicates } = await bundleOf(schema, [
      { due: "2024-01-02", who: " Ann", n: "1" },
      { due: "2024-01-02", who: "ann", n: 1, lang: "en" },
      { due: "2024-01-02", who: "ann ", n: "1.0", other: "left out by the schema" },
    ]);
    expect(summary.disagreements).toEqual([]);
    expect(summary.consensus).toEqual({ due: new Date("2024-01-02"), lang: "en", who: "ann", n: 1 });
    expect(replicates[0]?.json).toEqual({ due: "2024-01-02", lang: "en", who: "ann", n: 1 });
  });
});

describe("answers that JSON would make one are as many as the model gave:", () => {
  test.each<[string, (text: string) => unknown]>([
    ["a Set", (text) => new Set([text])],
    ["a regular expression", (text) => new RegExp(text)],
    ["an error", (text) => new Error(text)],
    ["search parameters", (text) => new URLSearchParams({ text })],
    ["a function", (text) => () => text],
    ["undefined in a list", (text) => [undefined, text === "1" ? undefined : text]],
    ["a big integer", (text) => BigInt(text)],
    ["a date", (text) => new Date(Number(text))],
    ["a Map", (text) => new Map([[text, text]])],
    ["infinity", (text) => Number(text) / 0],
    ["a symbol", (text) => Symbol(text)],
    ["bytes", (text) => new TextEncoder().encode(text)],
  ])("%s", async (_, make) => {
    const schema = z.object({ v: z.string().transform(make) });
    const { summary, replicates } = await bundleOf(schema, [{ v: "1" }, { v: "2" }, { v: "3" }]);
    expect(summary.validCount).toBe(3);
    expect(summary.disagreements[0]?.values.map(({ value }) => value)).toEqual(["1", "2", "3"]);
    expect(Object.getPrototypeOf(replicates[0]?.data.v)).toBe(Object.getPrototypeOf(make("1")));
    expect(JSON.parse(JSON.stringify(summary)).consensus).toEqual(summary.consensusJson);
  });
});

describe("a consensus that the schema refuses", () => {
  const flags = (a: number, b: number, c: number) => ({ a, b, c, at: "2024-01-02" });
  const bit = z.number();
  const at = z.iso.date().transform((s) => new Date(s));

  test("is not given: the answer nearest to all others is, and is named", async () => {
    const schema = z.object({ a: bit, b: bit, c: bit, at }).refine(({ a, b, c }) => a + b + c < 3);
    const { summary, replicates } = await bundleOf(schema, [flags(1, 1, 0), flags(1, 0, 1), flags(0, 1, 1)]);
    const given = replicates.find(({ id }) => id === summary.medoidId);
    expect(summary.consensus).toEqual(given?.data);
    expect(summary.consensusJson).toEqual(given?.json);
    expect(summary.consensus.at).toEqual(new Date("2024-01-02"));
    expect(JSON.parse(JSON.stringify(summary)).consensus).toEqual(given?.json);
  });

  test("is one that the schema changes, where it takes every answer unchanged", async () => {
    const schema = z.object({ a: bit, b: bit, sum: bit }).transform(({ a, b }) => ({ a, b, sum: a + b }));
    const { summary, replicates } = await bundleOf(schema, [
      { a: 1, b: 1, sum: 2 },
      { a: 1, b: 2, sum: 3 },
      { a: 2, b: 1, sum: 3 },
    ]);
    expect(summary.medoidId).toBeDefined();
    expect(replicates.map(({ data }) => data)).toContainEqual(summary.consensus);
  });
});

test("copies of a bundle are plain: spread, structuredClone and JSON keep its answers", async () => {
  const schema = z.object({ due: z.iso.date().transform((s) => new Date(s)) });
  const { summary, replicates } = await bundleOf(schema, [{ due: "2024-01-02" }, { due: "2024-01-02" }]);
  expect({ ...summary }.consensus).toEqual({ due: new Date("2024-01-02") });
  expect(structuredClone(replicates)).toEqual(replicates);
  expect(Object.keys(replicates[0] as object)).not.toContain("toJSON");
  expect(JSON.parse(JSON.stringify({ replicates }))).toMatchObject({
    replicates: [{ data: { due: "2024-01-02" } }, {}],
  });
});

test("events carry the JSON of an answer beside its value", async () => {
  const schema = z.object({ due: z.iso.date().transform((s) => new Date(s)) });
  const model = scriptedModel(() => ({ object: { due: "2024-01-02" } }));
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", schema });
  const events: any[] = [];
  await new Orchestrator().run({
    tool,
    request: {},
    toolOptions: { k: 3 },
    onEvent: (event) => void events.push(event),
  });
  const [done] = events.filter(({ type: name }) => name === "replicate_done");
  const [partial] = events.filter(({ type: name }) => name === "partial_summary");
  expect(done.replicate).toMatchObject({ data: { due: new Date("2024-01-02") }, json: { due: "2024-01-02" } });
  expect(partial.summary).toMatchObject({
    consensus: { due: new Date("2024-01-02") },
    consensusJson: { due: "2024-01-02" },
  });
  expect(JSON.parse(JSON.stringify(partial)).summary.consensus).toEqual({ due: "2024-01-02" });
});

test("replicates say why the model ended, and keep its thoughts apart", async () => {
  const model = scriptedModel(() => ({ text: '<think>low, I guess</think>{"n":1}' }));
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", schema: z.object({ n: z.number() }) });
  const output = await new Orchestrator().run({ tool, request: {}, toolOptions: { k: 1 } });
  expect(unwrap(output).evidenceBundle.replicates[0]).toMatchObject({
    data: { n: 1 },
    reasoning: "low, I guess",
    finishReason: { unified: "stop" },
  });
});

test("a bundle that a tool makes by itself has the JSON of its answers, or says what has none", async () => {
  const make = (data: unknown) =>
    new (class extends BundleTool<object, unknown> {
      readonly name = "own";
      override async executeBundle(): Promise<EvidenceBundle<unknown>> {
        const replicate = { id: "r1", valid: true, data, quality: { valid: true }, seed: 1, model: "m", attempts: 1 };
        const summary = {
          consensus: data,
          validCount: 1,
          invalidCount: 0,
          confidence: 1,
          fields: {},
          disagreements: [],
        };
        return { meta: {}, replicates: [replicate], summary, usageTotal: {}, costTotalUsd: 0 } as never;
      }
    })();
  const output = await new Orchestrator().run({ tool: make({ at: new Date(0) }), request: {} });
  const { summary, replicates } = unwrap(output).evidenceBundle;
  expect(summary.consensusJson).toEqual({ at: "1970-01-01T00:00:00.000Z" });
  expect(replicates[0]?.json).toEqual({ at: "1970-01-01T00:00:00.000Z" });
  const refused = await new Orchestrator().run({ tool: make({ at: new Set() }), request: {} });
  expect(refused.errors?.["own"]?.message).toContain("/at is a Set");
});

test.each<[string, (event: any) => unknown]>([
  ["in place", (event) => event],
  ["in a copy", (event) => structuredClone(event)],
])("an event that hides answers %s leaves none beside them", async (_, given) => {
  const schema = z.object({
    name: z.string(),
    code: z.string().transform(BigInt),
    at: z.string().transform((t) => () => t),
  });
  const answers = [{ name: "secret", code: "77001", at: "secret" }];
  const model = scriptedModel(() => ({ object: answers[0] }));
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", schema });
  const redact = (event: any) => {
    const hidden = given(event) as any;
    const bundles = [hidden.evidenceBundle, hidden.output?.content?.evidenceBundle].filter(Boolean);
    const replicates = [hidden.replicate, ...bundles.flatMap((bundle) => bundle.replicates)].filter(Boolean);
    for (const replicate of replicates) for (const key of Object.keys(replicate.data)) replicate.data[key] = "hidden";
    for (const summary of [hidden.summary, ...bundles.map((bundle) => bundle.summary)].filter(Boolean))
      Object.assign(summary, { consensus: "hidden", fields: {}, disagreements: [] });
    return hidden;
  };
  const seen: any[] = [];
  const onEvent = (event: unknown) => void seen.push(event);
  const output = await new Orchestrator().run({
    tool,
    request: {},
    toolOptions: { k: 3 },
    options: { redact },
    onEvent,
  });
  expect(unwrap(output).evidenceBundle.summary.consensus?.code).toBe(77001n);
  expect(JSON.stringify(seen)).not.toMatch(/secret|77001/);
  const [done] = seen.filter(({ type: name }) => name === "replicate_done");
  expect(done.replicate).toMatchObject({ data: { name: "hidden" }, json: { name: "hidden" } });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LanguageModelLike } from "../../src/contract/model.ts";
import { Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { generate } from "../../src/provider/language-model.ts";
import type { ModelCall } from "../../src/provider/model-call.ts";
import { parseSimulatedModel, simulatedModel, simulatedTruth } from "../../src/provider/simulated.ts";
import { resolveSchema } from "../../src/schema/resolve.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

const { signal } = new AbortController();
const schema = {
  type: "object",
  properties: {
    severity: { enum: ["low", "middle", "high"] },
    score: { type: "integer", minimum: 1, maximum: 5 },
    urgent: { type: "boolean" },
    tags: { type: "array", items: { type: "string" } },
  },
  required: ["severity", "score", "urgent", "tags"],
  additionalProperties: false,
};
const ask = async (model: LanguageModelLike, seed: number, call: Partial<ModelCall> = {}) =>
  (
    await generate(model, {
      messages: [{ role: "user", content: "Is it?" }],
      seed,
      signal,
      responseSchema: schema,
      ...call,
    })
  ).text;
const askMany = (model: LanguageModelLike, count: number) =>
  Promise.all(Array.from({ length: count }, (_, seed) => ask(model, seed)));

describe("simulatedModel", () => {
  test("says that it is simulated", () => {
    expect(simulatedModel()).toMatchObject({ source: "simulated", provider: "simulated" });
  });

  test("gives the truth where it never errs, and the truth is a valid answer of the schema", async () => {
    const truth = simulatedTruth("Is it?", schema);
    for (const text of await askMany(simulatedModel(), 20)) expect(JSON.parse(text)).toEqual(truth);
    expect(await (await resolveSchema(schema)).check(truth)).toMatchObject({ ok: true });
  });

  test("holds the same for true of a field, whatever else is asked for", () => {
    const place = { type: "object", properties: { city: { type: "string" }, zip: { type: "integer" } } };
    const whole = { type: "object", properties: { place, ...schema.properties } };
    const parts = [["severity"], ["tags", "score"], ["place"]].map((names) => ({
      type: "object",
      properties: Object.fromEntries(Object.entries(whole.properties).filter(([name]) => names.includes(name))),
    }));
    fc.assert(
      fc.property(fc.string(), (question) => {
        const truth = simulatedTruth(question, whole);
        for (const part of parts) expect(truth).toMatchObject(simulatedTruth(question, part) as object);
        const city = { type: "object", properties: { place: { ...place, properties: { city: { type: "string" } } } } };
        expect(truth).toMatchObject(simulatedTruth(question, city) as object);
      }),
    );
  });

  test("answers one field of a question as it answers all, for a tool that asks for fields again", async () => {
    const bundles = await Promise.all(
      Array.from({ length: 10 }, async (_, seed) => {
        const tool = new PromptBundleTool({
          name: "triage",
          model: simulatedModel({ errorRate: 0.35, seed }),
          prompt: "Is it?",
          defaultOptions: { schema, k: 20, resample: "fields" },
        });
        return unwrap(await new Orchestrator().run({ tool, request: {} })).evidenceBundle;
      }),
    );
    expect(bundles.flatMap(({ replicates }) => replicates).some(({ fields }) => fields)).toBe(true);
    const truth = simulatedTruth("Is it?", schema);
    for (const { summary } of bundles) expect(summary.consensus).toEqual(truth);
  });

  test.each([
    [
      "whose references double forty times",
      (of: (name: string) => object) => ({ a: of("next"), b: of("next") }),
      40,
      [],
    ],
    [
      "whose references double forty times, all of them needed",
      (of: any) => ({ a: of("next"), b: of("next") }),
      40,
      ["a", "b"],
    ],
    ["that contains itself", (of: (name: string) => object) => ({ itself: of("this") }), 1, []],
    ["that needs itself", (of: (name: string) => object) => ({ itself: of("this") }), 1, ["itself"]],
  ])("ends its truth of a schema %s", (_, propertiesOf, count, required) => {
    const $defs = Object.fromEntries(
      Array.from({ length: count }, (_, at) => {
        const of = (name: string) => ({ $ref: `#/$defs/d${name === "next" ? at + 1 : at}` });
        return [`d${at}`, { type: "object", properties: propertiesOf(of), required }];
      }),
    );
    const truth = simulatedTruth("Is it?", { $ref: "#/$defs/d0", $defs });
    expect(JSON.stringify(truth).length).toBeLessThan(1_000_000);
  });

  test("answers the same to the same prompt and seed, whatever came before", async () => {
    const options = { errorRate: 0.5, malformedRate: 0.3, seed: 3 };
    const forwards = await askMany(simulatedModel(options), 50);
    const model = simulatedModel(options);
    for (const seed of [40, 3, 3, 17]) expect(await ask(model, seed)).toBe(forwards[seed]);
    expect(await askMany(simulatedModel({ ...options, seed: 4 }), 50)).not.toEqual(forwards);
  });

  test("errs at its rate, with answers that are wrong but valid", async () => {
    const truth = JSON.stringify(simulatedTruth("Is it?", schema));
    const answers = await askMany(simulatedModel({ errorRate: 0.3 }), 2000);
    const wrong = answers.filter((text) => text !== truth);
    expect(wrong.length / answers.length).toBeGreaterThan(0.27);
    expect(wrong.length / answers.length).toBeLessThan(0.33);
    const { check } = await resolveSchema(schema);
    for (const text of wrong) expect(await check(JSON.parse(text))).toMatchObject({ ok: true });
  });

  test("spoils its JSON at the rate it is given", async () => {
    const answers = await askMany(simulatedModel({ malformedRate: 0.2 }), 2000);
    const broken = answers.filter((text) => !text.startsWith("{") || !text.endsWith("}"));
    expect(broken.length / answers.length).toBeGreaterThan(0.17);
    expect(broken.length / answers.length).toBeLessThan(0.23);
  });

  test("fails as an overloaded provider at the rate it is given, and answers when asked again", async () => {
    const model = simulatedModel({ failureRate: 0.5 });
    const attempts = await Promise.all(
      Array.from({ length: 400 }, () => ask(model, 1).catch((error) => error.statusCode)),
    );
    const failures = attempts.filter((attempt) => attempt === 503).length;
    expect(failures).toBeGreaterThan(150);
    expect(failures).toBeLessThan(250);
  });

  test("takes a truth that it is told, or a function of the question, which a correction does not change", async () => {
    expect(await ask(simulatedModel({ truth: { a: 1 } }), 0)).toBe('{"a":1}');
    const model = simulatedModel({ truth: (question: string) => question.length });
    const messages = [
      { role: "user" as const, content: "four" },
      { role: "assistant" as const, content: "5" },
      { role: "user" as const, content: "That answer cannot be used." },
    ];
    expect(await ask(model, 0, { messages })).toBe("4");
  });

  test("answers a schema whose root is no object", async () => {
    expect(["low", "high"]).toContain(
      JSON.parse(await ask(simulatedModel(), 0, { responseSchema: { enum: ["low", "high"] } })),
    );
  });

  test("waits for its latency by the clock it is given, and no longer than the signal allows", async () => {
    const clock = createFakeClock();
    const model = simulatedModel({ latencyMs: 100 }, clock);
    let isDone = false;
    const pending = ask(model, 0).then(() => (isDone = true));
    await clock.advance(49);
    expect(isDone).toBe(false);
    await clock.advance(101);
    await pending;
    const abort = new AbortController();
    const stopped = ask(model, 0, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    expect(clock.pending).toBe(0);
  });

  test("never answers longer than it may", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), async (maxOutputTokens) => {
        const messages = [{ role: "user" as const, content: "Is it?" }];
        const answer = await generate(simulatedModel(), { messages, signal, responseSchema: schema, maxOutputTokens });
        expect(answer.usage.outputTokens).toBeLessThanOrEqual(maxOutputTokens);
        expect(answer.isCutOff).toBe(answer.text.length < JSON.stringify(simulatedTruth("Is it?", schema)).length);
      }),
    );
  });

  test("is named by a reference with its rates", async () => {
    const model = parseSimulatedModel('strong?error=1&seed=2&truth={"a":1}');
    expect(model.modelId).toBe("strong");
    expect(JSON.parse(await ask(model, 0))).not.toEqual({ a: 1 });
  });
});

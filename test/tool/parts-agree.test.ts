import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fieldVotes } from "../../src/cli/view/facts.ts";
import { defineBundleTool, type EvidenceBundle, Orchestrator, unwrap } from "../../src/index.ts";

const word = z.string().trim();
/** Transforms, defaults and plain fields side by side; a refinement refuses some combinations that no answer has. */
const schema = z
  .object({
    due: z.iso.date().transform((text) => new Date(text)),
    lang: z.string().default("en"),
    who: word.nullable(),
    tags: z.array(word).transform((tags) => new Set(tags)),
    rows: z.array(z.object({ id: z.number(), note: word.optional() })),
    place: z.object({ city: word, zip: z.string().optional() }).optional(),
    a: z.number(),
    b: z.number(),
  })
  .refine(({ a, b }) => a + b < 3, "a + b is less than 3");

const text = fc.constantFrom("x", "y", "z", "");
const answer = fc
  .record(
    {
      due: fc.constantFrom("2024-01-02", "2024-01-03"),
      lang: fc.constantFrom("en", "de"),
      who: fc.constantFrom(null, "ann", "bob"),
      tags: fc.array(text, { maxLength: 3 }),
      rows: fc.uniqueArray(fc.record({ id: fc.constantFrom(1, 2, 3), note: text }, { requiredKeys: ["id"] }), {
        maxLength: 3,
        selector: ({ id }) => id,
      }),
      place: fc.record({ city: text, zip: fc.constantFrom("1", "2") }, { requiredKeys: ["city"] }),
      a: fc.constantFrom(0, 1, 2),
      b: fc.constantFrom(0, 1, 2),
    },
    { requiredKeys: ["due", "who", "tags", "rows", "a", "b"] },
  )
  .filter(({ a, b }) => a + b < 3);
const answers = fc.array(answer, { minLength: 1, maxLength: 7 });

async function bundleOf(given: readonly object[], toolOptions: object = {}): Promise<EvidenceBundle<any>> {
  const tool = defineBundleTool({
    name: "t",
    input: z.object({}),
    schema: schema as z.ZodType<any, any>,
    executeReplicate: async (_, { index }) => ({ data: given[index] }),
  });
  const k = given.length;
  const run = { tool, request: {}, toolOptions: { k, stopping: "none", ...toolOptions } } as const;
  return unwrap(await new Orchestrator({ calibrations: "off" }).run(run)).evidenceBundle;
}

/** The value at a JSON pointer; undefined where there is none. */
function at(value: any, pointer: string): unknown {
  return pointer
    .split("/")
    .slice(1)
    .reduce((part, step) => (part === null || part === undefined ? undefined : part[step]), value);
}

/** Leaves with their keys, list indices left out. */
function leavesOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value))
    return value.length === 0 ? [`${path} []`] : value.flatMap((item) => leavesOf(item, `${path}/*`));
  if (typeof value !== "object" || value === null) return [`${path} ${JSON.stringify(value)}`];
  const entries = Object.entries(value);
  return entries.length === 0 ? [`${path} {}`] : entries.flatMap(([key, item]) => leavesOf(item, `${path}/${key}`));
}

const check = (property: (given: object[], lists: "content" | "position") => Promise<void>) =>
  fc.assert(fc.asyncProperty(answers, fc.constantFrom("content", "position"), property), { numRuns: 100 });

describe("the parts of a bundle agree, whatever the answers:", () => {
  test("the summary and the consensus agree at every path", () =>
    check(async (given, lists) => {
      const { summary } = await bundleOf(given, { compare: { lists } });
      for (const [pointer, field] of Object.entries(summary.fields)) {
        expect({ pointer, value: at(summary.consensusJson, pointer) }).toEqual({ pointer, value: field.value });
      }
    }));

  test("no value of the consensus is one that no answer gave", () =>
    check(async (given, lists) => {
      const { summary, replicates } = await bundleOf(given, { compare: { lists } });
      const known = new Set(replicates.flatMap(({ json }) => leavesOf(json)));
      for (const leaf of leavesOf(summary.consensusJson)) expect([...known]).toContain(leaf);
    }));

  test("the consensus is what the schema makes of its JSON, or a replicate that is named", () =>
    check(async (given, lists) => {
      const { summary, replicates } = await bundleOf(given, { compare: { lists } });
      const medoid = replicates.find(({ id }) => id === summary.medoidId);
      if (medoid) expect([summary.consensus, summary.consensusJson]).toEqual([medoid.data, medoid.json]);
      else expect(schema.parse(summary.consensusJson)).toEqual(summary.consensus);
      for (const { data, json } of replicates) expect(schema.parse(json)).toEqual(data);
    }));

  test("disagreements, fields and views tell of the same votes", () =>
    check(async (given, lists) => {
      const { summary, replicates } = await bundleOf(given, { compare: { lists } });
      const written = JSON.parse(JSON.stringify(summary));
      expect(written.consensus).toEqual(summary.consensusJson);
      expect(fieldVotes(written)).toEqual(fieldVotes(JSON.parse(JSON.stringify({ ...summary, consensus: null }))));
      const contested = new Map(summary.disagreements.map((disagreement) => [disagreement.path, disagreement]));
      for (const [pointer, { distribution, tied }] of Object.entries(summary.fields)) {
        const disagreement = contested.get(pointer);
        expect(disagreement !== undefined).toBe(distribution.length > 1);
        if (!disagreement) continue;
        expect(disagreement.values.map(({ replicateIds, ...vote }) => vote)).toEqual(distribution);
        expect(disagreement.tied).toBe(tied);
        expect(disagreement.values.flatMap(({ replicateIds }) => replicateIds).length).toBe(replicates.length);
      }
    }));

  test("the order of the answers changes nothing but which of tied values is given", () =>
    fc.assert(
      fc.asyncProperty(
        answers.chain((given) =>
          fc.tuple(
            fc.constant(given),
            fc.shuffledSubarray(given, { minLength: given.length, maxLength: given.length }),
          ),
        ),
        async ([given, shuffled]) => {
          const [one, other] = [(await bundleOf(given)).summary, (await bundleOf(shuffled)).summary];
          if ([one, other].some(({ fields }) => Object.values(fields).some(({ tied }) => tied))) return;
          if (one.medoidId !== undefined || other.medoidId !== undefined) return;
          expect(other.consensus).toEqual(one.consensus);
          expect(other.consensusJson).toEqual(one.consensusJson);
          expect(other.confidence).toBeCloseTo(one.confidence, 12);
          expect(other.disagreements.length).toBe(one.disagreements.length);
        },
      ),
      { numRuns: 100 },
    ));
});

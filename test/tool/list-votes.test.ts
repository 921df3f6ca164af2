import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { BundleOptions } from "../../src/contract/bundle-options.ts";
import type { JSONSchema } from "../../src/core/json.ts";
import { Orchestrator, PromptBundleTool } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

const rows = z.object({ items: z.array(z.object({ sku: z.string(), qty: z.number() })) });
const words = z.object({ words: z.array(z.string()) });
const list = (...items: [string, number][]) => JSON.stringify({ items: items.map(([sku, qty]) => ({ sku, qty })) });

interface Case {
  readonly promise: string;
  readonly schema: z.ZodType | JSONSchema;
  readonly texts: readonly string[];
  readonly compare?: BundleOptions["compare"];
  /** The consensus, its lists in any order. */
  readonly sameItems?: unknown;
  readonly consensus?: unknown;
  /** Pointers in which the answers differ. */
  readonly contested?: readonly string[];
  readonly distanceBelow?: number;
}

const shuffledRows = [
  list(["A", 1], ["B", 2], ["C", 3]),
  list(["B", 2], ["A", 1], ["C", 3]),
  list(["C", 3], ["A", 1], ["B", 2]),
];

const cases: readonly Case[] = [
  {
    promise: "has each row of lists in another order once",
    schema: rows,
    texts: shuffledRows,
    sameItems: JSON.parse(shuffledRows[0] as string),
    contested: [],
  },
  {
    promise: "does the same where it is asked for by its older name",
    schema: rows,
    texts: shuffledRows,
    compare: { lists: "align" },
    sameItems: JSON.parse(shuffledRows[0] as string),
    contested: [],
  },
  {
    promise: "votes on a row's fields wherever the row stands",
    schema: rows,
    texts: [list(["A", 1], ["B", 2]), list(["B", 5], ["A", 1]), list(["B", 2], ["A", 1])],
    sameItems: {
      items: [
        { sku: "A", qty: 1 },
        { sku: "B", qty: 2 },
      ],
    },
    contested: ["/items/0/qty"],
  },
  {
    promise: "has no word twice that no answer has twice",
    schema: words,
    texts: ['{"words":["alpha","beta"]}', '{"words":["beta","alpha"]}', '{"words":["beta","gamma"]}'],
    sameItems: { words: ["alpha", "beta"] },
  },
  {
    promise: "has a word twice that most answers have twice",
    schema: words,
    texts: ['{"words":["a","a","b"]}', '{"words":["b","a","a"]}', '{"words":["a","b"]}'],
    sameItems: { words: ["a", "a", "b"] },
  },
  {
    promise: "finds lists alike that differ by one more item in front",
    schema: words,
    texts: ['{"words":["x","y","z"]}', '{"words":["w","x","y","z"]}'],
    distanceBelow: 0.5,
  },
  {
    promise: "keeps the places of a tuple",
    schema: z.object({ at: z.tuple([z.number(), z.number()]) }),
    texts: ['{"at":[1,2]}', '{"at":[2,1]}', '{"at":[2,1]}'],
    consensus: { at: [2, 1] },
    contested: ["/at/0", "/at/1"],
  },
  {
    promise: "keeps the places of tuples in a list that has no order",
    schema: z.object({ points: z.array(z.tuple([z.number(), z.number()])) }),
    texts: ['{"points":[[1,2],[3,4]]}', '{"points":[[3,4],[1,2]]}', '{"points":[[1,2],[4,3]]}'],
    consensus: {
      points: [
        [1, 2],
        [3, 4],
      ],
    },
  },
  {
    promise: "takes an empty list for a value that can win",
    schema: words,
    texts: ['{"words":[]}', '{"words":["a"]}', '{"words":[]}'],
    consensus: { words: [] },
    contested: ["/words", "/words/0"],
  },
  {
    promise: "has no empty list that no answer gave",
    schema: words,
    texts: ['{"words":["a"]}', '{"words":["b"]}', '{"words":["c"]}'],
    consensus: { words: ["a"] },
    contested: ["/words"],
  },
  {
    promise: "keeps lists inside rows in any order",
    schema: z.object({ teams: z.array(z.object({ name: z.string(), members: z.array(z.string()) })) }),
    texts: [
      '{"teams":[{"name":"red","members":["Ann","Bob"]},{"name":"blue","members":["Cid"]}]}',
      '{"teams":[{"name":"blue","members":["Cid"]},{"name":"red","members":["Bob","Ann"]}]}',
      '{"teams":[{"name":"red","members":["Bob","Ann"]},{"name":"blue","members":["Cid","Eve"]}]}',
    ],
    sameItems: {
      teams: [
        { name: "red", members: ["Ann", "Bob"] },
        { name: "blue", members: ["Cid"] },
      ],
    },
  },
  {
    promise: "takes one number for one item, in whatever form",
    schema: z.object({ scores: z.array(z.number()) }),
    texts: ['{"scores":[1.0,2]}', '{"scores":[2.0,1]}', '{"scores":[1e0,20e-1]}'],
    sameItems: { scores: [1, 2] },
    contested: [],
  },
  {
    promise: "has a list by position where the options ask for it",
    schema: words,
    texts: ['{"words":["a","b"]}', '{"words":["b","a"]}', '{"words":["a","b"]}'],
    compare: { byPath: { "/words": { lists: "position" } } },
    consensus: { words: ["a", "b"] },
    contested: ["/words/0", "/words/1"],
  },
];

/** The text of a value, its lists in any order. */
function unordered(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(unordered).sort().join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, inner]) => `${key}:${unordered(inner)}`)}}`;
}

describe("the consensus of answers with lists", () => {
  test.each(cases)("$promise", async ({ schema, texts, compare, ...expected }) => {
    let at = 0;
    const tool = new PromptBundleTool({
      name: "lists",
      model: scriptedModel(() => ({ text: texts[at++] ?? "" })),
      prompt: "q",
      schema: schema as z.ZodType,
      defaultOptions: { k: texts.length, stopping: "none", maxParallel: 1, ...(compare && { compare }) },
    });
    const output = await new Orchestrator().run({ tool, request: {} });
    if (output.status === "failed") throw new Error(JSON.stringify(output.errors));
    const { replicates, summary } = output.content.evidenceBundle;
    expect(replicates.map(({ valid }) => valid)).toEqual(texts.map(() => true));
    expect(summary.medoidId).toBeUndefined();
    if ("consensus" in expected) expect(summary.consensus).toEqual(expected.consensus);
    if ("sameItems" in expected) expect(unordered(summary.consensus)).toBe(unordered(expected.sameItems));
    if (expected.contested) expect(summary.disagreements.map(({ path }) => path).sort()).toEqual(expected.contested);
    if (expected.distanceBelow) expect(summary.pairwiseDistance?.[0]?.[1]).toBeLessThan(expected.distanceBelow);
  });
});

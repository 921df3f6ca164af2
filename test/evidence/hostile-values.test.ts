import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { pairwiseDistance } from "../../src/evidence/distance.ts";
import { createStoppingRule } from "../../src/evidence/stopping.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { replicatesOf } from "./support/replicates.ts";

const consensusOf = (values: readonly unknown[]) => summarize(replicatesOf(values)).consensus;

/** An object inside objects, or lists inside lists, to a depth. */
function nested(depth: number, core: unknown, wrap: (inner: unknown) => unknown): unknown {
  let value = core;
  for (let level = 0; level < depth; level++) value = wrap(value);
  return value;
}

describe("hostile answers", () => {
  test("keep the names of prototypes as plain keys", () => {
    const answer = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":"x","hasOwnProperty":0}',
    );
    const summary = summarize(replicatesOf([answer, answer, JSON.parse('{"__proto__":1}')]));
    expect(JSON.stringify(summary.consensus)).toBe(JSON.stringify(answer));
    expect(summary.fields["/__proto__/polluted"]?.support).toBe(2);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.getPrototypeOf(summary.consensus)).toBe(Object.prototype);
    const lists = { lists: "align" } as const;
    expect(JSON.stringify(summarize(replicatesOf([answer, answer]), lists).consensus)).toBe(JSON.stringify(answer));
    expect(pairwiseDistance([answer, {}])[0]?.[1]).toBe(1);
  });

  test("count NaN as equal to itself, -0 as 0, and whole numbers beyond 2^53 as what they are", () => {
    expect(pairwiseDistance([Number.NaN, Number.NaN, 0])[0]).toEqual([0, 0, 1]);
    expect(Object.is(consensusOf([-0, 0, -0]), 0)).toBe(true);
    expect(pairwiseDistance([2 ** 53, 2 ** 53 + 2])[0]?.[1]).toBe(1);
    const huge = [1n, 1n, 2n, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, -1e308, Number.NaN];
    for (const row of pairwiseDistance(huge, { tolerance: 0.5 }).flat()) expect(row).toBeGreaterThanOrEqual(0);
    expect(summarize(replicatesOf(huge), { tolerance: { absolute: 0 } }).consensus).toBe(1n);
  });

  test("count lone surrogates and odd characters as the strings they are", () => {
    expect(consensusOf(["\ud800", "\ud800", "\udc00"])).toBe("\ud800");
    expect(consensusOf(["\u0000", "\u0000", ""])).toBe("\u0000");
    const texts = ["\ud800 word", "\ud800 word", "\u202e"];
    expect(summarize(replicatesOf(texts), { text: true }).consensus).toBe(texts[0]);
    expect(pairwiseDistance([{ "/": 1, "~": 2 }, { "/": 1 }])[0]?.[1]).toBe(0.5);
    expect(Object.keys(summarize(replicatesOf([{ "a/b~c": { "": 1 } }])).fields)).toEqual(["/a~1b~0c/"]);
  });

  test("take what JSON leaves out for absent, and what JSON writes for what it writes", () => {
    const odd = {
      a: undefined,
      b: () => 1,
      c: Symbol("c"),
      d: new Date(0),
      e: [undefined],
      f: Object.create({ inherited: 1 }),
    };
    expect(consensusOf([odd])).toEqual({ d: "1970-01-01T00:00:00.000Z", e: [null], f: {} });
    expect(consensusOf([undefined])).toBe(null);
  });

  test.each([100, 20_000])("may be nested %i deep", (depth) => {
    const [deep, other] = [1, 2].map((core) => nested(depth, core, (inner) => ({ a: inner })));
    const summary = summarize(replicatesOf([deep, deep, other]));
    let inner: unknown = summary.consensus;
    for (let level = 0; level < depth; level++) inner = (inner as { a: unknown }).a;
    expect(inner).toBe(1);
    expect(summary.pairwiseDistance?.[0]).toEqual([0, 0, 1]);
    const lists = [deep, other].map((core) => nested(depth, core, (within) => [within]));
    expect(pairwiseDistance(lists, { lists: { key: "id" } })[0]?.[1]).toBe(1);
  });

  test("may have a megabyte of fields, or one text of a megabyte", () => {
    const wide = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`field ${index}`, index]));
    expect(JSON.stringify(wide).length).toBeGreaterThan(1_000_000);
    const summary = summarize(replicatesOf([wide, { ...wide, "field 7": 8 }, wide]));
    expect(summary.consensus).toEqual(wide);
    expect(summary.disagreements.map(({ path }) => path)).toEqual(["/field 7"]);
    expect(createStoppingRule({ k: 3 }).observe(wide).needed).toBe(1);
    const text = "lorem ipsum ".repeat(100_000);
    expect(summarize(replicatesOf([text, text, `${text} dolor`])).consensus).toBe(text);
  });

  test("are refused where they contain themselves", () => {
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    for (const options of [{}, { lists: "align" } as const]) {
      expect(() => summarize(replicatesOf([loop]), options)).toThrow(InvalidOptionsError);
      expect(() => pairwiseDistance([loop], options)).toThrow("a tree without cycles");
    }
  });
});

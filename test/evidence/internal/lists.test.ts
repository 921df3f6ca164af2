import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompareOptions } from "../../../src/contract/bundle-options.ts";
import { pairwiseDistance } from "../../../src/evidence/distance.ts";
import { createStoppingRule } from "../../../src/evidence/stopping.ts";
import { summarize } from "../../../src/evidence/summary.ts";
import { replicatesOf } from "../support/replicates.ts";

const consensusOf = (values: readonly unknown[], compare?: CompareOptions) =>
  summarize(replicatesOf(values), compare).consensus;

const item = fc.record({ sku: fc.constantFrom("a", "b", "c", "d", "e"), price: fc.constantFrom(1, 2, 3) });
const basket = fc.uniqueArray(item, { selector: ({ sku }) => sku, minLength: 1, maxLength: 5 });
const baskets = fc.array(basket, { minLength: 1, maxLength: 5 });
const shuffled = <T>(list: readonly T[]) => fc.shuffledSubarray([...list], { minLength: list.length });

describe("lists by position", () => {
  const compare = { lists: "position" } as const;

  test("compare the first item with the first, and close up where the consensus lacks one", () => {
    const values = [
      ["a", "b"],
      ["b", "c"],
      ["a", "c"],
    ];
    expect(consensusOf(values, compare)).toEqual(["a", "c"]);
    expect(consensusOf([["a", "b"], ["a"], ["a"]], compare)).toEqual(["a"]);
    expect(consensusOf([[1, null, 3], [1, null, 3], []], compare)).toEqual([1, null, 3]);
  });
});

describe("lists by key", () => {
  const compare = { lists: { key: "sku" } } as const;

  test("meet by the key of their items, wherever these stand", () => {
    fc.assert(
      fc.property(
        basket.chain((list) => fc.tuple(shuffled(list), shuffled(list))),
        ([one, other]) => {
          expect(pairwiseDistance([one, other], compare)[0]?.[1]).toBe(0);
        },
      ),
    );
  });

  test("rank the answers that lack a field of an item by how many they are", () => {
    const coat = { sku: "b" };
    const values = [
      [{ sku: "a", price: 1 }, coat],
      [{ sku: "a", price: 1 }, coat],
      [{ sku: "a" }, coat],
      [{ sku: "a" }, coat],
      [coat, { sku: "a", price: 2 }],
    ];
    const supports = summarize(replicatesOf(values), compare).fields["/0/price"]?.distribution;
    expect(supports).toEqual([{ value: 1, support: 2 }, { support: 2 }, { value: 2, support: 1 }]);
  });

  test("vote on each item's fields, keep the items that most lists have, and number them as the consensus does", () => {
    const values = [
      [
        { sku: "x", price: 1 },
        { sku: "y", price: 5 },
      ],
      [
        { sku: "y", price: 5 },
        { sku: "x", price: 2 },
      ],
      [
        { sku: "z", price: 9 },
        { sku: "x", price: 2 },
      ],
    ];
    const summary = summarize(replicatesOf(values), compare);
    const consensus = summary.consensus as { sku: string; price: number }[];
    expect(new Map(consensus.map(({ sku, price }) => [sku, price]))).toEqual(
      new Map([
        ["x", 2],
        ["y", 5],
      ]),
    );
    consensus.forEach(({ sku, price }, index) => {
      expect(summary.fields[`/${index}/sku`]?.value).toBe(sku);
      expect(summary.fields[`/${index}/price`]?.value).toBe(price);
    });
    expect(summary.fields["/2/sku"]?.distribution).toEqual([{ support: 2 }, { value: "z", support: 1 }]);
  });

  test("pair the first with the first where a list has a key twice, and items without a key among themselves", () => {
    const values = [
      [{ sku: 1, n: 1 }, { sku: 1, n: 2 }, "loose"],
      ["loose", { sku: 1, n: 1 }, { sku: 1, n: 2 }],
    ];
    expect(pairwiseDistance(values, compare)[0]?.[1]).toBe(0);
  });

  test("hold for the list that is named, not for lists inside it", () => {
    const values = [
      { rows: [{ id: 1, tags: [{ id: 8 }, { id: 9 }] }] },
      { rows: [{ id: 1, tags: [{ id: 9 }, { id: 8 }] }] },
    ];
    const named = pairwiseDistance(values, {
      lists: "position",
      byPath: { "/rows": { lists: { key: "id" } } },
    })[0]?.[1];
    expect(named).toBeGreaterThan(0);
    const both = { "/rows": { lists: { key: "id" } }, "/rows/*/tags": { lists: "align" } } as const;
    expect(pairwiseDistance(values, { byPath: both })[0]?.[1]).toBe(0);
  });
});

describe("lists by content", () => {
  test("keep an item that most lists have where the fields of others, voted on one by one, come to the same", () => {
    const size = { width: 1, height: 1, depth: 1, weight: 1 };
    const others = [{ weight: 2 }, { depth: 2 }, { height: 2 }].map((own) => ({ ...size, ...own }));
    const lists = others.map((other) => [size, other]);
    for (const values of [lists, lists.map((list) => list.toReversed())]) {
      const consensus = consensusOf(values) as unknown[];
      expect(consensus).toHaveLength(2);
      expect(consensus).toContainEqual(size);
      expect(others.some((other) => consensus.some((item) => isDeepStrictEqual(item, other)))).toBe(true);
    }
  });

  const compare = {};

  test("meet by likeness, wherever their items stand", () => {
    fc.assert(
      fc.property(
        basket.chain((list) => fc.tuple(shuffled(list), shuffled(list), shuffled(list))),
        (lists) => {
          for (const distance of pairwiseDistance(lists, compare).flat()) expect(distance).toBe(0);
        },
      ),
    );
  });

  test("pair items that differ in a part, and leave alone what is not alike", () => {
    const values = [
      [
        { name: "bolt", size: 4, steel: true },
        { name: "nut", size: 4, steel: true },
      ],
      [
        { name: "nut", size: 5, steel: true },
        { name: "bolt", size: 4, steel: true },
      ],
      [
        { name: "glue", size: 0, steel: false },
        { name: "bolt", size: 4, steel: true },
        { name: "nut", size: 5, steel: true },
      ],
    ];
    expect(consensusOf(values, compare)).toHaveLength(2);
    expect(consensusOf(values, compare)).toEqual(
      expect.arrayContaining([
        { name: "bolt", size: 4, steel: true },
        { name: "nut", size: 5, steel: true },
      ]),
    );
  });

  test("give the same consensus in any order of the replicates where nothing is tied", () => {
    const both = baskets.chain((lists) => fc.tuple(fc.constant(lists), shuffled(lists)));
    fc.assert(
      fc.property(both, ([lists, others]) => {
        const [summary, other] = [lists, others].map((values) => summarize(replicatesOf(values), compare));
        if ([summary, other].some((one) => Object.values(one?.fields ?? {}).some(({ tied }) => tied))) return;
        expect(other?.consensus).toEqual(summary?.consensus);
        expect(Object.keys(other?.fields ?? {}).sort()).toEqual(Object.keys(summary?.fields ?? {}).sort());
        expect(other?.confidence).toBeCloseTo(summary?.confidence as number, 12);
      }),
      { numRuns: 1000 },
    );
  });

  test("lose and double no item", () => {
    const header = { sku: "head", price: 0 };
    fc.assert(
      fc.property(baskets, (lists) => {
        const { fields } = summarize(replicatesOf(lists.map((list) => [header, ...list])), compare);
        const said = Object.entries(fields)
          .filter(([pointer]) => pointer.endsWith("/sku"))
          .flatMap(([, { distribution }]) => distribution.filter((entry) => "value" in entry));
        const votes = said.reduce((sum, { support }) => sum + support, 0);
        expect(votes).toBe(lists.flat().length + lists.length);
      }),
    );
  });

  test("keep the order that most lists have, and put an item that it lacks after the one that it follows", () => {
    const lists = [
      ["a", "b", "c"],
      ["c", "a", "b"],
      ["a", "b", "c"],
    ];
    expect(consensusOf(lists)).toEqual(["a", "b", "c"]);
    expect(
      consensusOf([
        ["a", "c"],
        ["a", "c"],
        ["a", "b", "c"],
        ["c", "a", "b"],
        ["b", "c", "a"],
      ]),
    ).toEqual(["a", "b", "c"]);
  });

  test("meet by the property that tells the items of each answer apart, though all else differs", () => {
    const rows = (...skus: string[]) => skus.map((sku, index) => ({ sku, qty: index, note: `${sku} ${skus.length}` }));
    const values = [rows("x", "y", "z"), rows("z", "x", "y", "w"), rows("y", "w", "z", "x")];
    const consensus = consensusOf(values) as { sku: string }[];
    expect(consensus.map(({ sku }) => sku).sort()).toEqual(["w", "x", "y", "z"]);
  });

  test("take an item that most lists have, and vote on its fields among those that have it", () => {
    const values = [
      [{ sku: "a", qty: 1, size: "s" }],
      [{ sku: "a", qty: 2, size: "s" }],
      [{ sku: "a", qty: 3, size: "s" }],
      [{ sku: "b", qty: 8, size: "m" }],
      [{ sku: "b", qty: 9, size: "l" }],
    ];
    const summary = summarize(replicatesOf(values));
    expect(summary.consensus).toEqual([{ sku: "a", qty: 1, size: "s" }]);
    expect(summary.fields["/0/qty"]).toMatchObject({ value: 1, support: 1, tied: true });
  });

  test("are compared as multisets where their items are scalars", () => {
    expect(
      pairwiseDistance([
        ["x", "y", "y"],
        ["y", "x", "y"],
      ])[0]?.[1],
    ).toBe(0);
    expect(
      pairwiseDistance([
        ["x", "y"],
        ["x", "y", "y"],
      ])[0]?.[1],
    ).toBeCloseTo(1 / 3, 12);
    expect(consensusOf([["x", "x"], ["x", "x"], ["x"]])).toEqual(["x", "x"]);
    expect(
      consensusOf(
        [
          [1, 2],
          [2.001, 1.001],
          [1.002, 2],
        ],
        { tolerance: 0.01 },
      ),
    ).toHaveLength(2);
  });

  test("keep their places where a path asks for it", () => {
    const values = [{ at: [1, 2] }, { at: [2, 1] }, { at: [2, 1] }];
    const compare = { byPath: { "/at": { lists: "position" } } } as const;
    expect(consensusOf(values, compare)).toEqual({ at: [2, 1] });
    expect(summarize(replicatesOf(values), compare).disagreements.map(({ path }) => path)).toEqual(["/at/0", "/at/1"]);
  });

  test("align lists inside lists after those around them", () => {
    const values = [
      [
        { team: "red", members: ["Ann", "Bob"] },
        { team: "blue", members: ["Cid"] },
      ],
      [
        { team: "blue", members: ["Cid"] },
        { team: "red", members: ["Bob", "Ann"] },
      ],
    ];
    expect(
      pairwiseDistance(values, {
        byPath: { "": { lists: { key: "team" } }, "/*/members": { lists: "content" } },
      })[0]?.[1],
    ).toBe(0);
  });

  test("leave thousands of unlike items apart, as pairing them would take the cube of their number", () => {
    const values = [0, 1].map((offset) => Array.from({ length: 3000 }, (_, index) => 2 * index + offset));
    expect(pairwiseDistance(values, compare)[0]?.[1]).toBe(1);
  });

  test("are judged as they stand after each replicate", () => {
    const rule = createStoppingRule({ k: 5, rule: "lossless", compare });
    const stops = [
      ["a", "b"],
      ["b", "a"],
      ["a", "b"],
    ].map((list) => rule.observe(list).stop);
    expect(stops).toEqual([false, false, true]);
  });
});

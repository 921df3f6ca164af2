import { describe, expect, test } from "vitest";
import type { CompareOptions } from "../../../src/contract/bundle-options.ts";
import { InvalidOptionsError } from "../../../src/core/errors.ts";
import { summarize } from "../../../src/evidence/summary.ts";
import { replicatesOf } from "../support/replicates.ts";

/** The pointers of the fields in which answers differ. */
const contested = (values: readonly unknown[], compare: CompareOptions) =>
  summarize(replicatesOf(values), { lists: "position", ...compare }).disagreements.map(({ path }) => path);

const rows = [
  {
    total: 100,
    lines: [
      { price: 10, tax: { rate: 1 } },
      { price: 20, tax: { rate: 2 } },
    ],
  },
  {
    total: 101,
    lines: [
      { price: 11, tax: { rate: 1.05 } },
      { price: 21, tax: { rate: 2.05 } },
    ],
  },
];
const all = ["/lines/0/price", "/lines/0/tax/rate", "/lines/1/price", "/lines/1/tax/rate", "/total"];

describe("compare options", () => {
  test("hold for every field, or for one path and everything below it", () => {
    expect(contested(rows, {}).sort()).toEqual(all);
    expect(contested(rows, { tolerance: 0.1 })).toEqual([]);
    expect(contested(rows, { byPath: { "/total": { tolerance: 0.1 } } })).not.toContain("/total");
    expect(contested(rows, { byPath: { "/lines": { tolerance: 0.1 } } })).toEqual(["/total"]);
  });

  test("reach any item of a list by a star, and one by its index", () => {
    const star = contested(rows, { byPath: { "/lines/*/price": { tolerance: 0.1 } } });
    expect(star.sort()).toEqual(["/lines/0/tax/rate", "/lines/1/tax/rate", "/total"]);
    expect(contested(rows, { byPath: { "/lines/1/price": { tolerance: 0.1 } } })).toContain("/lines/0/price");
    expect(contested(rows, { byPath: { "/lines/*/tax": { tolerance: 0.1 } } }).sort()).toEqual([
      "/lines/0/price",
      "/lines/1/price",
      "/total",
    ]);
  });

  test("of a more exact path win over those of a wider one, and of an index over those of a star", () => {
    const byPath = {
      "/lines": { tolerance: 0.1 },
      "/lines/*/tax": { tolerance: 0 },
      "/lines/0/tax": { tolerance: 0.1 },
    };
    expect(contested(rows, { byPath }).sort()).toEqual(["/lines/1/tax/rate", "/total"]);
    expect(contested(rows, { tolerance: 0.1, byPath: { "/total": { tolerance: undefined } } })).toEqual([]);
  });

  test("reach names that hold a slash, a tilde or a star", () => {
    const odd = [
      { "a/b": 10, "c~d": 10, "*": 10 },
      { "a/b": 11, "c~d": 11, "*": 11 },
    ];
    const byPath = { "/a~1b": { tolerance: 0.1 }, "/c~0d": { tolerance: 0.1 }, "/*": { tolerance: 0.1 } };
    expect(contested(odd, { byPath })).toEqual([]);
    expect(contested([{ x: 10 }, { x: 11 }], { byPath })).toEqual(["/x"]);
  });

  test("are refused with the place where they cannot be used", () => {
    const use = (compare: unknown) => () => summarize([], compare as CompareOptions);
    expect(use({ byPath: { total: { tolerance: 1 } } })).toThrow('"/total"');
    expect(use({ weights: { "/a": -1 } })).toThrow(InvalidOptionsError);
    expect(use({ tolerence: 1 })).toThrow('did you mean "tolerance"');
    expect(use({ byPath: { "/a": { lists: "sorted" } } })).toThrow(InvalidOptionsError);
  });
});

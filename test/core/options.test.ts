import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import {
  checkedBy,
  collectOptions,
  declareOptions,
  finiteNumber,
  listOf,
  milliseconds,
  nested,
  oneOf,
  resolveOptions,
  text,
  trueOrFalse,
  wholeNumber,
} from "../../src/core/options.ts";

const kitchen = declareOptions(
  "KitchenOptions",
  "kitchen",
  {
    ovens: v.optional(wholeNumber({ minimum: 1, maximum: 4, unit: "ovens" }), 2),
    gas: v.optional(trueOrFalse(), false),
    heat: v.optional(oneOf(["low", "high"]), "low"),
    share: v.optional(finiteNumber({ minimum: 0, maximum: 1 })),
    waitMs: v.optional(milliseconds({ minimum: 1 })),
    cook: v.optional(text()),
    guests: v.optional(listOf(text(), "a list of names")),
    onDone: v.optional(checkedBy<() => void>((value) => typeof value === "function", "a function")),
    pantry: v.optional(nested({ shelves: v.optional(wholeNumber({ minimum: 0 }), 3), label: text() })),
    rooms: v.optional(
      v.record(v.string(), nested({ area: v.optional(finiteNumber({ minimum: 0 })) }), "an object of rooms"),
    ),
  },
  [["garden", ["trees"]]],
);

function faultsOf(given: unknown): Record<string, string> {
  try {
    resolveOptions(kitchen, given);
  } catch (error) {
    if (!InvalidOptionsError.isInstance(error)) throw error;
    return Object.fromEntries(error.issues.map(({ path, allowed }) => [path, allowed]));
  }
  return {};
}

describe("options", () => {
  test("get their defaults where they are left out or undefined, and stay as given otherwise", () => {
    expect(resolveOptions(kitchen, undefined)).toEqual({ ovens: 2, gas: false, heat: "low" });
    expect(resolveOptions(kitchen, { ovens: undefined, gas: true })).toEqual({ ovens: 2, gas: true, heat: "low" });
    expect(resolveOptions(kitchen, { pantry: { label: "dry" } }).pantry).toEqual({ shelves: 3, label: "dry" });
  });

  test("once resolved cannot be changed, and the caller's object never is", () => {
    const given = Object.freeze({ ovens: 1, pantry: Object.freeze({ label: "dry" }) });
    const resolved = resolveOptions(kitchen, given);
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(resolved).not.toBe(given);
    expect(given).toEqual({ ovens: 1, pantry: { label: "dry" } });
  });

  test("with faults are refused in one error that names each fault, what was given and what is allowed", () => {
    const given = { ovens: 9, gas: "yes", heat: "medium", share: Number.NaN, waitMs: 0, cook: "", guests: ["a", 1] };
    expect(faultsOf(given)).toEqual({
      "kitchen.ovens": "a whole number of ovens from 1 to 4",
      "kitchen.gas": "true or false",
      "kitchen.heat": 'one of "low", "high"',
      "kitchen.share": "a number from 0 to 1",
      "kitchen.waitMs": "a number of milliseconds (at least 1)",
      "kitchen.cook": "a text that is not empty",
      "kitchen.guests.1": "a text that is not empty",
    });
    expect(() => resolveOptions(kitchen, given)).toThrow("kitchen.ovens: got 9");
  });

  test.each([null, 5, "text", true, () => {}, ["a"]].map((given) => [given]))("that are %o are refused", (given) => {
    expect(Object.keys(faultsOf(given)).length).toBeGreaterThan(0);
  });

  test("of unknown names are refused with the nearest known name and the list of them", () => {
    const advice = faultsOf({ oven: 1 })["kitchen.oven"];
    expect(advice).toContain('did you mean "ovens"?');
    expect(advice).toContain("gas, heat, share");
    expect(faultsOf({ zebra: 1 })["kitchen.zebra"]).toMatch(/^no option of this name \(one of ovens/);
    expect(() => resolveOptions(kitchen, { zebra: "striped" })).toThrow('got "striped"');
  });

  test("that belong elsewhere are refused with the place", () => {
    expect(faultsOf({ trees: 3 })["kitchen.trees"]).toBe('no such option here: "trees" belongs in garden');
    expect(() => resolveOptions(kitchen, { trees: 3 })).toThrow(
      "kitchen.trees is not an option of kitchen. Move it to garden.trees.",
    );
  });

  test("named like what every object inherits are unknown like any other", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty"])
      expect(faultsOf({ [name]: 1 })[`kitchen.${name}`]).toMatch(/^no option of this name/);
    const polluting = JSON.parse('{"__proto__":{"ovens":4}}');
    expect(({} as { ovens?: unknown }).ovens).toBeUndefined();
    expect(faultsOf(polluting)).toHaveProperty(["kitchen.__proto__"]);
  });

  test("inside options are told apart by their path, with the names known there", () => {
    const faults = faultsOf({ pantry: { shelfs: 1, shelves: -1 }, rooms: { hall: { aria: 1 } } });
    expect(faults["kitchen.pantry.shelfs"]).toContain('did you mean "shelves"?');
    expect(faults["kitchen.pantry.shelves"]).toBe("a whole number of at least 0");
    expect(faults["kitchen.pantry.label"]).toBe("a text that is not empty");
    expect(faults["kitchen.rooms.hall.aria"]).toContain('did you mean "area"?');
    expect(faultsOf({ pantry: 5, rooms: 6 })).toEqual({
      "kitchen.pantry": "an object with shelves, label",
      "kitchen.rooms": "an object of rooms",
    });
  });

  test("of several places can be refused together", () => {
    const issues: never[] = [];
    collectOptions(kitchen, { ovens: 0 }, "a", issues);
    collectOptions(
      declareOptions("GardenOptions", "garden", { trees: wholeNumber({ minimum: 0 }) }),
      { trees: -1 },
      "b",
      issues,
    );
    expect(issues.map(({ path }) => path)).toEqual(["a.ovens", "b.trees"]);
  });

  test("resolve or are refused, whatever is given: never another error, never a change", () => {
    const anyOptions = fc.dictionary(
      fc.oneof(fc.constantFrom(...Object.keys(kitchen.entries), "__proto__"), fc.string()),
      fc.anything(),
      { noNullPrototype: false },
    );
    fc.assert(
      fc.property(fc.oneof(anyOptions, fc.anything()), (given) => {
        const isPlain = typeof given === "object" && given !== null;
        const keysBefore = isPlain ? Reflect.ownKeys(given) : [];
        const faults = faultsOf(given);
        if (Object.keys(faults).length === 0) expect(Object.isFrozen(resolveOptions(kitchen, given))).toBe(true);
        expect(isPlain ? Reflect.ownKeys(given) : []).toEqual(keysBefore);
      }),
      { numRuns: 500 },
    );
  });
});

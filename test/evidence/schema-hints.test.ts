import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { choicesFromSchema, compareFromSchema } from "../../src/evidence/schema-hints.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { replicatesOf } from "./support/replicates.ts";

const invoice = {
  type: "object",
  properties: {
    currency: { enum: ["EUR", "USD"] },
    issued: { type: "string", format: "date" },
    paid: { type: "boolean" },
    total: { type: "number", "x-tolerance": 0.01, "x-weight": 3 },
    reason: { type: "string", "x-compare": "text" },
    id: { type: "string", "x-compare": "exact" },
    lines: {
      type: "array",
      "x-key": "sku",
      items: { type: "object", properties: { sku: { const: "a" }, tags: { $ref: "#/$defs/tags" } } },
    },
    "a/b": { anyOf: [{ type: "null" }, { type: "number", "x-tolerance": { absolute: 1 } }] },
  },
  $defs: { tags: { type: "array", "x-compare": "content", items: { type: "string", enum: ["x", "y", "z"] } } },
} as const;

describe("compareFromSchema", () => {
  test("reads the hints of every field, through lists, references and alternatives", () => {
    expect(compareFromSchema(invoice)).toEqual({
      byPath: {
        "/currency": { text: false },
        "/issued": { text: false },
        "/total": { tolerance: 0.01 },
        "/reason": { text: true },
        "/id": { text: false },
        "/lines": { lists: { key: "sku" } },
        "/lines/*/sku": { text: false },
        "/lines/*/tags": { lists: "content" },
        "/lines/*/tags/*": { text: false },
        "/a~1b": { tolerance: { absolute: 1 } },
      },
      weights: { "/total": 3 },
    });
  });

  test("makes a summary compare as the schema says", () => {
    const rows = [
      {
        total: 100,
        lines: [
          { sku: "a", n: 1 },
          { sku: "b", n: 2 },
        ],
      },
      {
        total: 100.5,
        lines: [
          { sku: "b", n: 2 },
          { sku: "a", n: 1 },
        ],
      },
    ];
    expect(summarize(replicatesOf(rows), compareFromSchema(invoice)).disagreements).toEqual([]);
  });

  test("compares a string by what it says unless the schema closes it", () => {
    const answers = replicatesOf([{ note: "Paris" }, { note: "The answer is Paris." }]);
    const differ = (note: object) =>
      summarize(answers, compareFromSchema({ properties: { note } })).disagreements.length;
    expect(differ({ type: "string" })).toBe(0);
    expect(differ({ type: "string", "x-compare": "text" })).toBe(0);
    expect(differ({ type: "string", format: "uri" })).toBe(1);
    expect(differ({ type: "string", enum: ["Paris", "The answer is Paris."] })).toBe(1);
    expect(differ({ type: "string", "x-compare": "exact" })).toBe(1);
  });

  test("compares a tuple by position, and other lists by content", () => {
    const tuple = { properties: { at: { type: "array", prefixItems: [{ type: "number" }, { type: "number" }] } } };
    expect(compareFromSchema(tuple).byPath).toEqual({ "/at": { lists: "position" } });
    expect(compareFromSchema({ items: [{ type: "number" }] }).byPath).toEqual({ "": { lists: "position" } });
    expect(compareFromSchema({ prefixItems: [{}], "x-compare": "content" }).byPath).toEqual({
      "": { lists: "content" },
    });
    expect(compareFromSchema({ items: { type: "number" } }).byPath).toEqual({});
  });

  test("ends on schemas that contain themselves", () => {
    const tree = {
      $defs: { node: { properties: { left: { $ref: "#/$defs/node" }, value: { enum: [1] } } } },
      $ref: "#/$defs/node",
    };
    expect(compareFromSchema(tree).byPath).toHaveProperty("/value");
    const all = Object.fromEntries([..."abcdefghij"].map((name) => [name, { $ref: `#/$defs/${name}` }]));
    const tangle = {
      $defs: Object.fromEntries(Object.keys(all).map((name) => [name, { properties: all }])),
      properties: all,
    };
    expect(compareFromSchema(tangle).byPath).toEqual({});
  });

  test("refuses a hint that cannot be used, and says where it stands", () => {
    const broken = { properties: { total: { "x-tolerance": "1%" }, list: { "x-key": 7 } } };
    expect(() => compareFromSchema(broken)).toThrow(InvalidOptionsError);
    expect(() => compareFromSchema(broken)).toThrow(/tolerance: got "1%"/);
  });
});

describe("choicesFromSchema", () => {
  test("counts the answers that a schema lists, and leaves out fields that are open", () => {
    expect(choicesFromSchema(invoice)).toEqual({
      "/currency": 2,
      "/paid": 2,
      "/lines/*/sku": 1,
      "/lines/*/tags/*": 3,
    });
    expect(choicesFromSchema({ anyOf: [{ enum: ["a", "b"] }, { type: "null" }] })).toEqual({ "": 3 });
    expect(choicesFromSchema({ anyOf: [{ enum: ["a", "b"] }, { type: "string" }] })).toEqual({});
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JSONSchema } from "../../src/core/json.ts";
import { allowsPointer } from "../../src/evidence/internal/schema-fields.ts";

const place = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const report: JSONSchema = {
  type: "object",
  properties: { severity: { enum: ["low", "high"], type: "string" }, place, tags: { items: place }, "a/b": {} },
};

describe("allowsPointer", () => {
  test.each(["", "/severity", "/place", "/place/city", "/tags/0/city", "/tags/*/city", "/a~1b/anything/0"])(
    "finds %j, which values may have",
    (pointer) => {
      expect(allowsPointer(report, pointer)).toBe(true);
    },
  );

  test.each([
    "/nope",
    "/severity/deep",
    "/place/town",
    "/place/*",
    "/tags/city",
    "/tags/0/town",
    "/tags/-1",
    "/toString",
  ])("misses %j, which they cannot", (pointer) => {
    expect(allowsPointer(report, pointer)).toBe(false);
  });

  test.each<[string, JSONSchema]>([
    ["nothing", {}],
    ["an object without properties", { type: "object" }],
    ["additional properties", { properties: { a: {} }, additionalProperties: true }],
    ["additional properties of a kind", { type: "object", additionalProperties: { type: "number" } }],
    ["properties by pattern", { properties: { a: {} }, patternProperties: { "^x": {} } }],
    ["a condition", { properties: { a: {} }, if: { required: ["a"] }, else: { properties: { x: {} } } }],
    ["one of two forms", { anyOf: [{ properties: { a: {} } }, { properties: { x: {} } }] }],
    ["a reference", { $ref: "#/$defs/x", $defs: { x: { properties: { x: {} } } } }],
    ["a reference out of it", { $ref: "https://example.com/x.json" }],
    ["forms within forms", { allOf: [{ oneOf: [{ $ref: "#/$defs/x" }] }], $defs: { x: { properties: { x: true } } } }],
    ["a constant", { const: { x: 1 } }],
  ])("lets through what a schema leaves open: %s", (_, schema) => {
    expect(allowsPointer(schema, "/x")).toBe(true);
  });

  test("follows references that go round", () => {
    const tree: JSONSchema = {
      properties: { value: { type: "number" }, below: { items: { $ref: "#" } } },
      additionalProperties: false,
    };
    expect(allowsPointer(tree, "/below/0/below/3/value")).toBe(true);
    expect(allowsPointer(tree, "/below/0/below/3/other")).toBe(false);
  });

  test("finds items by their place, and the others", () => {
    const row: JSONSchema = { prefixItems: [{ type: "string" }, { properties: { x: {} } }], items: { type: "null" } };
    expect(["/0", "/1/x", "/2", "/*/x"].map((pointer) => allowsPointer(row, pointer))).toEqual(Array(4).fill(true));
    expect(["/0/x", "/2/x", "/x"].map((pointer) => allowsPointer(row, pointer))).toEqual(Array(3).fill(false));
  });

  test("finds every field of any value in a schema that names its fields", () => {
    const schemaOf = (value: unknown): JSONSchema => {
      if (Array.isArray(value)) return { type: "array", prefixItems: value.map(schemaOf), items: false };
      if (typeof value !== "object" || value === null) return { type: typeof value };
      const properties = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, schemaOf(inner)]));
      return { type: "object", properties, additionalProperties: false };
    };
    const pointersOf = (value: unknown, pointer = ""): string[] => {
      const inner = typeof value === "object" && value !== null ? Object.entries(value) : [];
      const escaped = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");
      return [pointer, ...inner.flatMap(([name, part]) => pointersOf(part, `${pointer}/${escaped(name)}`))];
    };
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const schema = schemaOf(value);
        for (const pointer of pointersOf(value)) expect(allowsPointer(schema, pointer)).toBe(true);
      }),
    );
  });
});

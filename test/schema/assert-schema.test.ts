import { type as arktype } from "arktype";
import { Schema } from "effect";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineBundleTool } from "../../src/tool/bundle/define-bundle-tool.ts";
import { PromptBundleTool } from "../../src/tool/prompt/prompt-bundle-tool.ts";

/** Makes a tool with a schema that may be none. */
function makeTool(schema: unknown) {
  return new PromptBundleTool({ name: "t", model: "simulated:", prompt: "q", schema: schema as never });
}

const shape = { properties: { a: { type: "string" } } };

describe("PromptBundleTool", () => {
  test.each([
    ["require", { type: "object", require: ["a"] }, "schema/require", '"required"'],
    ["propertes", { type: "object", propertes: shape.properties }, "schema/propertes", '"properties"'],
    ["requried", { requried: ["a"] }, "schema/requried", '"required"'],
    ["minimun deep inside", { properties: { "a/b": { minimun: 1 } } }, "schema/properties/a~1b/minimun", '"minimum"'],
    ["max_length in a list", { anyOf: [{ max_length: 3 }] }, "schema/anyOf/0/max_length", '"maxLength"'],
    ["additionalproperties", { additionalproperties: false }, "schema/additionalproperties", '"additionalProperties"'],
    ["item", { type: "array", item: {} }, "schema/item", '"items"'],
    ["enums", { enums: ["a"] }, "schema/enums", '"enum"'],
    ["ref", { ref: "#/$defs/a" }, "schema/ref", '"$ref"'],
  ])(
    "refuses a schema with the slip %s when it is made, naming its place and the keyword",
    (_, schema, place, meant) => {
      expect(() => makeTool(schema)).toThrow(place);
      expect(() => makeTool(schema)).toThrow(`is not a keyword. Write ${meant}`);
    },
  );

  test.each([
    ["a plain object of zod schemas", { a: z.string() }, "z.object({ … })"],
    ["a plain object of valibot schemas", { a: v.string() }, "z.object({ … })"],
    ["properties without the word", { a: { type: "string" } }, '"properties"'],
    ["properties as names of types", { a: "string", b: ["x", "y"] }, '"properties"'],
    ["a schema of effect", Schema.Struct({ a: Schema.String }), "Schema.toStandardSchemaV1"],
    ["a text", "string", "Standard Schema"],
    ["a list", [{}], "Standard Schema"],
    ["$async", { $async: true, type: "string" }, "Remove $async"],
    ["$async deep inside", { items: { $async: true } }, "schema/items/$async"],
    ["a reference to itself", { $ref: "#" }, "step into the value"],
    [
      "references in a circle",
      { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
      "step into",
    ],
    ["a circle through allOf", { allOf: [{ $ref: "#" }] }, "step into the value"],
    ["a circle through an anchor", { $defs: { a: { $anchor: "x", anyOf: [{ $ref: "#x" }] } } }, "step into the value"],
  ])("refuses %s, and says what to give", (_, schema, advice) => {
    expect(() => makeTool(schema)).toThrow(advice);
  });

  test.each([
    ["an empty schema", {}],
    ["words of our own", { type: "number", "x-tolerance": 0.1 }],
    [
      "words of OpenAPI",
      { type: "string", nullable: true, example: "a", discriminator: {}, externalDocs: {}, xml: {} },
    ],
    [
      "words of .meta()",
      { type: "string", id: "a", ref: "User", examples: ["b"], category: "c", owner: "d", hidden: true },
    ],
    ["properties named like slips", { properties: { require: {}, propertes: {}, item: { type: "string" } } }],
    ["values that look like slips", { enum: [{ require: 1 }], default: { propertes: 1 }, const: { item: 1 } }],
    [
      "a list that contains itself",
      { $ref: "#/$defs/n", $defs: { n: { properties: { next: { $ref: "#/$defs/n" } } } } },
    ],
    [
      "the JSON form of a zod schema",
      z.toJSONSchema(z.object({ a: z.iso.date().meta({ id: "day" }), b: z.record(z.string(), z.int()) })),
    ],
    ["a schema of arktype", arktype({ a: "string" })],
    ["a schema of effect that is a Standard Schema", Schema.toStandardSchemaV1(Schema.Struct({ a: Schema.String }))],
  ])("takes %s", (_, schema) => {
    expect(() => makeTool(schema)).not.toThrow();
  });
});

test("defineBundleTool refuses a schema with a slip when the tool is made", () => {
  const definition = {
    name: "t",
    input: z.object({}),
    schema: { require: [] } as never,
    executeReplicate: async () => ({ data: 1 }),
  };
  expect(() => defineBundleTool(definition as never)).toThrow('schema/require is not a keyword. Write "required"');
});

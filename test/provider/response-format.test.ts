import type { LanguageModelV4CallOptions } from "@ai-sdk/provider";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { LanguageModelLike } from "../../src/contract/model.ts";
import type { JSONSchema } from "../../src/core/json.ts";
import { askForSchema } from "../../src/provider/response-format.ts";
import { resolveSchema } from "../../src/schema/resolve.ts";

const model = {} as LanguageModelLike;
const withoutSchemas = { supportsStructuredOutputs: false } as unknown as LanguageModelLike;
const messages = [{ role: "user" as const, content: "Hi" }];

const part = (name: string) => ({ type: "object", properties: { [name]: { type: "string" } }, required: [name] });
const intersection = { type: "object", properties: { a: { allOf: [part("b"), part("c")] } }, required: ["a"] };

const closed = (properties: JSONSchema): JSONSchema => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

async function formatOf(
  schema: z.ZodType | JSONSchema,
  providerOptions?: LanguageModelV4CallOptions["providerOptions"],
) {
  const { jsonSchema } = await resolveSchema(schema);
  const { responseFormat, providerOptions: options } = askForSchema(model, messages, jsonSchema, providerOptions);
  return { schema: responseFormat?.type === "json" ? (responseFormat.schema as any) : undefined, options };
}

describe("askForSchema", () => {
  test("closes every object, so that strict mode takes it", async () => {
    const { schema, options } = await formatOf(
      z.object({ a: z.object({ b: z.string() }), c: z.array(z.object({ d: z.null() })) }),
    );
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties.a.additionalProperties).toBe(false);
    expect(schema.properties.c.items.additionalProperties).toBe(false);
    expect(options).toBeUndefined();
  });

  test.each([
    ["an optional property", z.object({ a: z.string().optional() })],
    ["an optional property deep inside", z.object({ a: z.array(z.object({ b: z.number().optional() })) })],
    ["a property with a default", z.object({ a: z.string().default("x") })],
    ["an open object", z.looseObject({ a: z.string() })],
    ["a record", z.object({ a: z.record(z.string(), z.number()) })],
    ["an intersection", intersection],
    [
      "a discriminated union",
      z.object({ a: z.discriminatedUnion("k", [z.object({ k: z.literal("b") }), z.object({ k: z.literal("c") })]) }),
    ],
    ["a format that the API does not know", z.object({ a: z.url() })],
    ["a pattern with look-around", z.object({ a: z.string().regex(/^(?!b)c/) })],
    ["a shortest length", z.object({ a: z.string().min(1) })],
    ["a tuple", z.object({ a: z.tuple([z.string(), z.number()]) })],
    ["a value of any kind", z.object({ a: z.unknown() })],
    ["a value that is not another", closed({ a: { not: { type: "string" } } })],
    ["a condition", closed({ a: { type: "string", if: { const: "b" } } })],
    ["a list of anything", closed({ a: { type: "array" } })],
    ["unique items", closed({ a: { type: "array", items: { type: "string" }, uniqueItems: true } })],
    ["a default", closed({ a: { type: "string", default: "b" } })],
    ["a choice at the root", { ...closed({ a: { type: "string" } }), anyOf: [{ required: ["a"] }] }],
    [
      "a reference beside other words",
      { ...closed({ a: { $ref: "#/$defs/b", title: "A" } }), $defs: { b: { type: "string" } } },
    ],
    [
      "eleven levels",
      Array.from({ length: 11 }).reduce<JSONSchema>((inner) => closed({ a: inner }), { type: "string" }),
    ],
    ["more than 1,000 choices", closed({ a: { enum: Array.from({ length: 1_001 }, (_, index) => `c${index}`) } })],
  ])("turns strict mode off for a schema with %s", async (_, schema) => {
    const { options } = await formatOf(schema);
    expect(options).toEqual({ openai: { strictJsonSchema: false }, openaiCompatible: { strictJsonSchema: false } });
  });

  test.each([
    ["a union of types", z.object({ a: z.union([z.string(), z.number()]) })],
    ["a value or null", z.object({ a: z.string().nullable() })],
    ["a choice and a fixed value", z.object({ a: z.enum(["b", "c"]), d: z.literal("e") })],
    ["a date", z.object({ a: z.iso.datetime() })],
    [
      "bounds",
      closed({
        a: { type: "integer", minimum: 1, maximum: 5 },
        b: { type: "array", items: { type: "string" }, maxItems: 3 },
      }),
    ],
    [
      "a value that contains itself",
      {
        ...closed({ a: { $ref: "#/$defs/b" } }),
        $defs: { b: closed({ a: { anyOf: [{ $ref: "#/$defs/b" }, { type: "null" }] } }) },
      },
    ],
    [
      "properties named like keywords",
      closed({ allOf: { type: "string" }, "x-key": { type: "string" }, not: closed({ oneOf: { type: "null" } }) }),
    ],
    ["words of our own", closed({ a: { type: "number", "x-tolerance": 0.1 } })],
  ])("leaves strict mode on for a schema with %s", async (_, schema) => {
    const { options } = await formatOf(schema);
    expect(options).toBeUndefined();
  });

  test("keeps words of our own from the provider, and properties of such names", async () => {
    const { schema } = await formatOf(closed({ "x-a": { type: "number", "x-tolerance": 0.1 } }));
    expect(schema.properties).toEqual({ "x-a": { type: "number" } });
  });

  test("leaves the parts of an intersection open: each would refuse the properties of the other", async () => {
    const { schema } = await formatOf(intersection);
    expect(schema.properties.a).toEqual(intersection.properties.a);
  });

  test("keeps the user's own word on strict mode, and other options", async () => {
    const given = { openai: { strictJsonSchema: true, user: "me" } };
    const { options } = await formatOf(z.object({ a: z.string().optional() }), given);
    expect(options?.["openai"]).toEqual(given.openai);
  });

  test.each([
    ["a model that takes none", withoutSchemas, { type: "object" }],
    ["a root that is no object", model, { type: "array" }],
  ])("tells the schema in the system message to %s", (_, to, schema) => {
    const [system, ...others] = askForSchema(
      to,
      [{ role: "system", content: "Be brief." }, ...messages],
      schema,
    ).messages;
    expect(system?.content).toMatch(/^Be brief\.\n\n/);
    expect(system?.content).toContain(JSON.stringify(schema));
    expect(others).toEqual(messages);
    expect(askForSchema(to, messages, schema).messages[0]?.role).toBe("system");
  });
});

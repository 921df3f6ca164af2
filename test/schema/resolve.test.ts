import { execFileSync } from "node:child_process";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { resolveSchema } from "../../src/schema/resolve.ts";

const json = {
  type: "object",
  properties: { severity: { type: "string", enum: ["low", "high"] }, score: { type: "number" } },
  required: ["severity"],
  additionalProperties: false,
} as const;

/** One schema, as each library writes it. */
const libraries = {
  "zod 4": z.strictObject({ severity: z.enum(["low", "high"]), score: z.number().optional() }),
  valibot: v.strictObject({ severity: v.picklist(["low", "high"]), score: v.optional(v.number()) }),
  "valibot, wrapped": toStandardJsonSchema(
    v.strictObject({ severity: v.picklist(["low", "high"]), score: v.optional(v.number()) }),
  ),
  "a JSON schema": json,
  "a JSON schema of draft 7": { $schema: "http://json-schema.org/draft-07/schema#", ...json },
  "a JSON schema of draft 2019-09": { $schema: "https://json-schema.org/draft/2019-09/schema", ...json },
};

describe.each(Object.entries(libraries))("resolveSchema of %s", (_, schema) => {
  test("takes what fits", async () => {
    const { check } = await resolveSchema(schema);
    expect(await check({ severity: "low", score: 1 })).toEqual({ ok: true, value: { severity: "low", score: 1 } });
  });

  test("names the place of what does not", async () => {
    const { check } = await resolveSchema(schema);
    const result = await check({ severity: "none", score: "1" });
    expect(result).toMatchObject({ ok: false });
    const { errors } = result as { errors: string[] };
    expect(errors.map((error) => error.split(":")[0]).toSorted()).toEqual(["/score", "/severity"]);
  });

  test("calls the whole answer by name", async () => {
    const result = await (await resolveSchema(schema)).check("low");
    expect((result as { errors: string[] }).errors[0]).toMatch(/^the answer: /);
  });

  test("tells a model the same schema", async () => {
    const { $schema: _, ...told } = (await resolveSchema(schema)).jsonSchema;
    expect(told).toEqual(json);
  });
});

describe("resolveSchema", () => {
  test("gives nothing for nothing", async () => {
    expect(await resolveSchema(undefined)).toBeUndefined();
  });

  test("gives the value as the schema transforms it, and tells the model what goes in", async () => {
    const schema = z.object({ at: z.string().transform((text) => text.length) });
    const { check, jsonSchema } = await resolveSchema(schema);
    expect(await check({ at: "four" })).toEqual({ ok: true, value: { at: 4 } });
    expect(jsonSchema).toMatchObject({ properties: { at: { type: "string" } } });
  });

  test("checks by a Standard Schema of any library, also an asynchronous one that has no JSON form", async () => {
    const validate = async (value: unknown) =>
      value === "yes" ? { value } : { issues: [{ message: "say yes", path: [{ key: "a/b" }, 0] }] };
    const { check, jsonSchema } = await resolveSchema({ "~standard": { version: 1, vendor: "mine", validate } });
    expect(jsonSchema).toEqual({});
    expect(await check("yes")).toEqual({ ok: true, value: "yes" });
    expect(await check("no")).toEqual({ ok: false, errors: ["/a~1b/0: say yes"] });
  });

  test.each([
    ["a wrong type", { type: "objct" }, "toolOptions.schema/type"],
    ["a fault deep inside", { properties: { "a/b": { minimum: "1" } } }, "toolOptions.schema/properties/a~1b/minimum"],
    ["a reference to nothing", { $ref: "#/$defs/none" }, "#/$defs/none"],
    ["a pattern that is none", { pattern: "(" }, "RE2 syntax"],
    ["a type that is no JSON", z.object({ at: z.date() }), "Date cannot be represented"],
  ])("refuses a schema with %s, naming the place", async (_, schema, place) => {
    const failure = resolveSchema(schema);
    await expect(failure).rejects.toThrow(place);
    await expect(failure).rejects.toBeInstanceOf(InvalidOptionsError);
  });

  test("checks formats, and lets keywords pass that it does not know", async () => {
    const { check } = await resolveSchema({ type: "string", format: "date", example: "2020-01-01" });
    expect(await check("2020-13-01")).toMatchObject({ ok: false });
    expect(await check("2020-12-01")).toMatchObject({ ok: true });
  });

  test("requires keys that every object inherits to be the answer's own", async () => {
    const keys = ["constructor", "toString", "__proto__"];
    const { check } = await resolveSchema({ type: "object", required: keys });
    expect(await check({})).toMatchObject({ ok: false });
    expect(await check(JSON.parse('{"constructor":1,"toString":1,"__proto__":1}'))).toMatchObject({ ok: true });
  });

  test("takes prototype keys for properties like any other", async () => {
    const { check } = await resolveSchema({ type: "object", properties: { a: {} }, additionalProperties: false });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("__proto__", "constructor", "prototype", "hasOwnProperty"), async (key) => {
        const value = JSON.parse(`{"${key}": {"polluted": true}}`);
        expect(await check(value)).toMatchObject({ ok: false, errors: [expect.stringContaining(key)] });
        expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      }),
    );
  });

  test("lists the first faults of many, and counts the rest", async () => {
    const { check } = await resolveSchema({ type: "array", items: { type: "number" } });
    const { errors } = (await check(Array(50).fill("x"))) as { errors: string[] };
    expect(errors).toHaveLength(21);
    expect(errors.at(-1)).toBe("and 30 more");
  });
});

test("a pattern that would backtrack for ever is matched in time linear in the answer", async () => {
  const { check } = await resolveSchema({ type: "string", pattern: "^(a+)+$" });
  expect((await check(`${"a".repeat(50_000)}!`)).ok).toBe(false);
  expect((await check("a".repeat(50_000))).ok).toBe(true);
});

test("refuses a pattern with look-around when the schema is compiled, because no linear engine has it", async () => {
  await expect(resolveSchema({ type: "string", pattern: "^(?!x)a+$" })).rejects.toThrow("look-around");
});

test("checks that items are unique in time linear in the list", async () => {
  const { check } = await resolveSchema({ type: "array", uniqueItems: true });
  const items = Array.from({ length: 50_000 }, (_, index) => ({ index, list: [index] }));
  expect((await check(items)).ok).toBe(true);
  expect((await check([...items, { list: [7], index: 7 }])).ok).toBe(false);
  expect((await check([1, "1", true, null, [1]])).ok).toBe(true);
});

test("lists one fault of a value that has too many parts to list them all", async () => {
  const { check } = await resolveSchema({ type: "array", items: { type: "string" } });
  expect(await check(Array(20_000).fill(0))).toEqual({ ok: false, errors: ["/0: must be string"] });
});

test("says of a JSON schema that a runtime without code generation cannot check it, and checks zod's there", () => {
  const program = `
    const { resolveSchema } = await import("./src/schema/resolve.ts");
    const { z } = await import("zod");
    const { check } = await resolveSchema(z.object({ id: z.number() }));
    console.log((await check({ id: "1" })).errors[0]);
    await resolveSchema({ type: "object" }).catch((error) => console.log(error.code, error.message));`;
  const flags = ["--disallow-code-generation-from-strings", "--no-warnings", "--input-type=module"];
  const printed = execFileSync(process.execPath, [...flags, "--eval", program], { encoding: "utf8" });
  expect(printed).toMatch(/^\/id: Invalid input: expected number, received string\nINVALID_OPTIONS /);
  expect(printed).toContain("Pass a zod, valibot or other Standard Schema.");
});

test("a schema of many properties is compiled in line with their number, and checks each of them", async () => {
  const names = Array.from({ length: 5_000 }, (_, at) => `k${at}`);
  const schema = { type: "object", properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])) };
  const { check } = await resolveSchema(schema);
  const answer = Object.fromEntries(names.map((name) => [name, "x"]));
  expect(await check(answer)).toMatchObject({ ok: true });
  expect(await check({ ...answer, k4999: 7 })).toEqual({ ok: false, errors: ["/k4999: must be string"] });
});

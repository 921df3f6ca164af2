import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { JSONSchema } from "../../../src/core/json.ts";
import { cutSchema, schemaParts } from "../../../src/evidence/internal/schema-parts.ts";

const place = { type: "object", properties: { city: { type: "string" }, zip: {} }, required: ["city"] };
const schema = {
  type: "object",
  properties: {
    severity: { enum: ["low", "high"] },
    tags: { type: "array", items: { $ref: "#/$defs/tag" } },
    place: { $ref: "#/$defs/place" },
    "a/b": {},
    home: place,
    nothing: { anyOf: [place, { type: "null" }] },
  },
  required: ["severity", "place", "nothing"],
  $defs: { place, tag: { type: "string" } },
};

describe("schemaParts", () => {
  test("are the properties, and those of objects that every answer has", () => {
    expect(schemaParts(schema)).toEqual([
      ...["/severity", "/tags", "/place/city", "/place/zip", "/a~1b", "/home", "/nothing"],
    ]);
  });

  test("are found in what zod writes", () => {
    const inner = z.object({ city: z.string(), zip: z.string().nullable() });
    const outer = z.object({ id: z.number(), from: inner, to: inner.optional() });
    const written = outer["~standard"].jsonSchema.input({ target: "draft-07" });
    expect(schemaParts(written)).toEqual(["/id", "/from/city", "/from/zip", "/to"]);
  });

  test.each<[string, JSONSchema]>([
    ["no object", { type: "string" }],
    ["rules over several properties", { type: "object", properties: { a: {}, b: {} }, minProperties: 1 }],
    ["references to more than definitions", { properties: { a: {}, child: { $ref: "#" } } }],
  ])("are none of a schema with %s", (_, own) => {
    expect(schemaParts(own)).toEqual([]);
  });

  test("end where a definition uses itself", () => {
    const node = { type: "object", properties: { name: {}, next: { $ref: "#/$defs/node" } }, required: ["next"] };
    expect(
      schemaParts({ properties: { list: { $ref: "#/$defs/node" } }, required: ["list"], $defs: { node } }),
    ).toEqual(["/list/name", "/list/next"]);
  });
});

describe("cutSchema", () => {
  test("leaves the parts that are asked for, requires them as before, and keeps definitions", () => {
    expect(cutSchema(schema, ["/place/zip", "/tags", "/severity"])).toEqual({
      type: "object",
      properties: {
        severity: schema.properties.severity,
        tags: schema.properties.tags,
        place: { type: "object", properties: { zip: {} }, required: [] },
      },
      required: ["severity", "place"],
      $defs: schema.$defs,
    });
  });
});

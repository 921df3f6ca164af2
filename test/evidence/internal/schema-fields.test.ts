import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../../src/core/errors.ts";
import { assertFieldsOf } from "../../../src/evidence/internal/schema-fields.ts";

const schema = { type: "object", properties: { severity: { type: "string" }, component: { type: "string" } } };

describe("assertFieldsOf", () => {
  test("lets fields of the schema through", () => {
    expect(() => assertFieldsOf(schema, { fields: ["/severity", "/component", ""] })).not.toThrow();
  });

  test("names every field that cannot be there, the nearest one, and those to choose from", () => {
    try {
      assertFieldsOf(schema, { fields: ["/severty", "/severity"], weights: ["/nope"] });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidOptionsError);
      const allowed = "fields of the schema: /severity, /component";
      expect((error as InvalidOptionsError).issues).toEqual([
        {
          path: "fields",
          given: "/severty",
          allowed,
          message: 'fields: "/severty" is not a field of the schema (/severity, /component); did you mean "/severity"?',
        },
        {
          path: "weights",
          given: "/nope",
          allowed,
          message: 'weights: "/nope" is not a field of the schema (/severity, /component)',
        },
      ]);
    }
  });

  test("shows the first 20 of many, and says of a scalar that it has none", () => {
    const names = Array.from({ length: 30 }, (_, index) => `field${index}`);
    const many = { properties: Object.fromEntries(names.map((name) => [name, {}])) };
    expect(() => assertFieldsOf(many, { fields: ["/nope"] })).toThrow("/field19, …");
    expect(() => assertFieldsOf({ type: "string" }, { fields: ["/nope"] })).toThrow('"" for the whole answer');
  });
});

import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidOptionsError } from "../../../src/index.ts";
import { fingerprintRun } from "../../../src/orchestrate/key/run-fingerprint.ts";

const of = (request: unknown) => fingerprintRun({ request, toolName: "t", toolOptions: undefined, agents: undefined });
const bytes = [1, 2, 3, 4, 5, 6, 7, 8];

class Money {
  readonly currency = "EUR";
  readonly #amount: number;
  constructor(amount: number) {
    this.#amount = amount;
  }
  amount() {
    return this.#amount;
  }
}

class Plain {
  readonly name = "x";
}

describe("two requests have one fingerprint", () => {
  test.each([
    ["the order of their keys", { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ["properties that are undefined", { a: 1, b: undefined }, { a: 1 }],
    ["the sign of zero", { a: -0 }, { a: 0 }],
    ["a prototype that plain objects may have", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["the realm that a plain object is from", runInNewContext("({ a: [1] })"), { a: [1] }],
    ["a date and its ISO string", { at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" }],
    ["a URL and its text", new URL("https://a.example/"), "https://a.example/"],
    [
      "a schema and its JSON schema",
      z.object({ a: z.string() }),
      JSON.parse(JSON.stringify(z.toJSONSchema(z.object({ a: z.string() }), { io: "input" }))),
    ],
    ["bytes and a view of them", Buffer.from(bytes), new Uint8Array([0, ...bytes, 9]).subarray(1, 9)],
  ])("where they differ in %s alone", (_, one, other) => {
    expect(of(one)).toBe(of(other));
  });
});

describe("two requests have two fingerprints", () => {
  test.each([
    ["bytes and what they were once written as", Buffer.from("abc"), { bytes: Buffer.from("abc").toString("base64") }],
    ["bytes and a list of them", new Uint8Array(bytes), bytes],
    ["typed arrays and an object", new Float32Array([1, 2]), { 0: 1, 1: 2 }],
    ["typed arrays of two types", new Int8Array([1, 2]), new Uint8ClampedArray([1, 2])],
    ["typed arrays of one buffer", new Int32Array(2), new Float32Array(2)],
    ["undefined and null in a list", [undefined], [null]],
    ["a hole and null in a list", new Array(1), [null]],
    ["lists of two lengths", [1, undefined], [1]],
    ["half a surrogate pair and what stands in for it", "\ud83d", "\ufffdd83d"],
    ["two halves of surrogate pairs", "\ud83d", "\ud83e"],
    ["keys that are half a surrogate pair", { "\ud83d": 1 }, { "\ufffdd83d": 1 }],
    ["a key that looks like a mark of ours", new Uint8Array([1]), { "\0bytes": "AQ==" }],
    ["a key that looks like such a key", { "\0\0a": 1 }, { "\0a": 1 }],
    ["a prototype key", JSON.parse('{"__proto__": 1}'), {}],
    ["a number and its text", 1, "1"],
  ])("where they differ in %s", (_, one, other) => {
    expect(of(one)).not.toBe(of(other));
  });

  test("whenever they are not deeply equal", () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, undefined, true, 0, 1, "", "a", "\0a", "\ud83d", "\ufffdd83d"),
        fc.constantFrom(new Uint8Array([97]), new Int8Array([97]), new Uint16Array([97])),
        fc.array(tie("value"), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom("a", "\0a", "\0bytes", "\ud83d", "\0undefined"), tie("value"), { maxKeys: 2 }),
      ),
    })).value;
    const defined = (one: unknown): unknown =>
      typeof one === "object" && one !== null && !ArrayBuffer.isView(one)
        ? Array.isArray(one)
          ? one.map(defined)
          : Object.fromEntries(
              Object.entries(one)
                .filter(([, item]) => item !== undefined)
                .map(([key, item]) => [key, defined(item)]),
            )
        : one;
    fc.assert(
      fc.property(value, value, (one, other) => {
        expect(of([one]) === of([other])).toBe(isDeepStrictEqual(defined([one]), defined([other])));
      }),
      { numRuns: 2_000 },
    );
  });
});

test.each([
  ["a function", () => 1],
  ["a symbol", Symbol("a")],
  ["a BigInt", 1n],
  ["NaN", Number.NaN],
  ["infinity", Number.POSITIVE_INFINITY],
  ["an invalid date", new Date(Number.NaN)],
  ["a Map", new Map([["a", 1]])],
  ["a Map with a property", Object.assign(new Map(), { a: 1 })],
  ["a Set", new Set([1])],
  ["a buffer without a type", new ArrayBuffer(2)],
  ["a boxed text", Object("a")],
  ["a regular expression", /a/],
  ["an error", new Error("a")],
  ["a class that keeps its state to itself", new Money(7)],
  ["a class that shows it", new Plain()],
  ["a prototype of one's own", Object.create({ a: 1 })],
  ["a toJSON that throws", { toJSON: () => expect.fail("not today") }],
  ["a schema that has no JSON schema", z.object({ at: z.date() })],
  ["a marker that is no schema", { "~standard": { jsonSchema: { input: () => expect.fail("none") } } }],
])("%s is refused by its path: it could not be told from others", (_, value) => {
  const issue = (request: unknown) => {
    try {
      of(request);
    } catch (error) {
      return InvalidOptionsError.isInstance(error) ? error.issues.map(({ path }) => path) : error;
    }
    return "accepted";
  };
  expect(issue({ list: [1, value] })).toEqual(["request.list[1]"]);
});

test("a value that is only marked as a schema counts as plain data", () => {
  expect(of({ "~standard": 1 })).not.toBe(of({ "~standard": 2 }));
  expect(of({ "~standard": { jsonSchema: {} } })).not.toBe(of({}));
});

test("a value that contains itself is refused, also where its toJSON gives it back", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const giver = { toJSON: () => giver };
  for (const value of [cycle, giver]) expect(() => of(value)).toThrow("a value that contains itself");
});

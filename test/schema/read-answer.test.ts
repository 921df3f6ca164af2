import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidOutputError } from "../../src/contract/errors.ts";
import type { JSONSchema } from "../../src/core/json.ts";
import { readAnswer } from "../../src/schema/read-answer.ts";
import { resolveSchema } from "../../src/schema/resolve.ts";

const anything: JSONSchema = {};

async function read(text: string, jsonSchema = anything, finishReason = "stop") {
  const { check } = await resolveSchema(jsonSchema);
  return readAnswer(text, { finishReason, schema: { jsonSchema, check } });
}

/** Without -0, which JSON has no word for. */
const object = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1, noNullPrototype: true })
  .map((value) => JSON.parse(JSON.stringify(value)) as object);
/** Prose without what JSON is made of. */
const prose = fc.stringMatching(/^[A-Za-z .!?'-]{0,40}$/);

const pieces = fc.constantFrom(
  ..."{ } [ ] \" ' \\ : , a 1 // /* ``` </think> <think> “ ” ` # + . e -".split(" "),
  " ",
  "\n",
  '{"a":',
  "True",
);

describe("readAnswer", () => {
  test("gives JSON as it is, with nothing repaired", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const text = JSON.stringify(value, null, 2);
        expect(await read(text)).toMatchObject({ data: JSON.parse(text), repairs: [], reasoning: undefined });
      }),
    );
  });

  test("finds an object in the prose around it, and says that it cut it out", async () => {
    await fc.assert(
      fc.asyncProperty(object, prose, prose, async (value, before, after) => {
        fc.pre(`${before}${after}`.trim() !== "" && !/example|draft|attempt|wrong|bad|not/i.test(before));
        const { data, repairs } = await read(`${before}\n${JSON.stringify(value)}\n${after}`);
        expect({ data, repairs }).toEqual({ data: value, repairs: ["cut the JSON out of the text around it"] });
      }),
    );
  });

  test("finds an object in a code fence, and says so", async () => {
    await fc.assert(
      fc.asyncProperty(object, prose, fc.constantFrom("\n```\nThat is all.", "\n```"), async (value, before, end) => {
        fc.pre(!/example|draft|attempt|wrong|bad|not/i.test(before));
        const { data, repairs } = await read(`${before}\n\`\`\`json\n${JSON.stringify(value, null, 2)}${end}`);
        expect({ data, repairs }).toEqual({ data: value, repairs: ["took the JSON out of its code fence"] });
      }),
    );
  });

  test("throws nothing but an InvalidOutputError, whatever it is given", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pieces).map((parts) => parts.join("")),
        async (text) => {
          const failure = await read(text).then(
            () => undefined,
            (error: unknown) => error,
          );
          if (failure !== undefined) expect(failure).toBeInstanceOf(InvalidOutputError);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("is not misled by a code fence inside a string", async () => {
    const value = { code: "```js\n[1]\n```" };
    expect((await read(`Here:\n${JSON.stringify(value)}`)).data).toEqual(value);
    expect((await read(`\`\`\`json\n${JSON.stringify(value)}\n\`\`\``)).data).toEqual(value);
  });

  test.each([
    '{"__proto__": {"bad": 1}, "constructor": {"prototype": 2}}',
    'Here: {"__proto__": {"bad": 1,}, "constructor": 3}',
  ])("keeps prototype keys as plain keys of %s", async (text) => {
    const { data } = await read(text);
    expect(Object.keys(data as object)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(({} as { bad?: number }).bad).toBeUndefined();
  });

  test.each([200, 201])("reads %s levels, where 200 is the most", async (levels) => {
    const text = "[".repeat(levels) + "]".repeat(levels);
    if (levels <= 200) expect((await read(text)).repairs).toEqual([]);
    else await expect(read(text)).rejects.toBeInstanceOf(InvalidOutputError);
  });

  test("refuses an answer of more than 8 MiB", async () => {
    await expect(read(`"${"x".repeat(8 * 2 ** 20)}"`)).rejects.toThrow("at most 8388608 are read");
    expect((await read(`"${"x".repeat(2 ** 20)}"`)).repairs).toEqual([]);
  });

  test("takes an answer that was cut off only where it is whole", async () => {
    expect((await read('{"a":1}', anything, "length")).data).toEqual({ a: 1 });
    await expect(read('{"a":{"b":1}', anything, "length")).rejects.toThrow("cut off at its length limit");
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extractJson } from "../../src/schema/repair.ts";

/** Without -0, which JSON has no word for. */
const object = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1, noNullPrototype: true })
  .map((value) => JSON.parse(JSON.stringify(value)) as object);
/** Prose without what JSON is made of. */
const prose = fc.stringMatching(/^[A-Za-z .!?'-]{0,40}$/);

const fencePieces = fc.constantFrom("```", "```js", "\n", "`", "{", "}", "[", '"', "a", " ", "</thin", "k", "1");
/** Whether the prose itself has JSON in a fence, which may be the longer one. */
const hasJsonBlock = (text: string) => /```\w*\s*[[{"\dtfn-]/.test(text) || text.includes("</think>");

describe("extractJson", () => {
  it("gives JSON as it is, with nothing repaired", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value, null, 2);
        expect(extractJson(text)).toEqual({ value: JSON.parse(text), repairs: [] });
      }),
    );
  });

  it("finds an object in the prose around it, and says that it cut it out", () => {
    fc.assert(
      fc.property(object, prose, prose, (value, before, after) => {
        fc.pre(`${before}${after}`.trim() !== "");
        const extracted = extractJson(`${before}\n${JSON.stringify(value)}\n${after}`);
        expect(extracted).toEqual({ value, repairs: ["cut the JSON out of the text around it"] });
      }),
    );
  });

  it("finds an object in a code fence, closed or not", () => {
    fc.assert(
      fc.property(object, prose, fc.constantFrom("\n```\nThat is all.", "\n```", "\n", ""), (value, before, end) => {
        const extracted = extractJson(`${before}\n\`\`\`json\n${JSON.stringify(value, null, 2)}${end}`);
        expect(extracted).toEqual({ value, repairs: ["took the JSON out of its code fence"] });
      }),
    );
  });

  it("finds any JSON in a code fence after any prose, wherever the fence opens", () => {
    const before = fc.oneof(
      prose,
      fc.string({ unit: "grapheme" }),
      fc.array(fencePieces).map((parts) => parts.join("")),
    );
    const opening = fc.constantFrom("```json\n", "```\n", "``` \r\n", "\n```JSON\n");
    const closing = fc.constantFrom("\n```", "```", "\n```\nThat is all.", "\n```\n```\n\n```");
    fc.assert(
      fc.property(fc.jsonValue(), before, opening, closing, fc.boolean(), (value, text, open, close, isPretty) => {
        const json = JSON.stringify(value, null, isPretty ? 2 : 0);
        fc.pre(!text.endsWith("`") && !hasJsonBlock(text));
        const extracted = extractJson(`${text}:${open}${json}${close}`);
        expect(extracted.value).toEqual(JSON.parse(json));
        expect(extracted.repairs.at(-1)).toBe("took the JSON out of its code fence");
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['Sure: ```json\n{"a":1}\n```', { a: 1 }],
    ['Sure: ```json\n{"a":1}\n```\nThat is all that there is to say of it.', { a: 1 }],
    ["Sure: ```json\n{a: 1}\n```\nThat is all that there is to say of it.", { a: 1 }],
    ['Nothing yet:\n```json\n```\nand now {"a": 1}', { a: 1 }],
    ['Set `x` to ```1```\n```json\n{"a":1}\n```', { a: 1 }],
  ])("finds the JSON of %s", (text, value) => {
    expect(extractJson(text).value).toEqual(value);
  });

  it("reads a text of fences alone in no time, however long", () => {
    for (const piece of ["```\n", "x```\n", "x```json\n", "[```a\n", "` ", "```"]) {
      const text = piece.repeat(2 ** 18 / piece.length);
      const startedMs = performance.now();
      expect(() => extractJson(`${text}!`)).toThrow(SyntaxError);
      expect(performance.now() - startedMs).toBeLessThan(2000);
    }
  });

  it("never throws anything but a SyntaxError, whatever it is given", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      '"',
      "'",
      "\\",
      ":",
      ",",
      "a",
      " ",
      "\n",
      "```",
      "</think>",
      "1",
      "//",
      "/*",
    );
    fc.assert(
      fc.property(
        fc.array(pieces).map((parts) => parts.join("")),
        (text) => {
          try {
            extractJson(text);
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["{severity: 'low'}", { severity: "low" }],
    ['{"a": 1, "b": [1, 2,], }', { a: 1, b: [1, 2] }],
    ['{"a": "he said "hi" to me"}', { a: 'he said "hi" to me' }],
    ["{'a': 'it}s', 'b': 2} That is it.", { a: "it}s", b: 2 }],
    ['{"a": True, "b": None}', { a: true, b: null }],
    ['Sure: {"a": [1, 2', { a: [1, 2] }],
  ])("mends %s, and says so", (text, value) => {
    const extracted = extractJson(text);
    expect(extracted.value).toEqual(value);
    expect(extracted.repairs.at(-1)).toBe("mended the JSON");
  });

  it("takes a bare word for a JSON string", () => {
    expect(extractJson("high")).toEqual({ value: "high", repairs: ["took the text as a JSON string"] });
  });

  it("leaves out the reasoning that a model writes before its answer", () => {
    const { value, repairs } = extractJson('<think>{"a": 1}? No: [2].</think>\n{"a": 2}');
    expect(value).toEqual({ a: 2 });
    expect(repairs).toEqual(["left out the reasoning before the answer"]);
  });

  it("is not misled by a code fence inside a string", () => {
    const value = { code: "```js\n[1]\n```" };
    expect(extractJson(`Here:\n${JSON.stringify(value)}`).value).toEqual(value);
    expect(extractJson(`\`\`\`json\n${JSON.stringify(value)}\n\`\`\``).value).toEqual(value);
  });

  it("passes over brackets in the prose", () => {
    expect(extractJson('As [1] says { and so on: {"a": [1, 2]} (see [2])').value).toEqual({ a: [1, 2] });
  });

  it.each([
    '{"__proto__": {"bad": 1}, "constructor": {"prototype": 2}}',
    'Here: {"__proto__": {"bad": 1,}, "constructor": 3}',
  ])("keeps prototype keys as plain keys of %s", (text) => {
    const { value } = extractJson(text);
    expect(Object.keys(value as object)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { bad?: number }).bad).toBeUndefined();
  });

  it.each([200, 201])("reads %s levels, where 200 is the most", (levels) => {
    const text = "[".repeat(levels) + "]".repeat(levels);
    if (levels <= 200) expect(extractJson(text).repairs).toEqual([]);
    else expect(() => extractJson(text)).toThrow("nested deeper than 200 levels");
  });

  it("refuses what would overflow the stack of a parser", () => {
    for (const text of ["[".repeat(60_000), '{"a":'.repeat(12_000)])
      expect(() => extractJson(text)).toThrow(SyntaxError);
  });

  it("refuses an answer of more than 8 MiB, and one that is too long to mend", () => {
    expect(() => extractJson(`"${"x".repeat(8 * 2 ** 20)}"`)).toThrow(/at most 8388608 are read/);
    expect(() => extractJson(`[${'a "b" '.repeat(20_000)}`)).toThrow(/too long|more than the 65536/);
    expect(extractJson(`"${"x".repeat(2 ** 20)}"`).repairs).toEqual([]);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJsonDocument, readJsonLines, readText } from "../../../src/cli/input/formats.ts";
import { readLines } from "../../../src/cli/input/input.ts";
import { collect, inPieces, read, requests } from "./pieces.ts";

describe("lines", () => {
  test("are the same however the bytes arrive, also where a character is torn apart", async () => {
    const anyText = fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "\n", "\r\n", "\u2028", "x") });
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(anyText, sizes, async (text, pieceSizes) => {
        const lines = await collect(readLines(inPieces(Buffer.from(text), pieceSizes), "in"));
        const joined = lines.map((line) => line.text + (line.isEnded ? "\n" : "")).join("");
        expect(joined).toBe(text.replaceAll("\r\n", "\n"));
        expect(lines.map(({ number }) => number)).toEqual(lines.map((_, index) => index + 1));
      }),
    );
  });

  test("a byte order mark is not part of the first line", async () => {
    expect(await requests(readText, "\ufefffirst\nsecond")).toEqual(["first", "second"]);
  });
});

test("an integer past 2^53 comes as it was written, and every other value as JSON has it", async () => {
  const text = '{"id":1790123456789012345,"safe":9007199254740991,"list":[-12345678901234567890],"float":1.5e300}';
  const wanted = { id: "1790123456789012345", safe: 9007199254740991, list: ["-12345678901234567890"], float: 1.5e300 };
  expect(await requests(readJsonLines, text)).toEqual([wanted]);
  expect(await requests(readJsonDocument, text)).toEqual([wanted]);
});

describe("JSON lines", () => {
  test("any values come back with their line, empty lines left out", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), async (values) => {
        const text = values.map((value) => `${JSON.stringify(value)}\n\n`).join("");
        const found = await read(readJsonLines, text, [3]);
        expect(found.map(({ request }) => request)).toEqual(values.map((value) => JSON.parse(JSON.stringify(value))));
        expect(found.map(({ place }) => place)).toEqual(values.map((_, index) => `in:${2 * index + 1}`));
      }),
    );
  });

  test("a broken line is named with its line and column, after those before it were given", async () => {
    const given: unknown[] = [];
    const reading = async () => {
      for await (const { request } of readJsonLines(inPieces(Buffer.from('{"a":1}\n{"a":tru}\n')), "in"))
        given.push(request);
    };
    await expect(reading()).rejects.toThrow(/^in:2:9: Unexpected token '}'/);
    expect(given).toEqual([{ a: 1 }]);
  });

  test("a half-written last line is told from a wrong one", async () => {
    await expect(read(readJsonLines, '{"a":1}\n{"a":"x')).rejects.toThrow(
      /in:2:8: .*was the file still being written\?/,
    );
    await expect(read(readJsonLines, '{"a":1}\n{"a":"x\n')).rejects.not.toThrow(/still being written/);
  });
});

describe("a JSON document", () => {
  test("gives the items of a list, and anything else as the only input", async () => {
    expect(await read(readJsonDocument, '[{"a":1},2]')).toEqual([
      { request: { a: 1 }, place: "in[0]" },
      { request: 2, place: "in[1]" },
    ]);
    expect(await requests(readJsonDocument, '{"a":[1]}')).toEqual([{ a: [1] }]);
  });

  test("a fault is named with its line and column", async () => {
    await expect(read(readJsonDocument, '[\n  {"a": 1},\n  {"a": }\n]')).rejects.toThrow(
      /^in:3:9: Unexpected token '}'/,
    );
  });
});

describe("a broken file of JSON lines is refused with its place", () => {
  test.each([
    ["a comma behind the value", '{"a":1},\n{"a":2}\n', /^in:1:8: Unexpected non-whitespace/],
    ["single quotes", "{'a':1}\n", /^in:1:2: /],
    ["a bare name", "{a:1}\n", /^in:1:2: /],
    ["NaN", '{"a":1}\n{"a":NaN}\n', /^in:2:6: /],
    ["a tab inside a text", '{"a":"x\ty"}\n', /^in:1:8: Bad control character/],
    ["a value over several lines", '{\n  "a": 1\n}\n', /^in:1:2: .*--format json; jq -c writes one value a line/],
    ["a list over several lines", '[\n{"a":1}\n]\n', /^in:1:2: .*--format json/],
    ["a comma behind a line", '{"a":1},\n{"a":2},\n', /^in:1:8: .*Lines of JSON end without a comma/],
    ["two values on a line", '{"a":1} {"a":2}\n', /^in:1:9: /],
    ["a page of HTML", "<!DOCTYPE html>\n<html>", /^in holds an HTML page, not JSON\. .*login page/],
    ["a half last line", '{"a":1}\n{"a"', /^in:2:5: .*still being written/],
    ["a comment", '// rows\n{"a":1}\n', /^in:1:1: /],
  ])("%s", async (_, text, fault) => {
    await expect(read(readJsonLines, text)).rejects.toThrow(fault);
  });
});

describe("a broken JSON document is refused with its place", () => {
  test.each([
    ["a comma behind the last item", '[{"a":1},]', /^in:1:10: /],
    ["no bracket at the end", '[{"a":1}\n', /^in:2:1: /],
    ["one value a line", '{"a":1}\n{"a":2}\n', /^in:2:1: .*give --format jsonl/],
    ["several documents", '{\n  "a": 1\n}\n{\n  "a": 2\n}\n', /^in:4:1: .*jq -c \. writes them, one a line/],
    ["nothing at all", " \n", /^in is empty/],
    ["single quotes", "[{'a':1}]", /^in:1:3: /],
    ["a number with leading zeros", '[{"a":007}]', /^in:1:8: /],
    ["a bad escape", '["\\x41"]', /^in:1:4: /],
    ["Infinity", '[{"a":Infinity}]', /^in:1:7: /],
    ["undefined", '[{"a":undefined}]', /^in:1:7: /],
    ["XML", '<?xml version="1.0"?><rows/>', /^in holds XML, not JSON/],
    ["a comment", '[{"a":1}] // end', /^in:1:11: /],
  ])("%s", async (_, text, fault) => {
    await expect(read(readJsonDocument, text)).rejects.toThrow(fault);
  });
});

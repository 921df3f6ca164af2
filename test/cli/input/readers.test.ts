import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCsv, readJsonDocument, readJsonLines, readText } from "../../../src/cli/input/formats.ts";
import type { InputReader } from "../../../src/cli/input/input.ts";
import { readLines } from "../../../src/cli/input/input.ts";

/** Bytes that arrive in pieces of the given sizes, over and over. */
async function* inPieces(
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length || 1],
): AsyncGenerator<Uint8Array> {
  for (let start = 0, turn = 0; start < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const read = (reader: InputReader, text: string | Uint8Array, sizes?: readonly number[]) =>
  collect(reader(inPieces(typeof text === "string" ? Buffer.from(text) : text, sizes), "in"));

const requests = async (reader: InputReader, text: string) => (await read(reader, text)).map(({ request }) => request);

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

  test("bytes that are no UTF-8 are refused, saying how to save the file", async () => {
    await expect(read(readText, new Uint8Array([0xff, 0xfe, 0x41, 0x00]))).rejects.toThrow(
      /in: .*not UTF-8.*CSV UTF-8/s,
    );
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

describe("CSV", () => {
  test.each([
    ["semicolons", "a;b\nx,1;y\n"],
    ["tabs", "a\tb\nx,1\ty\n"],
    ["commas, with a semicolon inside quotes", '"a",b\n"x,1",y\n'],
    ["a byte order mark before semicolons", "\ufeffa;b\r\nx,1;y"],
  ])("separated by %s is read", async (_, text) => {
    expect(await requests(readCsv, text)).toEqual([{ a: "x,1", b: "y" }]);
  });

  test("lines may end each in their own way, and line ends inside quotes stay", async () => {
    const ends = ["\n", "\r\n", "\r"];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...ends), { minLength: 3, maxLength: 3 }),
        async ([one, two, three]) => {
          const text = `a,b${one}x,"p\r\nq"${two}y,"r\ns"${three}`;
          expect(await requests(readCsv, text)).toEqual([
            { a: "x", b: "p\r\nq" },
            { a: "y", b: "r\ns" },
          ]);
        },
      ),
    );
  });

  test("rows of nothing but separators are no inputs, however many they have", async () => {
    expect(await requests(readCsv, "a;b\nx;y\n;;\n;;;\n ; ; \n;\n")).toEqual([{ a: "x", b: "y" }]);
  });

  test.each([
    [
      "a,b\n1,2\nx, y, z,w\n",
      /^in:3: this row has 4 columns, and the first row names 2 \(a, b\)\. Quote values that hold the separator/,
    ],
    ["a,b\n1\n", /^in:2: this row has 1 column, and the first row names 2 \(a, b\)\. Give an empty value/],
  ])("%j: a row with another number of columns is named, with what the first row names", async (text, fault) => {
    await expect(read(readCsv, text)).rejects.toThrow(fault);
  });

  test("rows without any value are no inputs", async () => {
    expect(await requests(readCsv, "a,b\nx,\n,\n , \n\n,y\n")).toEqual([
      { a: "x", b: "" },
      { a: "", b: "y" },
    ]);
  });

  test("any table comes back as objects of its texts, quotes and line breaks included", async () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", " ", "é"), minLength: 1 });
    const table = fc
      .integer({ min: 2, max: 4 })
      .chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
      );
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(table, async (rows) => {
        const names = rows[0]!.map((_, column) => `c${column}`);
        const text = [names, ...rows].map((row) => `${row.map(quote).join(",")}\r\n`).join("");
        const expected = rows
          .filter((row) => row.some((value) => value.trim() !== ""))
          .map((row) => Object.fromEntries(row.map((value, column) => [`c${column}`, value])));
        expect(await requests(readCsv, text)).toEqual(expected);
      }),
    );
  });

  test.each([
    { text: "a,b\n1,2\n1,2,3\n", fault: /^in:3: this row has 3 columns, and the first row names 2/ },
    { text: 'a,b\n1,"2\n', fault: /^in:2:1: .*opening quote/ },
    { text: "a,b,a\n1,2,3\n", fault: /in:1: two columns are named "a"/ },
  ])("$text is refused with its line", async ({ text, fault }) => {
    await expect(read(readCsv, text)).rejects.toThrow(fault);
  });

  test("a column named __proto__ is a column", async () => {
    const [row] = await requests(readCsv, "__proto__,b\n1,2\n");
    expect(Object.entries(row as object)).toEqual([
      ["__proto__", "1"],
      ["b", "2"],
    ]);
  });
});

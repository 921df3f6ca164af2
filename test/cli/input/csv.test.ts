import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCsv, readTsv } from "../../../src/cli/input/csv.ts";
import { read, requests } from "./pieces.ts";

describe("the separator", () => {
  test.each([
    ["commas", "a,b\nx;1,y\n"],
    ["semicolons", "a;b\nx;1;y\n".replace("x;1", "x,1")],
    ["tabs", "a\tb\nx,1\ty\n"],
    ["bars", "a|b\nx,1|y\n"],
    ["commas, with a semicolon inside quotes", '"a",b\n"x,1",y\n'],
    ["a byte order mark before semicolons", "\ufeffa;b\r\nx,1;y"],
    ["a line sep=;", "sep=;\r\na;b\r\nx,1;y\r\n"],
    ["a quoted line sep=;", '"sep=;"\na;b\nx,1;y\n'],
    ["a line sep=^, which no table is taken to have by itself", "sep=^\na^b\nx,1^y\n"],
    ["quotes around everything", '"a";"b"\n"x,1";"y"\n'],
  ])("is told for %s", async (_, text) => {
    const [row] = await requests(readCsv, text);
    expect(Object.keys(row as object)).toEqual(["a", "b"]);
    expect(Object.values(row as object)[1]).toBe("y");
  });

  test("is the one by which the rows are even, where a name holds another", async () => {
    expect(await requests(readCsv, "a, in EUR;b\n1;2\n3;4\n")).toEqual([
      { "a, in EUR": "1", b: "2" },
      { "a, in EUR": "3", b: "4" },
    ]);
  });

  test("is asked for where two do alike", async () => {
    await expect(read(readCsv, "a,b;c\n1,2;3\n")).rejects.toThrow(
      /^in: its columns may be separated by a comma or by a semicolon\. .*: sep=, or sep=;$/,
    );
    expect(await requests(readCsv, "sep=;\na,b;c\n1,2;3\n")).toEqual([{ "a,b": "1,2", c: "3" }]);
  });

  test("of a .tsv is the tab where there is one, and what the file has otherwise", async () => {
    expect(await requests(readTsv, "a,b\tc;d\n1,2\t3;4\n")).toEqual([{ "a,b": "1,2", "c;d": "3;4" }]);
    expect(await requests(readTsv, "a,b\n1,2\n")).toEqual([{ a: "1", b: "2" }]);
  });

  test("does not wait for more of a pipe than the first row, where that tells it", async () => {
    async function* pipe() {
      yield Buffer.from("a;b\n1;2\n");
      await new Promise(() => {});
    }
    const rows = readCsv(pipe(), "in")[Symbol.asyncIterator]();
    expect((await rows.next()).value).toEqual({ request: { a: "1", b: "2" }, place: "in:2" });
  });
});

describe("values", () => {
  test.each([
    ["64-bit ids and leading zeros", "a,b\n1790123456789012345,007\n", { a: "1790123456789012345", b: "007" }],
    ["formulas", "a,b\n=1+1,+49 30 1\n", { a: "=1+1", b: "+49 30 1" }],
    ["decimal commas", "a;b\n1,50;-2,5\n", { a: "1,50", b: "-2,5" }],
    ["spaces", "a,b\n x , y\n", { a: " x ", b: " y" }],
    ["quotes inside a value without quotes", 'a,b\n5" pipe,6"\n', { a: '5" pipe', b: '6"' }],
    ["doubled quotes", 'a,b\n"say ""hi""",""\n', { a: 'say "hi"', b: "" }],
    ["spaces behind a closing quote, which are none of it", 'a,b\n"x" ,"y"  \n', { a: "x", b: "y" }],
    ["a hash at the start", "a,b\n# 1,2\n", { a: "# 1", b: "2" }],
    ["NULL as Postgres writes it", "a\tb\n\\N\tx\n", { a: "\\N", b: "x" }],
    ["emoji and CJK", "a,b\n😀,漢字\n", { a: "😀", b: "漢字" }],
    [
      "a column named __proto__",
      "__proto__,b\n1,2\n",
      Object.fromEntries([
        ["__proto__", "1"],
        ["b", "2"],
      ]),
    ],
  ])("%s stay as they came", async (_, text, row) => {
    expect(await requests(readCsv, text)).toEqual([row]);
  });

  test("of a million characters come whole", async () => {
    const long = "x,\n".repeat(400_000);
    expect(await requests(readCsv, `a,b\n"${long}",1\n`)).toEqual([{ a: long, b: "1" }]);
  });

  test("that nothing closes are refused before they fill the memory", async () => {
    const chunk = Buffer.alloc(1024 * 1024, "x");
    async function* endless() {
      yield Buffer.from('a\n"');
      for (;;) yield chunk;
    }
    const reading = async () => {
      for await (const _ of readCsv(endless(), "in"));
    };
    await expect(reading()).rejects.toThrow(/^in:2:1: .*longer than 64 million characters\. Is a quote not closed\?/);
  });

  test("of any table come back, however it is separated, ended, quoted and cut into pieces", async () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", ";", "\t", "\n", "\r\n", " ", "é", "😀") });
    const shape = fc.record({
      separator: fc.constantFrom(",", ";", "\t", "|"),
      end: fc.constantFrom("\n", "\r\n", "\r"),
      sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      hasLastEnd: fc.boolean(),
    });
    const table = fc
      .integer({ min: 2, max: 4 })
      .chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
      );
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(table, shape, async (rows, { separator, end, sizes, hasLastEnd }) => {
        const names = rows[0]!.map((_, column) => `c${column}`);
        const lines = [names, ...rows].map((row) => row.map(quoted).join(separator));
        const text = lines.join(end) + (hasLastEnd ? end : "");
        const oracle = parse(text, { delimiter: separator, columns: true, record_delimiter: end }) as object[];
        const expected = oracle.filter((row) => Object.values(row).some((value) => value.trim() !== ""));
        expect((await read(readCsv, text, sizes)).map(({ request }) => request)).toEqual(
          expected.map((row) => ({ ...row })),
        );
      }),
    );
  });
});

describe("rows", () => {
  test("may end each in their own way, and line ends inside quotes stay", async () => {
    const ends = ["\n", "\r\n", "\r"];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...ends), { minLength: 3, maxLength: 3 }),
        fc.integer({ min: 1, max: 5 }),
        async ([one, two, three], size) => {
          const text = `a,b${one}x,"p\r\nq"${two}y,"r\ns"${three}`;
          expect(await read(readCsv, text, [size])).toEqual([
            { request: { a: "x", b: "p\r\nq" }, place: "in:2" },
            { request: { a: "y", b: "r\ns" }, place: "in:4" },
          ]);
        },
      ),
    );
  });

  test("without any value are skipped and counted, however many separators they have", async () => {
    const facts = { blankRows: 0 };
    const text = "a;b\nx;\n;;\n\n;;;\n ; ; \n;y\n;\n\n\n";
    expect((await read(readCsv, text, undefined, facts)).map(({ request }) => request)).toEqual([
      { a: "x", b: "" },
      { a: "", b: "y" },
    ]);
    expect(facts.blankRows).toBe(5);
  });
});

describe("a broken table is refused with file, line, column and what to do", () => {
  test.each([
    ["a row that is too long", "a,b\n1,2\nx, y, z,w\n", /^in:3:6: .* has 4 columns.*names 2 \(a, b\)\. Quote values/],
    ["a row that is too short", "a,b\n1\n", /^in:2:2: .* has 1 column, .*names 2 \(a, b\)\. Give an empty value/],
    ["a row that is too long, after a value over three lines", 'a,b\n"1\n2\n3",x,y\n', /^in:4:6: /],
    ["a quote behind a space", 'a,b\n1, "x, y"\n', /^in:2:7: .*remove the space/],
    ["a title above the names", "Report 2024\na,b\n1,2\n", /^in:2:3: .*If the first row is a title, remove it/],
    ["a quote that is never closed", 'a,b\n1,"2\n3,4\n', /^in:2:3: this quote is never closed/],
    ["text behind a closing quote", 'a,b\n"x"y,1\n', /^in:2:4: column 1 goes on behind its closing quote\. .*twice/],
    ["a quote behind a backslash", 'a,b\n"x \\"y\\" z",1\n', /^in:2:6: .*not behind a backslash/],
    ["a .tsv without quotes around values", 'a\tb\n"x" y\tz\n', /^in:2:5: .*Google Sheets.*download CSV instead/],
    ["two columns of one name", "a,b, a\n1,2,3\n", /^in:1:5: columns 1 and 3 are both named "a"\. Rename/],
    ["a column without a name", "a,,c\n1,2,3\n", /^in:1:3: column 2 has no name\. Name it, or remove/],
    ["the index that pandas writes", ",a,b\n0,1,2\n", /^in:1:1: column 1 has no name \(pandas .*index=False/],
    ["separators behind the names", "a,b,,\n1,2,,\n", /^in:1:5: column 3 has no name/],
    ["a NUL character", "a,b\n1,2\n\0\0\0", /^in:3:1: a NUL character/],
    ["JSON lines", '{"a":1,"b":2}\n', /^in holds JSON, not a table\. Give --format jsonl\./],
    ["a JSON list", '[{"a":1}]', /^in holds JSON, not a table\. Give --format json\./],
    ["a page of HTML", "\n<html><body>", /^in holds an HTML page, not a table\. .*login page/],
    ["XML of a spreadsheet", '<?xml version="1.0"?>\n<Workbook/>', /^in holds XML, not a table\. .*CSV UTF-8/],
  ])("%s", async (_, text, fault) => {
    await expect(read(readCsv, text)).rejects.toThrow(fault);
    await expect(read(readCsv, text, [1])).rejects.toThrow(fault);
  });
});

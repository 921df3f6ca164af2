import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeText } from "../../../src/cli/input/decode-text.ts";
import { collect, inPieces } from "./pieces.ts";

const decode = async (bytes: Uint8Array, sizes?: readonly number[]) =>
  (await collect(decodeText(inPieces(bytes, sizes), "in.csv"))).join("");

const utf16 = {
  le: (text: string) => Buffer.from(`\ufeff${text}`, "utf16le"),
  be: (text: string) => Buffer.from(`\ufeff${text}`, "utf16le").swap16(),
};

/** An archive as office programs write it, as far as its first entry. */
const archive = (entry: string) => Buffer.from(`PK\x03\x04${"\0".repeat(26)}${entry}`, "latin1");

describe("decodeText", () => {
  test("gives the same text for UTF-8 and for UTF-16 with a byte order mark, however the bytes arrive", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "\n", "\ufeff"), minLength: 1 });
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(text, sizes, async (content, pieces) => {
        const bytes = Buffer.from(`\ufeff${content}`);
        expect(await decode(bytes, pieces)).toBe(content);
        expect(await decode(utf16.le(content), pieces)).toBe(content);
        expect(await decode(utf16.be(content), pieces)).toBe(content);
      }),
    );
  });

  test.each([
    [
      "Windows-1252, as Excel writes it",
      Buffer.from("id;text\n1;ok\n2;K\xe4se\n", "latin1"),
      /^in\.csv:3:4: .*byte E4/,
    ],
    ["a dash of Windows-1252", Buffer.from("a\nx \x96 y\n", "latin1"), /^in\.csv:2:3: .*byte 96/],
    ["a wrong byte at the end", Buffer.from("a\nx\xff", "latin1"), /^in\.csv:2:2: .*byte FF/],
    ["a character that is cut off", Buffer.from("a\nxé").subarray(0, -1), /^in\.csv:2:2: .*byte C3/],
    ["UTF-16 without a mark", Buffer.from("name;value\n", "utf16le"), /UTF-16 or UTF-32 without a byte order mark/],
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), /UTF-16 or UTF-32/],
    ["half a character of UTF-16", utf16.le("ab").subarray(0, -1), /not UTF-16LE after line 1/],
    ["a workbook of Excel", archive("[Content_Types].xml"), /^in\.csv is an Excel workbook \(\.xlsx\)\. .*CSV UTF-8/],
    ["an old workbook of Excel", Buffer.from("\xd0\xcf\x11\xe0....", "latin1"), /is an Excel workbook \(\.xls\)/],
    ["a workbook of LibreOffice", archive("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), /LibreOffice/],
    ["a document of Numbers", archive("Index/Document.iwa"), /is a Numbers document\. .*Export To/],
    ["an archive", archive("rows.csv"), /is a ZIP archive\. Unpack it first: unzip in\.csv/],
    ["gzip", gzipSync("a,b\n"), /is compressed by gzip\. Unpack it first: gunzip in\.csv/],
    ["a PDF", Buffer.from("%PDF-1.7\n"), /is a PDF\. To ask about documents, .*files: "\{\{path\}\}"/],
    ["Parquet", Buffer.from("PAR1...."), /is a Parquet file\. .*as CSV or JSON lines/],
  ])("refuses %s, and says what to do", async (_, bytes, fault) => {
    await expect(decode(bytes)).rejects.toThrow(fault);
    await expect(decode(bytes)).rejects.toThrow(/Save|save|Unpack|Write|Export|--input/);
  });

  test("names the place of a wrong byte, however the bytes arrive, and shows the line as Windows-1252", async () => {
    const text = `id;text\n${"1;é漢\n".repeat(50)}2;K\xe4se\n`;
    const bytes = Buffer.concat(
      [Buffer.from(text.slice(0, -6)), Buffer.from("2;K\xe4se\n", "latin1")].map((part, at) =>
        at ? part.subarray(1) : part,
      ),
    );
    for (const size of [1, 2, 7, 64, 4096])
      await expect(decode(bytes, [size])).rejects.toThrow(/^in\.csv:52:\d+: .*iconv -f WINDOWS-1252/);
    await expect(decode(bytes)).rejects.toThrow("Käse");
  });
});

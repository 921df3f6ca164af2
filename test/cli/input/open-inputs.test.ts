import { describe, expect, test } from "vitest";
import { checkInputs, openInputs } from "../../../src/cli/input/open-inputs.ts";
import { PromptBundleTool } from "../../../src/index.ts";
import { createFolder } from "../steer.ts";

async function* piped(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

const terminal = Object.assign(piped(""), { isTTY: true });

async function requestsOf(choice: Parameters<typeof openInputs>[0], stdin = piped("")): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { request } of openInputs(choice, stdin).read()) found.push(request);
  return found;
}

describe("openInputs", () => {
  test.each([
    { name: "in.jsonl", content: '{"a":"1"}\n', request: { a: "1" } },
    { name: "in.ndjson", content: '{"a":"1"}\n', request: { a: "1" } },
    { name: "in.json", content: '[{"a":"1"}]', request: { a: "1" } },
    { name: "in.CSV", content: "a\n1\n", request: { a: "1" } },
    { name: "in.txt", content: "1\n", request: "1" },
  ])("reads $name by its extension", async ({ name, content, request }) => {
    const folder = createFolder({ [name]: content });
    expect(await requestsOf({ input: `${folder}/${name}` })).toEqual([request]);
  });

  test("--format wins over the extension", async () => {
    const folder = createFolder({ "in.txt": '{"a":1}\n' });
    expect(await requestsOf({ input: `${folder}/in.txt`, format: "jsonl" })).toEqual([{ a: 1 }]);
  });

  test("a .txt of a spreadsheet, which tabs separate, is not taken for one text a line", async () => {
    const table = "id\treport\r\n7\tKäse\r\n";
    const folder = createFolder({ "in.txt": table, "unicode.txt": Buffer.from(`\ufeff${table}`, "utf16le") });
    for (const name of ["in.txt", "unicode.txt"]) {
      expect(() => openInputs({ input: `${folder}/${name}` }, terminal)).toThrow(/that tabs separate.*--format tsv/);
      expect(await requestsOf({ input: `${folder}/${name}`, format: "tsv" })).toEqual([{ id: "7", report: "Käse" }]);
    }
  });

  test("a pipe is read where no file is named, and where - is", async () => {
    expect(await requestsOf({}, piped('{"a":1}\n'))).toEqual([{ a: 1 }]);
    expect(await requestsOf({ input: "-", format: "text" }, piped("one\ntwo"))).toEqual(["one", "two"]);
  });

  test("JSON in the place of a file is the input", async () => {
    expect(await requestsOf({ input: '{"a":1}' })).toEqual([{ a: 1 }]);
    expect(await requestsOf({ input: '[{"a":1},{"a":2}]' })).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test("only what can be read twice says so", () => {
    const folder = createFolder({ "in.txt": "" });
    expect(openInputs({ input: `${folder}/in.txt` }, terminal).isRepeatable).toBe(true);
    expect(openInputs({ input: "{}" }, terminal).isRepeatable).toBe(true);
    expect(openInputs({}, piped("")).isRepeatable).toBe(false);
  });

  test("a missing file, a folder, an unknown extension and no input at all are refused with what to do", () => {
    const folder = createFolder({ "in.jsno": "" });
    expect(() => openInputs({ input: `${folder}/gone.jsonl` }, terminal)).toThrow(
      /gone.jsonl cannot be read: there is no such file \(ENOENT\)/,
    );
    expect(() => openInputs({ input: folder, format: "json" }, terminal)).toThrow(
      /is a folder\. The files of a folder are inputs of a tool file with files: /,
    );
    expect(() => openInputs({ input: `${folder}/in.jsno` }, terminal)).toThrow(/in.jsno: .*\.jsonl.*--format csv/s);
    expect(() => openInputs({}, terminal)).toThrow(/No input was given.*--input FILE/);
  });

  test.each([
    ["upper.csv", "ID,Report\n1,a\n", /^upper\.csv:2: request\.report .* This input has ID, Report\.$/],
    ["list.jsonl", '[{"report":"a"}]\n', /^list\.jsonl:1: .* This input is a list\. .*--format json\.$/],
    [
      "wrapped.json",
      '{"data":[{"report":"a"}]}',
      /^wrapped\.json: .* This input has data\. .*jq \.data takes them out\.$/,
    ],
  ])("an input of %s that misses a variable says what it has", async (name, content, fault) => {
    const folder = createFolder({ [name]: content });
    const tool = new PromptBundleTool({ name: "t", model: "simulated:", prompt: "{{report}}" });
    const inputs = openInputs({ input: `${folder}/${name}` }, terminal).read();
    const error = await checkInputs(inputs, tool, () => {}).catch((thrown: Error) => thrown);
    expect((error as Error).message.replaceAll(`${folder}/`, "")).toMatch(fault);
  });

  test.each([
    ["a.xlsx", "PK\x03\x04", /a\.xlsx is a ZIP archive\. Unpack it/],
    ["b.xlsx", "", /b\.xlsx is an Excel workbook \(\.xlsx\)\. .*CSV UTF-8/],
    ["c.csv.gz", "\x1f\x8b", /c\.csv\.gz is compressed by gzip\. Unpack it first: gunzip .*c\.csv\.gz/],
    ["d.parquet", "PAR1", /d\.parquet is a Parquet file\./],
  ])("%s is named as what it is", (name, content, fault) => {
    const folder = createFolder({ [name]: Buffer.from(content, "latin1") });
    expect(() => openInputs({ input: `${folder}/${name}` }, terminal)).toThrow(fault);
  });
});

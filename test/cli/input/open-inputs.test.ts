import { describe, expect, test } from "vitest";
import { openInputs } from "../../../src/cli/input/open-inputs.ts";
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
    expect(() => openInputs({ input: `${folder}/gone.jsonl` }, terminal)).toThrow(/gone.jsonl cannot be read: ENOENT/);
    expect(() => openInputs({ input: folder, format: "json" }, terminal)).toThrow(
      /is a folder\. The files of a folder are inputs of a tool file with files: /,
    );
    expect(() => openInputs({ input: `${folder}/in.jsno` }, terminal)).toThrow(/in.jsno: .*\.jsonl.*--format csv/s);
    expect(() => openInputs({}, terminal)).toThrow(/No input was given.*--input FILE/);
  });
});

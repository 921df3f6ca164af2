import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { describe, expect, test } from "vitest";
import { CalibrationStore } from "../../../src/calibration/calibration-store.ts";
import type { InputFacts } from "../../../src/cli/input/input.ts";
import { isTableDue, writeCsvTable } from "../../../src/cli/output/csv-table.ts";
import { createFolder } from "../steer.ts";

const base = { usage: {}, costUsd: 0, fingerprint: "f" };

function answered(index: number, input: unknown, consensus: unknown, more: object = {}) {
  const output = { metadata: {}, content: { evidenceBundle: { summary: { disagreements: [] } } } };
  return { ...base, index, input, status: "completed", consensus, confidence: 0.75, output, ...more };
}

/** Writes the table of some lines; gives its text and its rows. */
async function tableOf(lines: readonly object[], facts: InputFacts = {}, name = "out.csv") {
  const folder = createFolder();
  const [path, journal] = [`${folder}/${name}`, `${folder}/${name}.jsonl`];
  writeFileSync(journal, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const separator = name.endsWith(".tsv") ? "\t" : undefined;
  await writeCsvTable({
    path,
    journal,
    facts,
    separator,
    calibrations: new CalibrationStore({ path: `${folder}/labels` }),
  });
  const text = readFileSync(path, "utf8");
  const delimiter = separator ?? facts.separator ?? ",";
  return { text, rows: parse(text, { bom: true, delimiter, record_delimiter: "\r\n" }) as string[][] };
}

describe("a table of answers", () => {
  test("has the columns of the input first, then the fields of the consensus, in the order of the inputs", async () => {
    const { rows } = await tableOf(
      [
        answered(1, { id: "02", report: "b" }, { severity: "low", place: { city: "Ulm" }, tags: ["x", "y"] }),
        answered(0, { id: "01", report: "a" }, { severity: "high", place: { city: "Bonn" }, tags: [] }),
      ],
      { columns: ["id", "report"] },
    );
    expect(rows).toEqual([
      ["id", "report", "severity", "place.city", "tags", "confidence", "status", "flags", "error"],
      ["01", "a", "high", "Bonn", "[]", "0.75", "completed", "", ""],
      ["02", "b", "low", "Ulm", '["x","y"]', "0.75", "completed", "", ""],
    ]);
  });

  test("keeps 64-bit ids, leading zeros and the user's own formulas as they came", async () => {
    const { rows } = await tableOf([answered(0, { id: "1790123456789012345", zip: "01067", sum: "=A1+B1" }, "x")]);
    expect(rows[1]!.slice(0, 4)).toEqual(["1790123456789012345", "01067", "=A1+B1", "x"]);
  });

  test.each([
    ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
    ["+49 30 123", "'+49 30 123"],
    ["@SUM(1)", "'@SUM(1)"],
    ["-2+3", "'-2+3"],
    ["\t=1", "'\t=1"],
    ["-", "'-"],
    ["＝1+1", "'＝1+1"],
    ["\u0000\u001b[31m=1", "[31m=1"],
    ["\u0007=1\u009b", "'=1"],
    ["-5", "-5"],
    ["+1.5e3", "+1.5e3"],
    ["-12,5%", "-12,5%"],
    [-5, "-5"],
    [true, "true"],
    ["a=b", "a=b"],
  ])("gives %j of a model as %j", async (value, cell) => {
    const { rows } = await tableOf([answered(0, { a: "x" }, { value })]);
    expect(rows[1]![1]).toBe(cell);
  });

  test("keeps a formula out of the names that a model chose, and out of errors", async () => {
    const failed = { ...base, index: 0, input: {}, status: "rejected", error: { message: "=1+1" } };
    const { rows } = await tableOf([failed, answered(1, {}, { "=x": 1 })]);
    expect(rows[0]).toContain("'=x");
    expect(rows[1]!.at(-1)).toBe("'=1+1");
  });

  test("puts steer. before a name that the input has already", async () => {
    const { rows } = await tableOf([
      answered(0, { status: "open", severity: "?" }, { severity: "low", error: "none" }),
    ]);
    expect(rows[0]).toEqual([
      ...["status", "severity", "steer.severity", "error"],
      ...["confidence", "steer.status", "flags", "steer.error"],
    ]);
  });

  test("writes a confidence with three digits", async () => {
    const { text } = await tableOf([answered(0, { report: "a" }, "low", { confidence: 0.7163384435418274 })]);
    expect(text).toContain("a,low,0.716,completed");
  });

  test("quotes separators, quotes and line breaks, and comes back as it was", async () => {
    const input = { report: 'say "hi",\r\nthen go;', note: " space " };
    for (const facts of [{}, { separator: ";" }]) {
      const { rows } = await tableOf([answered(0, input, "two\nlines")], facts);
      expect(rows[1]!.slice(0, 3)).toEqual([input.report, input.note, "two\nlines"]);
    }
    const { text } = await tableOf([answered(0, { report: "a" }, { severity: "low" })], { separator: ";" });
    expect(text).toMatch(/^report;severity;confidence;status;flags;error\r\na;low;0\.75;completed;;\r\n$/);
  });

  test("has tabs where its name says so", async () => {
    const { text } = await tableOf([answered(0, { report: "a" }, { severity: "low" })], { separator: ";" }, "out.tsv");
    expect(text.split("\r\n")[1]).toBe("a\tlow\t0.75\tcompleted\t\t");
  });

  test("begins with a byte order mark only where it holds more than ASCII", async () => {
    expect((await tableOf([answered(0, { a: "Käse" }, "ja")])).text).toMatch(/^\ufeffa,answer,/);
    expect((await tableOf([answered(0, { a: "cheese" }, "yes")])).text).toMatch(/^a,answer,/);
  });

  test("says why a row has no answer, and which fields are contested", async () => {
    const failed = {
      ...base,
      ...{ index: 0, input: { a: "1" }, status: "failed" },
      output: { metadata: {}, content: null, errors: { t: { message: "HTTP 500" } } },
    };
    const unsure = answered(1, { a: "2" }, { x: "low" }, { calibratedConfidence: 0.5 });
    unsure.output.metadata = { belowMinConfidence: true };
    unsure.output.content.evidenceBundle.summary.disagreements = [{ path: "/x" }] as never[];
    const { rows } = await tableOf([failed, unsure]);
    expect(rows.slice(1)).toEqual([
      ["1", "", "", "failed", "", "HTTP 500"],
      ["2", "low", "0.5", "completed", "below-min-confidence contested:/x", ""],
    ]);
  });

  test("takes inputs that are texts, or differ in their names", async () => {
    expect((await tableOf([answered(0, "one", "x")])).rows[0]!.slice(0, 2)).toEqual(["input", "answer"]);
    const { rows } = await tableOf([answered(0, { a: 1 }, "x"), answered(1, { b: { c: 2 } }, "y")]);
    expect(rows.map((row) => row.slice(0, 3))).toEqual([
      ["a", "b", "answer"],
      ["1", "", "x"],
      ["", '{"c":2}', "y"],
    ]);
  });

  test("is due where something was answered, or answers have none, so that a table which was edited stays", () => {
    const folder = createFolder({ "out.csv": "", "out.jsonl": "{}", "empty.jsonl": "" });
    const table = (path: string, journal: string) => ({
      path: `${folder}/${path}`,
      journal: `${folder}/${journal}`,
      facts: {},
    });
    expect(isTableDue(table("out.csv", "out.jsonl"), 0)).toBe(false);
    expect(isTableDue(table("out.csv", "out.jsonl"), 1)).toBe(true);
    expect(isTableDue(table("gone.csv", "out.jsonl"), 0)).toBe(true);
    expect(isTableDue(table("gone.csv", "empty.jsonl"), 0)).toBe(false);
  });

  test("that cannot be written says where the answers are", async () => {
    const folder = createFolder({ "out.csv.jsonl": "" });
    await expect(
      writeCsvTable({
        path: `${folder}/gone/out.csv`,
        journal: `${folder}/out.csv.jsonl`,
        facts: {},
        calibrations: new CalibrationStore(),
      }),
    ).rejects.toThrow(
      /out\.csv cannot be written: there is no folder .*\(ENOENT\). Make it first. The answers are in .*out\.csv\.jsonl/,
    );
  });
});

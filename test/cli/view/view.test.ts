import { readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { showBundle } from "../../../src/cli/view/terminal.ts";
import { asRead, bundleOf } from "../../support/bundle-of.ts";
import { createFolder, reports, steer, toolFile } from "../steer.ts";
import { attack, readHostileBundles } from "./hostile-bundles.ts";

const plain = { colors: pc.createColors(false), columns: 80 };
const bundle = bundleOf(
  [
    { severity: "low", component: "editor" },
    { severity: "high", component: "editor" },
    { severity: "low", component: "editor" },
  ],
  { k: 6, tokens: 100, costUsd: 0.001, earlyStopReason: "horizon after 3 of 6" },
);

describe("a bundle on the terminal", () => {
  test("shows the consensus, bars with who said what, distances, the confidence after each answer, and the cost", () => {
    const shown = showBundle({ bundle: asRead(bundle), place: "x" }, undefined, plain);
    expect(shown).toContain('  "severity": "low"');
    expect(shown).toMatch(/\/severity {3}confidence 0\.54.*\n {4}█{13}▍ +2 {2}low +r1 r3\n {4}█{6}▋ +1 {2}high +r2\n/);
    expect(shown).toMatch(/\/component {2}all 3: editor/);
    expect(shown).toMatch(/ {2}r1 {2}· · ▒▒\n {2}r3 {2}· · ▒▒\n {2}r2 {2}▒▒▒▒·\n/);
    expect(shown).toMatch(/ {2}r2 {2}█+.? +0\.54 {2}\/severity high\n/);
    expect(shown).toMatch(
      /asked +█{10} +3 answers +300 tokens +\$0\.0030\n +always 6 +█{20} +6 answers +600 tokens +\$0\.0060\n/,
    );
    expect(shown).toContain("50.0 % fewer answers");
    expect(shown).toMatch(/stopped +horizon after 3 of 6/);
  });

  test("has colours only where there are any", () => {
    const opened = { bundle: asRead(bundle), place: "x" };
    expect(showBundle(opened, undefined, plain)).not.toContain("\x1b");
    expect(showBundle(opened, undefined, { ...plain, colors: pc.createColors(true) })).toContain("\x1b[32m█");
  });

  test.each(readHostileBundles)("%s: fits, and moves no cursor", (_, hostile) => {
    const shown = showBundle({ bundle: hostile, place: "x", input: { attack } }, undefined, plain);
    const lines = shown.split("\n");
    expect(shown.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(lines.length).toBeLessThan(200);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.at(-2)).toMatch(/^ {2}(time|warning)/);
  });
});

describe("steer view", () => {
  test("takes a bundle, an output with one, a line of steer run, and a pipe", async () => {
    const output = { status: "completed", content: { evidenceBundle: bundle } };
    const cwd = createFolder({
      "bundle.json": JSON.stringify(bundle, null, 2),
      "output.json": JSON.stringify(output),
      "lines.jsonl": `${JSON.stringify({ index: 0, status: "rejected" })}\n${JSON.stringify({ index: 1, output })}\n`,
    });
    const [first, ...others] = await Promise.all([
      steer(["view", "bundle.json"], { cwd }),
      steer(["view", "output.json"], { cwd }),
      steer(["view", "lines.jsonl", "--line", "2"], { cwd }),
      steer(["view", "-"], { cwd, input: JSON.stringify(bundle) }),
    ]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain("Votes by field");
    for (const { stdout } of others) expect(stdout).toBe(first.stdout);
  });

  test("shows what steer run wrote, and says of several lines which one is the least sure", async () => {
    const cwd = createFolder({ "triage.json": toolFile("simulated:?error=0.5"), "in.jsonl": reports(9) });
    await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"], { cwd });
    const { code, stderr } = await steer(["view", "out.jsonl"], { cwd });
    expect(code).toBe(2);
    const [, line, confidence] = /holds 9 answers: .*--line (\d) \(confidence (0\.\d\d)\)/.exec(stderr) ?? [];
    const lines = readFileSync(join(cwd, "out.jsonl"), "utf8").trimEnd().split("\n");
    const confidences = lines.map((text) => JSON.parse(text).confidence as number);
    expect(confidence).toBe(Math.min(...confidences).toFixed(2));
    const { stdout } = await steer(["view", "out.jsonl", "--line", line!], { cwd });
    expect(stdout).toContain(`confidence ${confidence}`);
    expect(stdout).toContain('{"report":"report ');
  });

  test("--html replaces a page of its own, and leaves a link and any other file alone without --force", async () => {
    const cwd = createFolder({ "bundle.json": JSON.stringify(bundle), "notes.html": "mine", "target.txt": "mine" });
    symlinkSync(join(cwd, "target.txt"), join(cwd, "link.html"));
    const view = (page: string, ...more: string[]) => steer(["view", "bundle.json", "--html", page, ...more], { cwd });
    expect(await view("page.html")).toMatchObject({ code: 0 });
    expect(await view("page.html")).toMatchObject({ code: 0 });
    expect(statSync(join(cwd, "page.html")).mode & 0o077).toBe(0);
    for (const page of ["notes.html", "link.html"]) {
      expect(await view(page)).toMatchObject({ code: 2, stderr: expect.stringContaining("Give --force") });
      expect(await view(page, "--force")).toMatchObject({ code: 0 });
    }
    expect(readFileSync(join(cwd, "target.txt"), "utf8")).toBe("mine");
  });

  test("--html writes one file, and says what it is", async () => {
    const cwd = createFolder({ "bundle.json": JSON.stringify(bundle) });
    const { code, stdout } = await steer(["view", "bundle.json", "--html", "page.html"], { cwd });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "page.html shows bundle.json. It needs no network.\n",
    });
    expect(readFileSync(join(cwd, "page.html"), "utf8")).toMatch(/^<!doctype html>/);
  });

  const broken = { ...asRead(bundle), summary: { ...asRead(bundle).summary, confidence: "high" } };
  test.each([
    ["a file that is not there", ["none.json"], /^none\.json cannot be read: there is no such file \(ENOENT\)/],
    ["a folder", ["."], /^\. cannot be read: it is a folder \(EISDIR\)/],
    ["no JSON", ["text.json"], /^text\.json:1:1: Unexpected token/],
    ["something else", ["other.json"], /^other\.json holds no evidence bundle\./],
    ["a bundle that is not whole", ["broken.json"], /summary\.confidence has to be a share from 0 to 1\./],
    [
      "a line that is not there",
      ["lines.jsonl", "--line", "9"],
      /^lines\.jsonl has no answer on line 9: it has 2 lines\./,
    ],
    [
      "a run that was rejected",
      ["lines.jsonl", "--line", "1"],
      /:1 holds no evidence bundle: the run ended with BudgetExceeded: too dear\./,
    ],
    [
      "a run that failed",
      ["lines.jsonl", "--line", "2"],
      /:2 holds no evidence bundle: the run ended with ToolExecutionError: it broke\./,
    ],
    ["a value too deep to show", ["deep.json"], /allowed: a tree of at most 1000 levels/],
    [
      "a page that cannot be written",
      ["bundle.json", "--html", "no/such/folder.html"],
      /^no\/such\/folder\.html cannot be written: there is no folder no\/such \(ENOENT\)/,
    ],
  ])("%s is named", async (_, parameters, fault) => {
    const failed = { output: { status: "failed", errors: { t: { type: "ToolExecutionError", message: "it broke" } } } };
    const deep = `{"meta":{},"replicates":[{"data":${"[".repeat(5000)}${"]".repeat(5000)}}]}`;
    const cwd = createFolder({
      "bundle.json": JSON.stringify(bundle),
      "broken.json": JSON.stringify(broken),
      "text.json": "hello",
      "other.json": '{"name":"x"}',
      "deep.json": deep,
      "lines.jsonl": `${JSON.stringify({ index: 0, error: { type: "BudgetExceeded", message: "too dear" } })}\n${JSON.stringify(failed)}\n`,
    });
    const { code, stdout, stderr } = await steer(["view", ...parameters], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(fault);
    expect(stderr).not.toContain("    at ");
  });
});

import { appendFileSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BundleSummary } from "../../../src/contract/bundle.ts";
import { createJobCalibration } from "../../../src/evidence/job-calibration.ts";
import { bundleOf } from "../../support/bundle-of.ts";
import { createFolder, reports, steer, toolFile } from "../steer.ts";
import { attack } from "../view/hostile-bundles.ts";
import { answeredLine, failedLine, fileOf } from "./job-lines.ts";

const split = bundleOf([{ severity: "low" }, { severity: "high" }, { severity: "low" }], {
  k: 6,
  costUsd: 0.01,
  tokens: 10,
  earlyStopReason: "horizon after 3 of 6",
});
const lines = [answeredLine(0, split), failedLine(1, "rate_limit", "HTTP 429"), answeredLine(2, split)];

describe("steer report", () => {
  test("gives single answers no confidence, as the table, the viewer and steer label do", async () => {
    const cwd = createFolder({ "triage.json": toolFile("simulated:?error=0.4"), "in.jsonl": reports(3) });
    const run = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.csv", "--k", "1", "--min-confidence", "0.7"];
    expect((await steer(run, { cwd })).stdout).toContain("3 of 3 are below 0.70.");
    const [header, ...rows] = readFileSync(join(cwd, "out.csv"), "utf8").trimEnd().split("\r\n");
    const column = header?.split(",").indexOf("confidence") as number;
    expect(rows.map((row) => row.split(",")[column])).toEqual(["", "", ""]);
    for (const command of [["report"], ["view", "--line", "1"], ["label"]]) {
      const [name = "", ...flags] = command;
      const { stdout } = await steer([name, "out.csv.jsonl", ...flags], { cwd, input: "r\nr\nw\n" });
      expect(stdout).not.toMatch(/confidence[^\n]* 0\.\d|0\.6[1-5]/);
    }
    expect((await steer(["view", "out.csv"], { cwd })).stderr).toMatch(/choose one with --line\.\n$/);
  });

  test("tells a job that steer run wrote, each answer judged by the whole job", async () => {
    const cwd = createFolder({ "triage.json": toolFile("simulated:?error=0.4"), "in.jsonl": reports(20) });
    await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"], { cwd });
    const { code, stdout, stderr } = await steer(["report", "out.jsonl"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("20 inputs: 20 with an answer, 0 without.");
    const written = readFileSync(join(cwd, "out.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text));
    const job = createJobCalibration();
    const summaries = written.map(({ output }) => output.content.evidenceBundle.summary as BundleSummary);
    for (const summary of summaries) job.observe(summary);
    const confidences = summaries.map((summary) => job.confidence(summary) ?? 0);
    const least = Math.min(...confidences);
    const [, line, confidence] = /Least sure\n +line (\d+) +(0\.\d\d)/.exec(stdout) ?? [];
    expect(confidence).toBe(least.toFixed(2));
    expect(confidences[Number(line) - 1]).toBe(least);
    const asData = JSON.parse((await steer(["report", "out.jsonl", "--json"], { cwd })).stdout);
    expect(asData.confidence.mean).toBeCloseTo(confidences.reduce((sum, one) => sum + one, 0) / 20);
  });

  test("shows how sure, the least sure, what is contested, what failed and what to do, the cost", async () => {
    const cwd = createFolder({ "out.jsonl": fileOf(lines) });
    const { stdout } = await steer(["report", "out.jsonl", "--min-confidence", "0.6"], { cwd });
    for (const shown of [
      "3 inputs: 2 with an answer, 1 without.",
      "2 of 2 are below 0.60.",
      /0\.5 to 0\.6 +█+ +2\n/,
      /line 1 +0\.\d\d +bug-0: report 0\n +\/severity low 2, high 1\n/,
      /\/severity +█+ +2 of 2 +0\.\d\d +high or low: 2\n/,
      /1 rate_limit\n +The provider was asked too often\..*--concurrency/,
      "HTTP 429 (line 2)",
      /asked +█+.* 6 answers +60 tokens +\$0\.06\n +always 6 +█+ +12 answers/,
      "50.0 % fewer answers.",
    ])
      expect(stdout).toMatch(shown);
  });

  test("leaves out a last line that is not complete and lines that hold no answer, and says so", async () => {
    const head = `${JSON.stringify({ job: "triage", started: "2026-01-01" })}\n`;
    const cwd = createFolder({ "out.jsonl": `${head}${fileOf(lines)}\n{"index":3,"finger` });
    const { code, stdout } = await steer(["report", "out.jsonl"], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain("3 inputs: 2 with an answer, 1 without.\nThe last line is not complete, and left out");
    expect(stdout).toContain("line 2 ");
  });

  test("lets no control character of an answer or an input through", async () => {
    const control = "\x1b[2J\x07\u202e";
    const hostile = bundleOf([{ [control]: control }, { [control]: attack }], { task: control, model: control });
    const failed = failedLine(1, control, `${control}${attack}`);
    const cwd = createFolder({ "out.jsonl": fileOf([answeredLine(0, hostile, { input: { text: control } }), failed]) });
    const { code, stdout } = await steer(["report", "out.jsonl"], { cwd });
    expect(code).toBe(0);
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    const { stdout: data } = await steer(["report", "out.jsonl", "--json"], { cwd });
    expect(data.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(JSON.parse(data).questions[0].task).toBe(control);
  });

  test("says of answers that were judged how many are right, beside their confidence", async () => {
    const cwd = createFolder({ "out.jsonl": fileOf(lines) });
    await steer(["label", "out.jsonl", "--seed", "1"], { cwd, input: "r\nw\n" });
    const { stdout } = await steer(["report", "out.jsonl"], { cwd });
    expect(stdout).toContain("2 answers of this job judged: 1 right (0.50), where the mean confidence is 0.");
  });

  test("reads the output file beside a table", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(4) });
    const run = await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.csv"], { cwd });
    expect(run.stdout).toContain("\nMore: steer report out.csv.jsonl\n");
    expect((await steer(["report", "out.csv"], { cwd })).stdout).toContain("4 inputs: 4 with an answer");
  });

  test("holds a line at a time: a job of 60 MB is told in a heap of 32", async () => {
    const long = answeredLine(0, split, { input: { text: "x".repeat(3_000) } });
    const part = fileOf(Array.from({ length: 100 }, () => long));
    const cwd = createFolder();
    for (let count = 0; count < 120; count++) appendFileSync(join(cwd, "out.jsonl"), part);
    expect(statSync(join(cwd, "out.jsonl")).size).toBeGreaterThan(60_000_000);
    const env = { NODE_OPTIONS: "--max-old-space-size=32" };
    const { code, stdout } = await steer(["report", "out.jsonl"], { cwd, env });
    expect(code).toBe(0);
    expect(stdout).toContain("12,000 inputs: 12,000 with an answer");
  });

  test.each([
    ["a file that is not there", "none.jsonl", /^none\.jsonl cannot be read: there is no such file \(ENOENT\)/],
    ["inputs", "in.jsonl", /^in\.jsonl holds no answer of steer run\. Give the \.jsonl file that --output named\./],
    ["a text", "notes.txt", /^notes\.txt holds no answer of steer run\./],
    ["an empty file", "empty.jsonl", /^empty\.jsonl holds no answer of steer run\./],
    ["a line that is broken in the middle", "broken.jsonl", /^broken\.jsonl:2:\d+: /],
    ["a bundle that is not whole", "part.jsonl", /^part\.jsonl:1 holds no whole evidence bundle: /],
  ])("refuses %s, with its place and what to do", async (_, file, fault) => {
    const part = structuredClone(lines[0]);
    part.output.content.evidenceBundle.summary.confidence = "high";
    const cwd = createFolder({
      "in.jsonl": reports(100),
      "notes.txt": "hello\n",
      "empty.jsonl": "",
      "broken.jsonl": `${fileOf(lines.slice(0, 1))}{"index": 1,\n${fileOf(lines.slice(2))}`,
      "part.jsonl": fileOf([part]),
    });
    const { code, stdout, stderr } = await steer(["report", file], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(fault);
    expect(stderr).not.toContain("    at ");
  });

  test("--html writes a private page beside the file, and leaves links and files of others alone", async () => {
    const cwd = createFolder({ "out.jsonl": fileOf(lines), "notes.html": "mine", "target.txt": "mine" });
    symlinkSync(join(cwd, "target.txt"), join(cwd, "link.html"));
    const write = (...flags: string[]) => steer(["report", "out.jsonl", ...flags], { cwd });
    expect(await write("--html")).toMatchObject({
      code: 0,
      stdout: "out.html shows out.jsonl. It needs no network.\n",
    });
    expect(await write("--html", "out.html")).toMatchObject({ code: 0 });
    expect(statSync(join(cwd, "out.html")).mode & 0o077).toBe(0);
    for (const page of ["notes.html", "link.html"])
      expect(await write("--html", page)).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") });
    expect(readFileSync(join(cwd, "target.txt"), "utf8")).toBe("mine");
    const fault = expect.stringContaining("is what the page shows");
    expect(await write("--html", "./out.jsonl", "--force")).toMatchObject({ code: 2, stderr: fault });
  });

  test("--open hands a page in a private folder to the program that opens pages", async () => {
    const opener = `#!/bin/sh\nprintf %s "$1" > "${"$"}OPENED.tmp" && mv "${"$"}OPENED.tmp" "${"$"}OPENED"\n`;
    const cwd = createFolder({ "out.jsonl": fileOf(lines) });
    writeFileSync(join(cwd, "xdg-open"), opener, { mode: 0o755 });
    const env = { PATH: `${cwd}:${process.env["PATH"]}`, OPENED: join(cwd, "opened"), TMPDIR: cwd };
    const { code, stdout } = await steer(["report", "out.jsonl", "--open"], { cwd, env });
    const [path = ""] = stdout.split(" shows ");
    expect(code).toBe(0);
    await expect.poll(() => readFileSync(join(cwd, "opened"), "utf8")).toBe(path);
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(statSync(join(path, "..")).mode & 0o077).toBe(0);
    const alone = await steer(["report", "out.jsonl", "--open"], { cwd, env: { PATH: "/nowhere", TMPDIR: cwd } });
    expect(alone).toMatchObject({ code: 0, stderr: expect.stringContaining("in a browser") });
  });
});

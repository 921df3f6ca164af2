import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createFolder, jsonLines, outputLines, reports, steer, toolFile } from "./steer.ts";

/** A tool in a module, which keeps a diary of what it was asked. */
const diaryTool = `
import { appendFileSync } from "node:fs";
export default {
  name: "diary", version: "1.0.0", description: "",
  async execute(request: { report: string }, _options: object, context: any) {
    appendFileSync("diary.txt", request.report + "\\n");
    context.reportUsage({ inputTokens: 1, outputTokens: 1, totalTokens: 2 }, 0.01);
    if (request.report.endsWith("7")) throw "no sevens";
    return request.report.length;
  },
};`;

describe("steer run", () => {
  test("gives each input one line with its consensus, confidence, cost and evidence", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(20) });
    const { code, stdout, stderr } = await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("20 of 20 inputs done");
    const lines = outputLines(cwd);
    expect(lines.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([...Array(20).keys()]);
    for (const line of lines) {
      expect(line).toMatchObject({ input: { report: `report ${line.index}` }, status: "completed", costUsd: 0 });
      expect(line.consensus).toEqual(line.output.content.evidenceBundle.summary.consensus);
      const { confidence } = line.output.content.evidenceBundle.summary;
      expect(line.confidence).toBe(Number(confidence.toFixed(9).slice(0, 5)));
      expect(line.output.content.evidenceBundle.meta.source).toBe("simulated");
    }
  });

  test("in a pipe it prints a plain line for each input, and says that simulated answers are simulated", async () => {
    const cwd = createFolder({ "triage.yaml": toolFile(), "in.jsonl": reports(3) });
    const { stdout } = await steer(["run", "triage.yaml", "-i", "in.jsonl"], { cwd });
    expect(stdout).toMatch(
      /^1\/3 {2}#\d {2}completed {2}\d simulated answers {2}confidence 0\.\d\d {2}\$0\.00 .*\{"severity":"(low|high)"\}$/m,
    );
    expect(stdout).not.toContain("\x1b");
  });

  test("one input is shown in full: replicates, votes, consensus", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const { stdout } = await steer(["run", "triage.json", "-i", '{"report":"x"}', "--k", "2"], { cwd });
    expect(stdout).toMatch(
      /replicate +answer +votes\n +r1 .* 2 of 2\n +r2 .* 2 of 2\n +consensus .*\n +2 simulated answers/,
    );
  });

  test.each([
    ["in.jsonl", "\n\n"],
    ["in.json", "[]"],
    ["in.csv", "report\n"],
    ["stdin", ""],
  ])("where %s holds no requests it says so, and is done", async (name, content) => {
    const isPipe = name === "stdin";
    const cwd = createFolder({ "triage.json": toolFile(), ...(!isPipe && { [name]: content }) });
    const { code, stderr } = await steer(["run", "triage.json", "-i", isPipe ? "-" : name], { cwd, input: content });
    expect({ code, stderr }).toEqual({ code: 0, stderr: `${name} holds no requests: there is nothing to ask.\n` });
  });

  test("a file whose requests are all answered already is not one without requests", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(1) });
    const command = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"];
    await steer(command, { cwd });
    expect(await steer(command, { cwd })).toMatchObject({ code: 0, stderr: "" });
  });

  test("--json prints the same lines, and keeps what is for people off standard output", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const { stdout, stderr } = await steer(["run", "triage.json", "--json", "-o", "out.jsonl"], {
      cwd,
      input: reports(5),
    });
    const [first, ...others] = outputLines(cwd);
    const { job, ...answer } = first;
    expect(jsonLines(stdout)).toEqual([answer, ...others]);
    expect(job).toMatchObject({ tool: { name: "triage" }, asks: { model: "simulated:?error=0.05" }, options: {} });
    expect(stderr).toContain("5 inputs done");
  });

  test("a line of text fills the only variable of the prompt", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.txt": "first\nsecond\n" });
    await steer(["run", "triage.json", "-i", "in.txt", "-o", "out.jsonl"], { cwd });
    expect(
      outputLines(cwd)
        .map(({ input }) => input)
        .toSorted(),
    ).toEqual(["first", "second"]);
  });

  test("ends with the short form of the job's report, of all lines of its output file", async () => {
    const cwd = createFolder({ "triage.json": toolFile("simulated:?error=0.4"), "in.jsonl": reports(30) });
    const parameters = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl", "--min-confidence", "0.8"];
    await steer([...parameters, "--limit", "20"], { cwd });
    const { stdout } = await steer(parameters, { cwd });
    const [, end = ""] = stdout.split("30 lines in out.jsonl.\n");
    const report = JSON.parse(
      (await steer(["report", "out.jsonl", "--min-confidence", "0.8", "--json"], { cwd })).stdout,
    );
    const { confidence, leastSure, contested } = report;
    expect(confidence.count).toBe(30);
    const words = end.replaceAll("\n", " ");
    expect(words).toContain(`Mean confidence ${confidence.mean.toFixed(2)}`);
    expect(words).toContain(`${confidence.below} of 30 are below 0.80.`);
    expect(words).toContain(
      `Least sure in out.jsonl: line ${leastSure[0].line} (${leastSure[0].confidence.toFixed(2)})`,
    );
    expect(words).toContain(`/severity (${contested.fields[0].contested} of 30)`);
    expect(words).toContain("More: steer report out.jsonl");
  });

  test("a job that was stopped and gone on with has the numbers of one that was not", async () => {
    const files = { "triage.json": toolFile("simulated:?error=0.4"), "in.jsonl": reports(30) };
    const command = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.csv", "--min-confidence", "0.8"];
    const [whole, resumed] = [createFolder(files), createFolder(files)];
    await steer(command, { cwd: whole });
    for (const limit of ["7", "19"]) await steer([...command, "--limit", limit], { cwd: resumed });
    await steer(command, { cwd: resumed });
    const table = (cwd: string) => readFileSync(join(cwd, "out.csv"), "utf8");
    expect(table(resumed)).toBe(table(whole));
    const report = async (cwd: string) => {
      const { stdout } = await steer(["report", "out.csv", "--min-confidence", "0.8", "--json"], { cwd });
      return JSON.parse(stdout);
    };
    const [one, other] = [await report(whole), await report(resumed)];
    expect(other.confidence).toEqual(one.confidence);
    const rows = table(whole).trim().split("\r\n").slice(1);
    expect(rows.filter((row) => row.includes("below-min-confidence"))).toHaveLength(one.confidence.below);
    const confidences = rows.map((row) => Number(/,(0\.\d+),completed,/.exec(row)?.[1]));
    // A table has three digits.
    expect(Math.min(...confidences)).toBe(Number(one.leastSure[0].confidence.toFixed(3)));
    expect(confidences.reduce((sum, each) => sum + each, 0) / rows.length).toBeCloseTo(one.confidence.mean, 3);
  });

  test("says once, before the answers, that no answer can reach --min-confidence", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(12) });
    const { stdout } = await steer(["run", "triage.json", "-i", "in.jsonl", "-c", "1", "--min-confidence", "0.99"], {
      cwd,
    });
    expect(stdout.split("No answer can reach qualityRequirements.minConfidence = 0.99.")).toHaveLength(2);
    expect(stdout.indexOf("No answer can reach")).toBeLessThan(stdout.indexOf("1/12"));
  });

  test("the same command again asks nothing; with more inputs it asks for those alone", async () => {
    const cwd = createFolder({ "diary.ts": diaryTool, "in.jsonl": reports(5) });
    const parameters = ["run", "diary.ts", "-i", "in.jsonl", "-o", "out.jsonl"];
    await steer(parameters, { cwd });
    const before = readFileSync(join(cwd, "out.jsonl"), "utf8");
    expect((await steer(parameters, { cwd })).stdout).toBe("5 of 5 inputs done, $0.05. 5 lines in out.jsonl.\n");
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8")).toBe(before);
    writeFileSync(join(cwd, "in.jsonl"), reports(7));
    await steer(parameters, { cwd });
    expect(readFileSync(join(cwd, "diary.txt"), "utf8").trim().split("\n").toSorted()).toEqual(
      Array.from({ length: 7 }, (_, index) => `report ${index}`),
    );
  });

  test("failures end with 1 and keep their lines; --retry-failed asks for those alone", async () => {
    const cwd = createFolder({ "diary.ts": diaryTool, "in.jsonl": reports(10) });
    const parameters = ["run", "diary.ts", "-i", "in.jsonl", "-o", "out.jsonl"];
    const { code, stdout } = await steer(parameters, { cwd });
    expect(code).toBe(1);
    expect(stdout).toContain("no sevens");
    expect(stdout).toContain("1 without an answer");
    expect(outputLines(cwd).filter(({ status }) => status === "failed")).toMatchObject([{ index: 7 }]);
    writeFileSync(join(cwd, "diary.ts"), diaryTool.replace('endsWith("7")', 'endsWith("none")'));
    expect((await steer([...parameters, "--retry-failed"], { cwd })).code).toBe(0);
    expect(outputLines(cwd)).toHaveLength(10);
    expect(readFileSync(join(cwd, "diary.txt"), "utf8").match(/report 7/g)).toHaveLength(2);
    expect(readFileSync(join(cwd, "diary.txt"), "utf8").match(/report 6/g)).toHaveLength(1);
  });

  test("--max-cost-usd ends the job with 3 before it is passed, and a higher one goes on", async () => {
    const cwd = createFolder({ "diary.ts": diaryTool.replace("7", "none"), "in.jsonl": reports(10) });
    const parameters = ["run", "diary.ts", "-i", "in.jsonl", "-o", "out.jsonl", "--max-cost-usd"];
    const first = await steer([...parameters, "0.055"], { cwd });
    expect(first).toMatchObject({ code: 3 });
    expect(first.stderr).toContain("Raise it, and run the same again.");
    expect(outputLines(cwd)).toHaveLength(5);
    expect(await steer([...parameters, "0.2"], { cwd })).toMatchObject({ code: 0 });
    expect(outputLines(cwd)).toHaveLength(10);
  });

  test("--output x.csv gives a table in the order of the inputs, goes on with it, and leaves an edited one alone", async () => {
    const sheet = `id;report\r\n${Array.from({ length: 9 }, (_, index) => `00${index};"text; ${index}"\r\n`).join("")};\r\n`;
    const cwd = createFolder({ "triage.json": toolFile(), "in.csv": sheet });
    const command = ["run", "triage.json", "-i", "in.csv", "-o", "out.csv"];
    const first = await steer([...command, "--limit", "4"], { cwd });
    expect(first.stdout).toContain("4 of 4 inputs done, $0.00. 4 lines in out.csv.");
    const { code, stderr } = await steer(command, { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "in.csv: 1 row without any value, skipped.\n" });
    const table = readFileSync(join(cwd, "out.csv"), "utf8");
    const rows = table.trimEnd().split("\r\n");
    expect(rows[0]).toBe("id;report;severity;confidence;status;flags;error");
    expect(rows.slice(1).map((row) => row.split(/;(?=low|high)/)[0])).toEqual(
      Array.from({ length: 9 }, (_, index) => `00${index};"text; ${index}"`),
    );
    writeFileSync(join(cwd, "out.csv"), `${table}mine`);
    await steer(command, { cwd });
    expect(readFileSync(join(cwd, "out.csv"), "utf8")).toBe(`${table}mine`);
  });

  test("a table that this command did not write is left alone, and so is the input", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.csv": "report\na\n", "out.csv": "mine" });
    const run = (output: string) => steer(["run", "triage.json", "-i", "in.csv", "-o", output], { cwd });
    expect(await run("out.csv")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^out\.csv is there already/),
    });
    expect(await run("./in.csv")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^\.\/in\.csv is --input as well\. .*answers-in\.csv/),
    });
    expect(readFileSync(join(cwd, "out.csv"), "utf8")).toBe("mine");
    expect(await run("out.xlsx")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^out\.xlsx would be an Excel workbook .*Give --output out\.csv/),
    });
    expect(existsSync(join(cwd, "out.xlsx"))).toBe(false);
  });

  test("a prompt into which nothing of the inputs goes is said, where there are several", async () => {
    const cwd = createFolder({ "t.json": toolFile("simulated:", { prompt: "Sort {report}" }), "in.jsonl": reports(3) });
    const run = (...more: string[]) => steer(["run", "t.json", "-i", "in.jsonl", "--k", "1", ...more], { cwd });
    expect(await run()).toMatchObject({ code: 0, stderr: expect.stringMatching(/^The prompt is the same for every/) });
    expect(await run("--limit", "1")).toMatchObject({ code: 0, stderr: "" });
  });

  test("a device takes the answers, and the job succeeds without its report", async () => {
    const cwd = createFolder({ "t.json": toolFile(), "in.jsonl": reports(3) });
    const { code, stderr } = await steer(["run", "t.json", "-i", "in.jsonl", "-o", "/dev/null"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("--sample draws the same inputs again and grows; --fresh begins anew and keeps what was there", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(30) });
    const command = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"];
    await steer([...command, "--sample", "3", "--shuffle"], { cwd });
    const drawn = outputLines(cwd).map(({ index }) => index);
    expect(drawn).toHaveLength(3);
    expect(outputLines(cwd)[0].job.sample).toEqual({ count: 3, seed: 1 });
    const more = await steer([...command, "--sample", "5"], { cwd });
    expect(more.stdout).toContain("5 of 5 inputs done");
    expect(outputLines(cwd).map(({ index }) => index)).toEqual([...drawn, expect.any(Number), expect.any(Number)]);
    const other = await steer([...command, "--k", "2"], { cwd });
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("--k was not given, and is 2") });
    const fresh = await steer([...command, "--k", "2", "--sample", "2", "--fresh"], { cwd });
    expect(fresh).toMatchObject({ code: 0, stderr: "What out.jsonl held is in out.jsonl.old now.\n" });
    expect(outputLines(cwd)).toHaveLength(2);
    expect(jsonLines(readFileSync(join(cwd, "out.jsonl.old"), "utf8"))).toHaveLength(5);
  });

  test("fewer inputs than before are refused, from a file and from a pipe", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(5), "less.jsonl": reports(2) });
    await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"], { cwd });
    const refused = {
      code: 2,
      stderr: expect.stringMatching(/has 5 answers, and (less\.jsonl|stdin) only 2 inputs: 3 would/),
    };
    expect(await steer(["run", "triage.json", "-i", "less.jsonl", "-o", "out.jsonl"], { cwd })).toMatchObject(refused);
    expect(await steer(["run", "triage.json", "-o", "out.jsonl"], { cwd, input: reports(2) })).toMatchObject(refused);
    expect(outputLines(cwd)).toHaveLength(5);
  });

  test("a folder is an input, and so is a column of paths; a document that has changed is another input", async () => {
    const tool = toolFile("simulated:", { prompt: "What is it?", files: "{{path}}" });
    const cwd = createFolder({ "t.json": tool, "note.txt": "one" });
    mkdirSync(join(cwd, "scans"));
    for (const name of ["b.txt", "a.txt", ".hidden"]) writeFileSync(join(cwd, "scans", name), `text of ${name}`);
    writeFileSync(join(cwd, "scans", "list.csv"), "id,path\n7,a.txt\n8,../note.txt\n");
    const folder = await steer(["run", "t.json", "-i", "scans", "-o", "out.jsonl", "-c", "1"], { cwd });
    expect(folder).toMatchObject({ code: 0, stderr: "" });
    expect(outputLines(cwd).map(({ input }) => input)).toEqual([
      { path: "a.txt" },
      { path: "b.txt" },
      { path: "list.csv" },
    ]);
    const table = ["run", "t.json", "-i", "scans/list.csv", "-o", "table.jsonl"];
    expect(await steer(table, { cwd })).toMatchObject({ code: 0, stderr: "" });
    writeFileSync(join(cwd, "note.txt"), "two");
    expect(await steer(table, { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("this input has changed"),
    });
    writeFileSync(join(cwd, "note.txt"), "");
    expect(await steer([...table, "--fresh"], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^scans\/list\.csv:3: .*note\.txt is empty/m),
    });
  });
});

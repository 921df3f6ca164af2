import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createFolder, jsonLines, reports, startSteer, steer, toolFile } from "./steer.ts";

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

const linesOf = (folder: string) => jsonLines(readFileSync(join(folder, "out.jsonl"), "utf8"));

describe("steer run", () => {
  test("gives each input one line with its consensus, confidence, cost and evidence", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(20) });
    const { code, stdout, stderr } = await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("20 of 20 inputs done");
    const lines = linesOf(cwd);
    expect(lines.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([...Array(20).keys()]);
    for (const line of lines) {
      expect(line).toMatchObject({ input: { report: `report ${line.index}` }, status: "completed", costUsd: 0 });
      expect(line.consensus).toEqual(line.output.content.evidenceBundle.summary.consensus);
      expect(line.confidence).toBe(line.output.content.evidenceBundle.summary.confidence);
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

  test("--json prints the same lines, and keeps what is for people off standard output", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const { stdout, stderr } = await steer(["run", "triage.json", "--json", "-o", "out.jsonl"], {
      cwd,
      input: reports(5),
    });
    expect(jsonLines(stdout)).toEqual(linesOf(cwd));
    expect(stderr).toContain("5 inputs done");
  });

  test("a line of text fills the only variable of the prompt", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.txt": "first\nsecond\n" });
    await steer(["run", "triage.json", "-i", "in.txt", "-o", "out.jsonl"], { cwd });
    expect(
      linesOf(cwd)
        .map(({ input }) => input)
        .toSorted(),
    ).toEqual(["first", "second"]);
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
    expect(linesOf(cwd).filter(({ status }) => status === "failed")).toMatchObject([{ index: 7 }]);
    writeFileSync(join(cwd, "diary.ts"), diaryTool.replace('endsWith("7")', 'endsWith("none")'));
    expect((await steer([...parameters, "--retry-failed"], { cwd })).code).toBe(0);
    expect(linesOf(cwd)).toHaveLength(10);
    expect(readFileSync(join(cwd, "diary.txt"), "utf8").match(/report 7/g)).toHaveLength(2);
    expect(readFileSync(join(cwd, "diary.txt"), "utf8").match(/report 6/g)).toHaveLength(1);
  });

  test("--max-cost-usd ends the job with 3 before it is passed, and a higher one goes on", async () => {
    const cwd = createFolder({ "diary.ts": diaryTool.replace("7", "none"), "in.jsonl": reports(10) });
    const parameters = ["run", "diary.ts", "-i", "in.jsonl", "-o", "out.jsonl", "--max-cost-usd"];
    const first = await steer([...parameters, "0.055"], { cwd });
    expect(first).toMatchObject({ code: 3 });
    expect(first.stderr).toContain("Raise it, and run the same again.");
    expect(linesOf(cwd)).toHaveLength(5);
    expect(await steer([...parameters, "0.2"], { cwd })).toMatchObject({ code: 0 });
    expect(linesOf(cwd)).toHaveLength(10);
  });
});

describe("what cannot be used is named, before anything is asked", () => {
  test.each([
    { file: "t.json", content: '{\n  "name": "x",\n  "model": }', fault: "t.json:3:12: Unexpected token '}'" },
    { file: "t.json", content: toolFile().slice(0, -1), fault: /t.json:1:\d+: Expected ',' or '}'/ },
    { file: "t.yaml", content: 'name: x\nprompt: "half', fault: /t.yaml:2:\d+: Missing closing/ },
    { file: "t.yaml", content: "name: x\nmodel: [a\nprompt: y", fault: /t.yaml:\d:\d+: / },
    { file: "t.yaml", content: "name: x\nmodel: m:x\npromt: hi", fault: /t.yaml:3:1: promt: .*did you mean "prompt"/ },
    {
      file: "t.yaml",
      content: "name: x\nmodel: m:x\nk: 5\nprompt: hi",
      fault: 't.yaml:3:1: k: got 5; allowed: "k" belongs into defaultOptions',
    },
    { file: "t.yaml", content: "name: x\nprompt: hi", fault: /t.yaml:1:1: "model" is missing/ },
    {
      file: "t.yaml",
      content: "name: x\nmodel: m\nprompt: hi\ndefaultOptions:\n  kk: 1",
      fault: /t.yaml:5:3: defaultOptions.kk: .*did you mean "k"/,
    },
    { file: "t.yaml", content: "- a", fault: "t.yaml:1:1: the file: got" },
    { file: "t.yaml", content: "name: x\nmodel: openia:gpt-5\nprompt: hi", fault: /did you mean "openai:"/ },
    {
      file: "t.ts",
      content: "export const tool = 1;",
      fault: /t.ts: export default: got undefined; allowed: an instance of Tool/,
    },
    {
      file: "t.ts",
      content: "\nthrow new Error('broken inside');",
      fault: /t.ts:2:\d+: the module cannot be loaded: broken inside/,
    },
    { file: "t.toml", content: "", fault: /t.toml is no tool file.*\.yaml/ },
  ])("$file: $fault", async ({ file, content, fault }) => {
    const cwd = createFolder({ [file]: content });
    const { code, stdout, stderr } = await steer(["run", file, "-i", "{}"], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(fault);
    expect(stderr).not.toContain("    at ");
  });

  test.each([
    {
      name: "in.jsonl",
      content: `${reports(3)}{"report":"cut o`,
      fault: /in.jsonl:4:\d+: .*was the file still being written/,
    },
    { name: "in.jsonl", content: `${reports(3)}{"raport":"x"}\n`, fault: /in.jsonl:4: .*\{\{report\}\}/ },
    { name: "in.json", content: '[\n{"report": "x"},\n{"report": }]', fault: /in.json:3:12: / },
    { name: "in.csv", content: "report\na,b\n", fault: /in.csv:2:1: / },
    { name: "in.txt", content: new Uint8Array([0x66, 0xff]), fault: /not UTF-8/ },
  ])("$name: $fault", async ({ name, content, fault }) => {
    const cwd = createFolder({ "triage.json": toolFile(), [name]: content });
    const { code, stderr } = await steer(["run", "triage.json", "-i", name, "-o", "out.jsonl"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(fault);
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8")).toBe("");
  });

  test.skipIf(process.getuid?.() === 0)("a file that may not be read", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(1) });
    chmodSync(join(cwd, "in.jsonl"), 0);
    const { code, stderr } = await steer(["run", "triage.json", "-i", "in.jsonl"], { cwd });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("in.jsonl cannot be read: EACCES") });
  });

  test("a pipe that breaks off keeps the lines of what came before", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const run = await steer(["run", "triage.json", "-o", "out.jsonl"], { cwd, input: `${reports(30)}{"report` });
    expect(run).toMatchObject({ code: 2 });
    expect(run.stderr).toContain("stdin:31:");
    expect(linesOf(cwd)).toHaveLength(30);
  });

  test("an output file of other inputs is refused and left alone", async () => {
    const cwd = createFolder({
      "triage.json": toolFile(),
      "in.jsonl": reports(3),
      "other.jsonl": '{"report":"else"}\n',
    });
    await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"], { cwd });
    const { code, stderr } = await steer(["run", "triage.json", "-i", "other.jsonl", "-o", "out.jsonl"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain("Give another --output");
    expect(linesOf(cwd)).toHaveLength(3);
  });
});

describe("stopping", () => {
  const slow = toolFile("simulated:?latencyMs=40&error=0.05");
  const parameters = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"];

  test("Ctrl-C once finishes what is in flight, says what was kept, and the same command goes on", async () => {
    const cwd = createFolder({ "triage.json": slow, "in.jsonl": reports(400) });
    const run = startSteer(parameters, { cwd });
    await run.printed("\n20/400");
    run.child.kill("SIGINT");
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout).toContain("Finishing what is in flight. Once more stops at once.");
    expect(stdout).toContain("The same command goes on from there.");
    const kept = readFileSync(join(cwd, "out.jsonl"), "utf8");
    expect(linesOf(cwd).length).toBeGreaterThanOrEqual(20);
    expect(linesOf(cwd).length).toBeLessThan(400);
    expect(stdout).toContain(`${linesOf(cwd).length} lines in out.jsonl`);
    expect(await steer(parameters, { cwd })).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8").startsWith(kept)).toBe(true);
    expect(new Set(linesOf(cwd).map(({ index }) => index)).size).toBe(400);
    expect(linesOf(cwd)).toHaveLength(400);
  });

  test("Ctrl-C twice stops at once, whatever is in flight", async () => {
    const stuck = `setTimeout(() => {}, 600_000); process.stdout.write("asked"); return new Promise(() => {});`;
    const cwd = createFolder({ "stuck.ts": `export default { name: "stuck", version: "1", execute() { ${stuck} } };` });
    const run = startSteer(["run", "stuck.ts", "-i", "{}"], { cwd });
    await run.printed("asked");
    run.child.kill("SIGINT");
    await run.printed("Once more stops at once");
    run.child.kill("SIGINT");
    expect(await run.ended).toMatchObject({ code: 130 });
  });

  test("Ctrl-C also ends a job that waits for its pipe", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const run = startSteer(["run", "triage.json", "-o", "out.jsonl"], { cwd });
    run.child.stdin?.write(reports(2));
    await run.printed("\n2 ");
    run.child.kill("SIGINT");
    expect(await run.ended).toMatchObject({ code: 130 });
    expect(linesOf(cwd)).toHaveLength(2);
  });

  test("a reader that goes away ends the job instead of paying on", async () => {
    const cwd = createFolder({ "triage.json": slow, "in.jsonl": reports(400) });
    const run = startSteer([...parameters, "--json"], { cwd });
    await run.printed("\n");
    run.child.stdout?.destroy();
    expect(await run.ended).toMatchObject({ code: 141 });
    expect(linesOf(cwd).length).toBeLessThan(400);
  });

  test("after SIGKILL half-way every input gets exactly one line, and none is asked twice that had one", async () => {
    const cwd = createFolder({ "triage.json": slow, "in.jsonl": reports(300) });
    const run = startSteer([...parameters, "--concurrency", "20"], { cwd });
    await run.printed("\n150/300");
    run.child.kill("SIGKILL");
    expect(await run.ended).toMatchObject({ signal: "SIGKILL" });
    const killed = readFileSync(join(cwd, "out.jsonl"), "utf8");
    const kept = killed.slice(0, killed.lastIndexOf("\n") + 1);
    expect(jsonLines(kept).length).toBeGreaterThanOrEqual(150);
    expect(await steer(parameters, { cwd })).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8").startsWith(kept)).toBe(true);
    expect(
      linesOf(cwd)
        .map(({ index }) => index)
        .toSorted((a, b) => a - b),
    ).toEqual([...Array(300).keys()]);
  });
});

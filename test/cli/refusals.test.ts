import { closeSync, openSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startOpenAIServer } from "../support/openai-server.ts";
import { createFolder, outputLines, reports, steer, toolFile } from "./steer.ts";

describe("unusable input is named before anything is asked", () => {
  test("a broken tool file is named with its line and column, without a stack", async () => {
    const cwd = createFolder({ "t.yaml": 'name: x\nprompt: "half' });
    const { code, stdout, stderr } = await steer(["run", "t.yaml", "-i", "{}"], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^t.yaml:2:\d+: Missing closing.*\n 2 \| prompt: "half\n/);
    expect(stderr).not.toContain("    at ");
  });

  test("tool files that limit a model differently are refused by a worker, which keeps the limits of all", async () => {
    const fileOf = (name: string, maxConcurrent: number) =>
      toolFile(undefined, { name, limits: { openai: { maxConcurrent } } });
    const cwd = createFolder({ "a.json": fileOf("a", 3), "b.json": fileOf("b", 4) });
    const { code, stderr } = await steer(["worker", "--tools", "a.json", "b.json"], { cwd });
    expect(stderr).toContain("limits.openai: the files of these tools differ, b the last.");
    expect(code).toBe(2);
  });

  test.each([
    {
      name: "in.jsonl",
      content: `${reports(3)}{"report":"cut o`,
      fault: /in.jsonl:4:\d+: .*was the file still being written/,
    },
    { name: "in.jsonl", content: `${reports(3)}{"raport":"x"}\n`, fault: /in.jsonl:4: .*\{\{report\}\}/ },
    { name: "in.json", content: '[\n{"report": "x"},\n{"report": }]', fault: /in.json:3:12: / },
    { name: "in.csv", content: "report\na,b\n", fault: /in.csv:2:3: this row has 2 columns/ },
    {
      name: "in.jsonl",
      content: `${reports(3)}{"report":"x","more":[1,{"sum":-1e999}]}\n`,
      fault: /^in.jsonl:4: more.1.sum: got -Infinity; allowed: a number/m,
    },
    { name: "in.jsonl", content: "1e999\n", fault: /^in.jsonl:1: got Infinity/m },
    { name: "in.json", content: '[{"report":"x"},{"report":1e999}]', fault: /^in.json\[1\]: report: got Infinity/m },
    {
      name: "in.jsonl",
      content: `${reports(3)}{"report":${"[".repeat(200_000)}${"]".repeat(200_000)}}\n`,
      fault: /^in.jsonl:4: report.0.0.0.*…: got a deeper value; allowed: a tree of at most 1000 levels/m,
    },
    { name: "in.jsonl", content: `${reports(1)}{"report":"a\0b"}\n`, fault: /^in.jsonl:2:13: Bad control character/m },
    { name: "in.txt", content: new Uint8Array([0x66, 0xff]), fault: /not UTF-8/ },
  ])("$name: $fault", async ({ name, content, fault }) => {
    const cwd = createFolder({ "triage.json": toolFile(), [name]: content });
    const { code, stderr } = await steer(["run", "triage.json", "-i", name, "-o", "out.jsonl"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(fault);
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8")).toBe("");
  });

  test.each([
    ["a number that is none", "limits: [1, .inf]", /^t.yaml:5:\d+: schema.limits.1: got Infinity/],
    ["a value that contains itself", "more: &a [*a]", /^t.yaml:5:\d+: schema.more.0.0.*…: got a deeper value/],
  ])("%s in a tool file is named with its line", async (_, line, fault) => {
    const yaml = `name: t\nmodel: "simulated:"\nprompt: x\nschema:\n  ${line}\n`;
    const { code, stderr } = await steer(["run", "t.yaml", "-i", "{}"], { cwd: createFolder({ "t.yaml": yaml }) });
    expect(code).toBe(2);
    expect(stderr).toMatch(fault);
  });

  test("a fault of the model or the schema is not said of the input that met it first", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(2) });
    const run = await steer(["run", "triage.json", "-i", "in.jsonl", "--model", "gpt-5-mini"], { cwd });
    expect(run).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^model "gpt-5-mini" names no provider that is known/m),
    });
  });

  test("the shown content of a faulty file moves no cursor and turns no text", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": `\x1b[2J\u202e${reports(1)}` });
    const { code, stderr } = await steer(["run", "triage.json", "-i", "in.jsonl"], { cwd });
    expect(code).toBe(2);
    expect(stderr.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(stderr).toContain("\\u{202e}");
  });

  test("a name with a slip in it is answered with the file that is there", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "reports.jsonl": reports(1) });
    const advice = (name: string) => expect.stringContaining(`there is no such file (ENOENT). Did you mean ${name}?`);
    const ofTool = await steer(["run", "triag.json", "-i", "reports.jsonl"], { cwd });
    expect(ofTool).toMatchObject({ code: 2, stderr: advice("triage.json") });
    const ofInputs = await steer(["run", "triage.json", "-i", "report.jsonl"], { cwd });
    expect(ofInputs).toMatchObject({ code: 2, stderr: advice("reports.jsonl") });
  });

  test("a ceiling in dollars without a price is told by its flag, and promises no later start", async () => {
    const model = "openai-compatible:http://localhost:1/v1#some-model";
    const cwd = createFolder({ "triage.json": toolFile(model), "in.jsonl": reports(2) });
    const run = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl", "--max-cost-usd", "1"];
    const { code, stdout, stderr } = await steer(run, { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: expect.not.stringContaining("goes on from there") });
    expect(stderr).toMatch(/^--max-cost-usd needs a price for/m);
    const dryRun = await steer([...run, "--dry-run"], { cwd });
    expect(dryRun.stdout).toContain("--max-cost-usd needs it: the job itself would not start.");
  });

  test("a file that cannot be read, also as root", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    symlinkSync("in.jsonl", join(cwd, "in.jsonl"));
    const { code, stderr } = await steer(["run", "triage.json", "-i", "in.jsonl"], { cwd });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("in.jsonl cannot be read: ELOOP") });
  });

  test("a pipe that breaks off keeps the lines of what came before", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const run = await steer(["run", "triage.json", "-o", "out.jsonl"], { cwd, input: `${reports(30)}{"report` });
    expect(run).toMatchObject({ code: 2 });
    expect(run.stderr).toContain("stdin:31:");
    expect(outputLines(cwd)).toHaveLength(30);
  });

  test("a number that is none comes through a pipe as well, and keeps the lines of what came before", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const input = `${reports(3)}{"report":1e999}\n`;
    const run = await steer(["run", "triage.json", "-o", "out.jsonl", "-c", "1"], { cwd, input });
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("stdin:4: report: got Infinity") });
    expect(outputLines(cwd)).toHaveLength(3);
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
    expect(stderr).toContain("another --output");
    expect(outputLines(cwd)).toHaveLength(3);
  });

  test("an output that cannot be written is said, wherever it goes", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": reports(3) });
    const full = openSync("/dev/full", "w");
    onTestFinished(() => closeSync(full));
    const command = ["run", "triage.json", "-i", "in.jsonl"];
    const noSpace = expect.stringMatching(/cannot be written: ENOSPC/);
    expect(await steer([...command, "--json"], { cwd, stdout: full })).toMatchObject({ code: 2, stderr: noSpace });
    expect(await steer([...command, "-o", "/dev/full"], { cwd })).toMatchObject({ code: 2, stderr: noSpace });
  });

  test("a wrong key stops the job at once, and no input gets a line for it", async () => {
    await using server = await startOpenAIServer({ status: 401, error: { message: "Incorrect API key" } });
    const model = `openai-compatible:${server.baseURL}#some-model`;
    const cwd = createFolder({ "triage.json": toolFile(model), "in.jsonl": reports(50) });
    const run = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl", "--concurrency", "2"];
    const { code, stderr } = await steer(run, { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain("Incorrect API key");
    expect(stderr).toContain("Once it is mended, the same command goes on.");
    expect(outputLines(cwd)).toEqual([]);
    expect(server.calls.length).toBeLessThan(20);
  });
});

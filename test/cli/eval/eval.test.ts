import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startOpenAIServer } from "../../support/openai-server.ts";
import { createFolder, startSteer, steer } from "../steer.ts";

const tool = (more: object = {}) =>
  JSON.stringify({
    name: "owner",
    model: "simulated:?error=0.2&truth=billing",
    prompt: "Which team? {{report}}",
    ...more,
  });
const golden = `report,team\n${Array.from({ length: 12 }, (_, at) => `report ${at},${at % 4 > 0 ? "billing" : "login"}`).join("\n")}\n`;
const files = { "owner.json": tool(), "golden.csv": golden };
const ask = ["eval", "owner.json", "-i", "golden.csv", "--truth", "team"];

describe("steer eval", () => {
  test("shows how right each setting is and what it takes, and asks nothing twice", async () => {
    const cwd = createFolder(files);
    const { code, stdout } = await steer([...ask, "-k", "1,3,5"], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/K +stopping +right +95 % interval +answers/);
    expect(stdout.match(/^[* ] +[135] +(none|auto)/gm)).toHaveLength(5);
    expect(stdout).toContain("Answers are simulated: they say nothing about a model.");

    const answers = readFileSync(join(cwd, "eval/owner-k5.jsonl"), "utf8");
    const again = await steer([...ask, "-k", "1,3,5"], { cwd });
    expect(again.stdout).toBe(stdout);
    expect(readFileSync(join(cwd, "eval/owner-k5.jsonl"), "utf8")).toBe(answers);
  });

  test("gives as data what it shows, and the rows that no other betters", async () => {
    const cwd = createFolder(files);
    const { stdout } = await steer([...ask, "-k", "1,5", "--stopping", "none", "--json"], { cwd });
    const { rows } = JSON.parse(stdout);
    const rightAlone = (index: number) => (index % 4 > 0 ? "billing" : "login");
    const lines = readFileSync(join(cwd, "eval/owner-k5.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const right = lines.filter(
      ({ index, output }) => output.content.evidenceBundle.replicates[0].data === rightAlone(index),
    );
    expect(rows[0]).toMatchObject({ k: 1, samples: 1, accuracy: { value: right.length / 12 }, calibrationError: null });
    const wholeRight = lines.filter(({ index, consensus }) => consensus === rightAlone(index));
    expect(rows[1]).toMatchObject({ k: 5, samples: 5, accuracy: { value: wholeRight.length / 12 } });
    expect(rows[1].gain.value).toBeCloseTo((wholeRight.length - right.length) / 12);
  });

  test("fails a gate that nothing reaches, and names the cheapest setting that passes one", async () => {
    const cwd = createFolder(files);
    const low = await steer([...ask, "-k", "1,3", "--min-accuracy", "0.2"], { cwd });
    expect(low.code).toBe(0);
    expect(low.stdout).toMatch(/The cheapest that reaches 20.0 %: K = 1, right in/);
    const high = await steer([...ask, "-k", "1,3", "--min-accuracy", "0.99"], { cwd });
    expect(high.code).toBe(1);
    expect(high.stdout).toContain("No row reaches 99.0 %.");
  });

  test("goes on after a kill, with the answers that were paid for", async () => {
    const slow = {
      "owner.json": tool({ model: "simulated:?error=0.2&truth=billing&latencyMs=150" }),
      "golden.csv": golden,
    };
    const cwd = createFolder(slow);
    const killed = startSteer([...ask, "-k", "3", "-c", "1"], { cwd });
    const output = join(cwd, "eval/owner-k3.jsonl");
    await expect.poll(() => linesOf(output).length).toBeGreaterThan(2);
    killed.child.kill("SIGKILL");
    await killed.ended;
    const before = linesOf(output);
    const { code, stderr } = await steer([...ask, "-k", "3"], { cwd });
    expect(code).toBe(0);
    expect(stderr).toContain("12 of 12 inputs done");
    expect(linesOf(output).slice(0, before.length)).toEqual(before);
    expect(linesOf(output)).toHaveLength(12);
  });

  test("compares models and prompts, each with a file of its own", async () => {
    const cwd = createFolder({ ...files, "better.json": tool({ name: "better", prompt: "Owner of {{report}}?" }) });
    const models = "simulated:?error=0&truth=billing,simulated:?error=0.9&truth=billing";
    const command = ["eval", "owner.json", "better.json", "-i", "golden.csv", "--truth", "team", "-k", "1"];
    const { stdout } = await steer([...command, "--models", models, "--json"], { cwd });
    const { rows } = JSON.parse(stdout);
    expect(rows.map((row: any) => [row.tool, row.model])).toEqual([
      ["owner", "simulated:?error=0&truth=billing"],
      ["owner", "simulated:?error=0.9&truth=billing"],
      ["better", "simulated:?error=0&truth=billing"],
      ["better", "simulated:?error=0.9&truth=billing"],
    ]);
    expect(rows[0].accuracy.value).toBe(0.75);
    expect(rows[1].gain.high).toBeLessThan(0);
  });

  test("judges fields of objects, several at once, as the tool compares them", async () => {
    const schema = {
      type: "object",
      properties: {
        team: { type: "string" },
        days: { type: "number", "x-tolerance": { absolute: 1 } },
        urgent: { type: "boolean" },
      },
      required: ["team", "days", "urgent"],
    };
    const truth = encodeURIComponent(JSON.stringify({ team: "The Billing Team", days: 4, urgent: true }));
    const cwd = createFolder({
      "owner.json": tool({ model: `simulated:?error=0&truth=${truth}`, schema }),
      "golden.csv": "report,who,days,urgent\na,billing team,5,TRUE\nb,billing team,9,true\nc,login team,4,true\n",
    });
    const base = ["eval", "owner.json", "-i", "golden.csv", "-k", "1", "--json"];
    const rightOf = async (...truths: string[]) => {
      const flags = truths.flatMap((each) => ["--truth", each]);
      return JSON.parse((await steer([...base, ...flags], { cwd })).stdout).rows[0].accuracy.value;
    };
    expect(await rightOf("team=who")).toBeCloseTo(2 / 3);
    expect(await rightOf("days", "urgent")).toBeCloseTo(2 / 3);
    expect(await rightOf("team=who", "days", "/urgent=urgent")).toBeCloseTo(1 / 3);
  });

  test("writes a page that needs no network, and shows hostile texts as text", async () => {
    const hostile = "<script>alert(1)</script>";
    const cwd = createFolder({ "owner.json": tool({ name: hostile }), "golden.csv": golden });
    const { stdout } = await steer([...ask, "-k", "1,3", "--html", "page.html"], { cwd });
    expect(stdout).toContain("page.html shows the evaluation.");
    const page = readFileSync(join(cwd, "page.html"), "utf8");
    expect(page).toContain("answers for an input");
    expect(page).not.toContain(hostile);
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
    writeFileSync(join(cwd, "mine.html"), "mine");
    const refused = await steer([...ask, "-k", "1,3", "--html", "mine.html"], { cwd });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") });
  });
});

describe("steer eval refuses", () => {
  test.each([
    [
      "a prompt that shows the right answer",
      tool({ prompt: "{{report}} {{team}}" }),
      golden,
      /owner.json shows \{\{team\}\} to the model/,
    ],
    [
      "an input that does not say what is right",
      tool(),
      "report,team\na,billing\nb,\n",
      /says nothing of what is right.*It has report, team/,
    ],
    ["a column that is not there", tool(), "report,label\na,billing\n", /no value at "team". It has report, label/],
  ])("%s", async (_what, definition, inputs, message) => {
    const cwd = createFolder({ "owner.json": definition, "golden.csv": inputs });
    const { code, stderr } = await steer([...ask, "-k", "1"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test("a field that no answer has, with the spelling that was meant", async () => {
    const truth = encodeURIComponent(JSON.stringify({ team: "billing" }));
    const schema = { type: "object", properties: { team: { type: "string" } } };
    const cwd = createFolder({
      "owner.json": tool({ model: `simulated:?truth=${truth}`, schema }),
      "golden.csv": "report,teams\na,billing\n",
    });
    const { code, stderr } = await steer(["eval", "owner.json", "-i", "golden.csv", "--truth", "teams", "-k", "1"], {
      cwd,
    });
    expect(code).toBe(2);
    expect(stderr).toContain("Did you mean team=teams?");
  });

  test.each([
    ["-k", "1,x"],
    ["-k", "0"],
    ["--stopping", "never"],
    ["--min-accuracy", "2"],
    ["--models", "a,,b"],
  ])("%s %s", async (...flag) => {
    const cwd = createFolder(files);
    expect((await steer([...ask, ...flag], { cwd })).code).toBe(2);
  });

  test("answers of another prompt in its folder, and asks anew with --fresh", async () => {
    const cwd = createFolder(files);
    await steer([...ask, "-k", "1"], { cwd });
    writeFileSync(join(cwd, "owner.json"), tool({ prompt: "Whose? {{report}}" }));
    const { code, stderr } = await steer([...ask, "-k", "1"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/--fresh/);
    expect((await steer([...ask, "-k", "1", "--fresh"], { cwd })).code).toBe(0);
  });
});

test("a larger K asks for the answers that are missing, and counts the others as what they had cost", async () => {
  await using server = await startOpenAIServer({ text: "billing" });
  const model = `openai-compatible:${server.baseURL}#m`;
  const cwd = createFolder({
    "owner.json": tool({ model, prices: { m: { inputPerMillion: 1, outputPerMillion: 1 } } }),
    "golden.csv": golden,
  });
  const costs = async (k: string) =>
    JSON.parse((await steer([...ask, "-k", k, "--json"], { cwd })).stdout).rows.map((row: any) => row.costUsd);
  const [ofOne, ofTwo] = await costs("1,2");
  expect(server.calls).toHaveLength(24);
  expect(ofTwo).toBeCloseTo(2 * ofOne, 10);
  const [again, , , ofThree] = await costs("1,2,3");
  expect(server.calls).toHaveLength(36);
  expect(again).toBeCloseTo(ofOne, 10);
  expect(ofThree).toBeCloseTo(3 * ofOne, 10);
});

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  } catch {
    return [];
  }
}

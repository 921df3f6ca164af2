import { EventEmitter } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, drawn } from "../../../src/cli/label/answer.ts";
import { openKeys } from "../../../src/cli/label/keys.ts";
import { createFolder, jsonLines, startSteer, steer, toolFile } from "../steer.ts";

const count = 30;
const hostile = "line one\nstop\u001b[2J\u001b]0;owned\u0007\u202e";
const inputs = Array.from({ length: count }, (_, index) => ({ id: `bug-${index}`, report: `${hostile} ${index}` }));
const tool = toolFile("simulated:?error=0.4", {
  schema: {
    type: "object",
    properties: { severity: { enum: ["low", "high"] }, area: { enum: ["db", "ui", "api"] } },
    required: ["severity", "area"],
  },
});

/** An output file; made once, and copied into each test's folder. */
let answered: string;

beforeAll(async () => {
  const cwd = mkdtempSync(join(tmpdir(), "steer-label-"));
  writeFileSync(join(cwd, "triage.json"), tool);
  writeFileSync(join(cwd, "in.jsonl"), inputs.map((input) => `${JSON.stringify(input)}\n`).join(""));
  const { stdout } = await steer(["run", "triage.json", "-i", "in.jsonl", "--k", "5", "-c", "1", "--json"], { cwd });
  rmSync(cwd, { recursive: true });
  answered = stdout;
});

const folder = (files: Readonly<Record<string, string | Uint8Array>> = {}) =>
  createFolder({ "out.jsonl": answered, ...files });
const labelsIn = (cwd: string) => jsonLines(readFileSync(join(cwd, "out.jsonl.labels.jsonl"), "utf8"));
const label = (cwd: string, keys: string, ...flags: string[]) =>
  steer(["label", "out.jsonl", ...flags], { cwd, input: [...keys].map((key) => `${key}\n`).join("") });

describe("steer label", () => {
  test("shows question, answer and votes, and keeps each verdict with the way it was drawn, in a private file", async () => {
    const cwd = folder();
    const { code, stdout } = await label(cwd, "rwuq", "--seed", "3");
    expect(code).toBe(0);
    expect(stdout).toMatch(/1 of 30 {3}bug-\d+ {3}out\.jsonl:\d+\nQuestion\n {2}id: bug-\d+\n {2}report: line one\n/);
    expect(stdout).toMatch(
      /Answer\n {2}\{[^}]*"severity": "(low|high)"[^}]*\}\nVotes\n {2}\/\w+ {3}\d (low|high|db|ui|api)/,
    );
    expect(stdout).toContain("2 labels of 30 answers: 1 right, 1 wrong, 1 unsure. Kept in out.jsonl.labels.jsonl");
    const kept = labelsIn(cwd);
    expect(kept.map((line) => line.label)).toEqual([true, false, null]);
    expect(kept[0]).toMatchObject({ draw: "uniform", seed: 3, of: count, fingerprint: expect.any(String) });
    expect(statSync(join(cwd, "out.jsonl.labels.jsonl")).mode & 0o777).toBe(0o600);
  });

  test("shows hostile texts as text", async () => {
    const { stdout } = await label(folder(), "q");
    expect(stdout).toContain("line one");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through.
    expect(stdout).not.toMatch(/[\u0007\u001b\u202e]/);
  });

  test("goes on where it ended, in the order of the same draw, and asks nothing twice", async () => {
    const [inOne, inTwo] = [folder(), folder()];
    await label(inOne, "rwrwrw", "--seed", "5", "--draw", "stratified");
    await label(inTwo, "rwr", "--seed", "5", "--draw", "stratified");
    await label(inTwo, "wrw");
    expect(labelsIn(inTwo)).toEqual(labelsIn(inOne));
    expect(new Set(labelsIn(inTwo).map(({ fingerprint }) => fingerprint)).size).toBe(6);
  });

  test("goes back to answers of this sitting and of earlier ones, of which the last verdict counts", async () => {
    const cwd = folder();
    await label(cwd, "rr");
    const { stdout } = await label(cwd, "bwbbuq");
    expect(stdout).toContain("labelled right");
    expect(stdout).toContain("1 label of 30 answers: 0 right, 1 wrong, 1 unsure.");
  });

  test("takes verdicts field by field", async () => {
    const cwd = folder();
    const { stdout } = await label(cwd, "frwfurfrrq");
    expect(labelsIn(cwd).map((line) => line.label)).toEqual([
      { "/severity": true, "/area": false },
      { "/area": true },
      { "/severity": true, "/area": true },
    ]);
    // Of the second, nothing is known of the whole.
    expect(stdout).toContain("2 labels of 30 answers: 1 right, 1 wrong.");
  });

  test("tells what the labels change, and gives them to the calibration that steer run and steer view read", async () => {
    const cwd = folder();
    const few = await label(cwd, "rrrq");
    expect(few.stdout).toContain("Confidence is corrected from 10 labels on: 7 more.");
    const enough = await label(cwd, "wwwwwwwwwwwwwwwwwq");
    expect(enough.stdout).toMatch(/without labels +0\.\d\d +0\.\d\d +0\.15\n +with labels +0\.\d\d +0\.\d\d +0\.15\n/);
    const [, before, after] =
      /error of the confidence, 0 is best: (0\.\d\d) without labels, (0\.\d\d) with/.exec(enough.stdout) ?? [];
    expect(Number(after)).toBeLessThan(Number(before));
    const [name = ""] = readdirSync(join(cwd, ".steer/calibrations")).filter((file) => file.endsWith(".json"));
    const { labels } = JSON.parse(readFileSync(join(cwd, ".steer/calibrations", name), "utf8"));
    expect(labels.map(({ correct }: any) => correct).filter(Boolean)).toHaveLength(3);
    expect(labels).toHaveLength(20);
  });

  test("says when every answer is judged", async () => {
    const cwd = createFolder({ "out.jsonl": answered.split("\n").slice(0, 2).join("\n") });
    expect((await label(cwd, "rw")).stdout).toContain("Every answer is judged.");
    expect((await label(cwd, "")).stdout).toContain("2 labels of 2 answers");
  });

  test("keeps every label of a process that is killed, and goes on after a line that was cut short", async () => {
    const cwd = folder();
    const { child, printed, ended } = startSteer(["label", "out.jsonl", "--seed", "1"], { cwd });
    child.stdin?.write("r\nw\n");
    await printed("3 of 30");
    child.kill("SIGKILL");
    await ended;
    expect(labelsIn(cwd).map((line) => line.label)).toEqual([true, false]);
    appendFileSync(join(cwd, "out.jsonl.labels.jsonl"), '{"label":true,"id":"bu');
    const { stdout, stderr } = await label(cwd, "rq");
    expect([stdout, stderr].join()).toContain("3 labels of 30 answers: 2 right, 1 wrong.");
  });

  test("stops at a line that is no key, and keeps what came before", async () => {
    const cwd = folder();
    const { code, stderr } = await label(cwd, "rx");
    expect([code, stderr]).toEqual([
      2,
      'stdin:2: "x" is not a key here. Give one of r, w, f, u, b, q. The labels before it are kept.\n',
    ]);
    expect(labelsIn(cwd)).toHaveLength(1);
  });

  const refused: [string, string | Uint8Array | undefined, RegExp][] = [
    ["a file that is not there", undefined, /x\.jsonl cannot be read: there is no such file \(ENOENT\)/],
    ["an empty file", "", /x\.jsonl is empty\. Give the --output of a steer run that has answered/],
    ["the inputs of a job", '{"report":"a"}\n', /x\.jsonl:1: this line is not an answer of steer run\. Give the file/],
    ["a file that is not JSON", "a;b\n1;2\n", /x\.jsonl:1/],
    ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0x00, 0xd8, 0x01]), /x\.jsonl/],
    [
      "an output without an answer",
      `${JSON.stringify({ index: 0, fingerprint: "f", input: {}, status: "failed", output: { content: null } })}\n`,
      /x\.jsonl has 1 line, and none with a valid answer/,
    ],
    [
      "a bundle that is not whole",
      `${JSON.stringify({ index: 0, fingerprint: "f", output: { content: { evidenceBundle: { replicates: [] } } } })}\n`,
      /x\.jsonl:1 holds no whole evidence bundle/,
    ],
  ];
  for (const [name, content, message] of refused)
    test(`refuses ${name}, and leaves no file behind`, async () => {
      const cwd = createFolder(content === undefined ? {} : { "x.jsonl": content });
      const { code, stderr } = await steer(["label", "x.jsonl"], { cwd });
      expect(code).toBe(2);
      expect(stderr).toMatch(message);
      expect(readdirSync(cwd)).toEqual(content === undefined ? [] : ["x.jsonl"]);
    });

  test("leaves a labels file alone that it did not write", async () => {
    const cwd = folder({ "out.jsonl.labels.jsonl": "mine\n" });
    const { code, stderr } = await label(cwd, "r");
    expect([code, stderr]).toEqual([2, expect.stringContaining("was not written by this command")]);
    expect(readFileSync(join(cwd, "out.jsonl.labels.jsonl"), "utf8")).toBe("mine\n");
  });
});

describe("a draw of answers", () => {
  const answers = Array.from({ length: 100 }, (_, index) => ({ id: `${index}`, confidence: index / 100 }) as Answer);
  const ids = (list: readonly Answer[]) => list.map(({ id }) => id);

  test("gives every answer once, in an order that its seed decides", () => {
    for (const draw of ["uniform", "stratified"] as const) {
      expect(ids(drawn(answers, draw, 1)).toSorted()).toEqual(ids(answers).toSorted());
      expect(ids(drawn(answers, draw, 1))).toEqual(ids(drawn(answers, draw, 1)));
      expect(ids(drawn(answers, draw, 1))).not.toEqual(ids(drawn(answers, draw, 2)));
    }
  });

  test("gives a uniform draw the mean confidence of the job, and a stratified one an answer of each stratum in turn", () => {
    const meanOf = (list: readonly Answer[]) => list.reduce((sum, { confidence }) => sum + confidence, 0) / list.length;
    const firsts = Array.from({ length: 200 }, (_, seed) => drawn(answers, "uniform", seed)[0] as Answer);
    expect(meanOf(firsts)).toBeCloseTo(meanOf(answers), 1);
    const strata = drawn(answers, "stratified", 4)
      .slice(0, 10)
      .map(({ confidence }) => Math.floor(confidence * 5));
    expect(strata).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  });
});

describe("keys of a terminal", () => {
  function terminal() {
    const modes: boolean[] = [];
    const stdin = Object.assign(new EventEmitter(), {
      isTTY: true,
      setRawMode: (isRaw: boolean) => modes.push(isRaw),
      setEncoding: () => {},
      resume: () => {},
      pause: () => {},
    });
    return { keys: openKeys(stdin as never), press: (text: string) => stdin.emit("data", text), modes };
  }

  test("come as they are pressed, others are refused, and Ctrl-C ends them", async () => {
    const { keys, press, modes } = terminal();
    const refused: string[] = [];
    const first = keys.next("rw", (key) => refused.push(key));
    press("x");
    press("\u001b[A");
    press("R");
    expect(await first).toBe("r");
    expect(refused).toEqual(["x"]);
    press("wu");
    press("\u0003");
    expect([await keys.next("rw"), await keys.next("rw")]).toEqual(["w", undefined]);
    keys.close();
    expect(modes).toEqual([true, false]);
  });
});

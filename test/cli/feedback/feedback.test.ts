import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createFolder, jsonLines, outputLines, steer, toolFile } from "../steer.ts";

const count = 40;
const inputs = Array.from({ length: count }, (_, index) => ({ id: `bug-${index}`, report: `report ${index}` }));
const toLines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");

/** An output file of forty answers; made once, and copied into each test's folder. */
let answered: string;

beforeAll(async () => {
  const cwd = mkdtempSync(join(tmpdir(), "steer-feedback-"));
  writeFileSync(join(cwd, "triage.json"), toolFile("simulated:?error=0.4"));
  writeFileSync(join(cwd, "in.jsonl"), toLines(inputs));
  const { stdout } = await steer(["run", "triage.json", "-i", "in.jsonl", "--k", "5", "--json"], { cwd });
  rmSync(cwd, { recursive: true });
  answered = stdout;
});

function folderWithAnswers(files: Readonly<Record<string, string>> = {}): string {
  return createFolder({ "out.jsonl": answered, ...files });
}

function keptLabels(cwd: string): { path: string; document: any } {
  const folder = join(cwd, ".steer/calibrations");
  const [name] = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return { path: name!, document: JSON.parse(readFileSync(join(folder, name!), "utf8")) };
}

describe("steer feedback", () => {
  test("keeps who was right, by task, model and schema, and says how many labels are still needed", async () => {
    const cwd = folderWithAnswers();
    const { code, stdout } = await steer(["feedback", "out.jsonl", "--correct", "bug-1, bug-2", "--wrong", "bug-7"], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^3 labels: 2 right, 1 wrong\.\ntriage, .*\n {2}3 labels of the 10 that it takes/);
    const { path, document } = keptLabels(cwd);
    expect(stdout).toContain(join(".steer/calibrations", path));
    expect(document).toMatchObject({
      version: 1,
      task: "triage",
      schemaFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const lines = outputLines(cwd);
    const fingerprintOf = (id: string) => lines.find(({ input }) => input.id === id).fingerprint;
    expect(document.labels.map(({ id, correct }: any) => [id, correct]).toSorted()).toEqual(
      [
        [fingerprintOf("bug-1"), true],
        [fingerprintOf("bug-2"), true],
        [fingerprintOf("bug-7"), false],
      ].toSorted(),
    );
  });

  test("compares what was expected with the consensus, and tells the calibration error before and after", async () => {
    const labels = inputs.map(({ id }, index) => ({ id, expected: { severity: index % 4 === 0 ? "low" : "high" } }));
    const cwd = folderWithAnswers({ "labels.jsonl": toLines(labels) });
    const { code, stdout } = await steer(["feedback", "out.jsonl", "--labels", "labels.jsonl"], { cwd });
    expect(code).toBe(0);
    const lines = outputLines(cwd);
    const right = lines.filter(({ input, consensus }) => {
      const { expected } = labels.find(({ id }) => id === input.id)!;
      return consensus.severity === expected.severity;
    });
    expect(stdout).toContain(`40 labels: ${right.length} right, ${40 - right.length} wrong.`);
    expect(stdout).toMatch(
      /From 40 labels\. Calibration error \d+\.\d points before, \d+\.\d after \(cross-validated\)\./,
    );
    expect(keptLabels(cwd).document.calibration).toMatchObject({
      n: 40,
      calibrationError: { before: expect.any(Number) },
    });
  });

  test("compares the fields that a label gives, and no other, inner ones included", async () => {
    const lines = jsonLines(answered).slice(0, 3);
    for (const { output } of lines) {
      output.content.evidenceBundle.summary.consensus = {
        severity: "high",
        due: "2026-01-02",
        where: { file: "a", line: 3 },
      };
    }
    const labels = [{ severity: "High" }, { where: { line: 3 } }, { severity: "high", where: { line: 4 } }].map(
      (expected, index) => ({ id: lines[index].input.id, expected }),
    );
    const cwd = createFolder({ "out.jsonl": toLines(lines), "labels.jsonl": toLines(labels) });
    const { code, stdout } = await steer(["feedback", "out.jsonl", "--labels", "labels.jsonl"], { cwd });
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("3 labels: 2 right, 1 wrong.") });
  });

  test.each([
    ["Paris, France", "Paris", true],
    ["Paris, France.", "paris", true],
    ["Paris, France", "Paris, France", true],
    ["Paris", "Paris, France", false],
    ["Tripoli, Libya", "Tripoli, Lebanon", false],
    ["France", "Paris", false],
    ["Paris, Texas", "Paris", false],
  ])("of %j where %j was expected: %s, as a country behind the place adds nothing", async (given, place, isRight) => {
    const [line] = jsonLines(answered);
    line.output.content.evidenceBundle.summary.consensus = { place: given };
    const labels = [{ id: line.input.id, expected: { place } }];
    const cwd = createFolder({ "out.jsonl": toLines([line]), "labels.jsonl": toLines(labels) });
    const { stdout } = await steer(["feedback", "out.jsonl", "--labels", "labels.jsonl"], { cwd });
    expect(stdout).toContain(isRight ? "1 label: 1 right, 0 wrong." : "1 label: 0 right, 1 wrong.");
  });

  test("from then on steer run and steer view say what the confidence has meant", async () => {
    const labels = inputs.map(({ id }) => ({ id, correct: true }));
    const cwd = folderWithAnswers({
      "labels.jsonl": toLines(labels),
      "triage.json": toolFile("simulated:?error=0.4"),
    });
    await steer(["feedback", "out.jsonl", "--labels", "labels.jsonl"], { cwd });
    const run = await steer(["run", "triage.json", "-i", '{"report":"new"}', "--k", "5", "--json"], { cwd });
    const [line] = jsonLines(run.stdout);
    expect(line.confidence).toBe(line.calibratedConfidence);
    const { confidenceBasis } = line.output.content.evidenceBundle.summary;
    expect(confidenceBasis).toMatchObject({ kind: "labels", labels: count, calibrated: true });
    const { calibratedConfidence } = line.output.content.evidenceBundle.summary;
    expect(String(calibratedConfidence).slice(0, 5)).toBe(String(line.calibratedConfidence).padEnd(5, "0"));
    expect(run.stderr).toContain(`confidence ${line.calibratedConfidence.toFixed(2)}`);
    const { stdout } = await steer(["view", "out.jsonl", "--line", "1"], { cwd });
    expect(stdout).toMatch(/^Calibration$/m);
    expect(stdout).toMatch(/confidence 0\.\d\d {3}without labels 0\.\d\d/);
  });

  test("an input without an id of its own goes by its index", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "in.jsonl": toLines([{ report: "a" }, { report: "b" }]) });
    await steer(["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl"], { cwd });
    expect((await steer(["feedback", "out.jsonl", "--wrong", "1"], { cwd })).stdout).toContain(
      "1 label: 0 right, 1 wrong.",
    );
  });

  test("answers without a valid replicate are left out, and counted", async () => {
    const lines = jsonLines(answered);
    const { evidenceBundle } = lines[0].output.content;
    Object.assign(evidenceBundle.summary, { validCount: 0 });
    lines[1].output.content = null;
    const cwd = folderWithAnswers();
    writeFileSync(join(cwd, "out.jsonl"), toLines(lines));
    const ids = lines.slice(0, 3).map(({ input }) => input.id);
    const { code, stdout } = await steer(["feedback", "out.jsonl", "--correct", ids.join(",")], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain("1 label: 1 right, 0 wrong. 2 labelled inputs without a valid answer left out.");
  });
});

describe("unusable input is named, and nothing is kept", () => {
  test.each([
    ["no label", [], /No label was given. Add --correct, --wrong or --labels\./],
    ["an id that is not there", ["--correct", "bug-1,bug-99,bug-98"], /no answer with the id "bug-99" \(and 1 more\)/],
    ["an id with two labels", ["--correct", "bug-1", "--wrong", "bug-1"], /--wrong: "bug-1" has a label already/],
    [
      "a labels file that is not there",
      ["--labels", "none.jsonl"],
      /^none\.jsonl cannot be read: there is no such file \(ENOENT\)/,
    ],
    ["a label without an id", ["--labels", "no-id.jsonl"], /^no-id\.jsonl:1: not a label: it needs an "id"/],
    ["a label that says nothing", ["--labels", "empty.jsonl"], /^empty\.jsonl:2: .*either "correct" or "expected"/],
    ["a label that says maybe", ["--labels", "maybe.jsonl"], /^maybe\.jsonl:1: .*"correct" to be true or false/],
    ["a labels file that is cut off", ["--labels", "cut.jsonl"], /^cut\.jsonl:1:\d+: /],
  ])("%s", async (_, parameters, fault) => {
    const cwd = folderWithAnswers({
      "no-id.jsonl": '{"correct":true}\n',
      "empty.jsonl": '{"id":"bug-1","correct":true}\n{"id":"bug-2"}\n',
      "maybe.jsonl": '{"id":"bug-1","correct":"maybe"}\n',
      "cut.jsonl": '{"id":"bug-1","corr',
    });
    const { code, stdout, stderr } = await steer(["feedback", "out.jsonl", ...parameters], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(fault);
    expect(stderr).not.toContain("    at ");
    expect(readdirSync(cwd)).not.toContain(".steer");
  });

  test.each([
    [
      "a field that no answer has",
      { severty: "high" },
      /the answers have no field "severty"\. Their fields are severity/,
    ],
    ["a text for an object", "high", /expected is a text, and the answers have an object there/],
    ["a number for a text", { severity: 3 }, /expected\.severity is a number, and the answers have a text there/],
  ])("expected: %s", async (_, expected, fault) => {
    const good = { id: "bug-1", correct: true };
    const cwd = folderWithAnswers({ "labels.jsonl": toLines([good, { id: "bug-2", expected }]) });
    const { code, stdout, stderr } = await steer(["feedback", "out.jsonl", "--labels", "labels.jsonl"], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^labels\.jsonl:2: the label of "bug-2" cannot be compared: /);
    expect(stderr).toMatch(fault);
    expect(readdirSync(cwd)).not.toContain(".steer");
  });

  test("a file that steer run did not write, and one in which an id stands twice", async () => {
    const [line] = jsonLines(answered);
    const cwd = createFolder({ "other.jsonl": '{"id":1}\n', "twice.jsonl": toLines([line, line]) });
    const other = await steer(["feedback", "other.jsonl", "--correct", "1"], { cwd });
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("other.jsonl:1: this line is not an answer of steer run."),
    });
    const twice = await steer(["feedback", "twice.jsonl", "--correct", line.input.id], { cwd });
    expect(twice.stderr).toMatch(/^twice\.jsonl:2: "bug-\d+" stands on twice\.jsonl:1 too/);
  });
});

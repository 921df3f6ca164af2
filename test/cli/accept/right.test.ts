import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { acceptanceSignalsOf } from "../../../src/calibration/job-acceptance.ts";
import { acceptAgain } from "../../../src/cli/accept/accept-job.ts";
import { acceptJob } from "../../../src/cli/accept/acceptance.ts";
import { type Answer, drawn } from "../../../src/cli/label/answer.ts";
import { Answers } from "../../../src/cli/label/answers.ts";
import { type Draw, labelOf, type Verdict } from "../../../src/cli/label/labels.ts";
import { LabelsFile } from "../../../src/cli/label/labels-file.ts";
import type { ServerCall } from "../../support/openai-server.ts";
import { startOpenAIServer } from "../../support/openai-server.ts";
import { steerHere } from "../in-process.ts";
import { createFolder, jsonLines, outputLines, startSteer, steer, toolFile } from "../steer.ts";

const count = 40;
const severityOf = (number: number) => (number % 3 === 0 ? "high" : "low");
/** Answers that every vote gives, and that are wrong. */
const isWrong = (number: number) => number % 8 === 5;
const reports = Array.from({ length: count }, (_, number) => ({ id: `bug-${number}`, report: `bug ${number}.` }));
const textOf = ({ body }: ServerCall) => JSON.stringify(body.messages);
const numberIn = (call: ServerCall) => Number(/bug (\d+)\./.exec(textOf(call))?.[1]);
const isVerifier = (call: ServerCall) => textOf(call).includes("You check one answer");
const answer = (number: number) => {
  const right = severityOf(number);
  const other = right === "high" ? "low" : "high";
  return { text: JSON.stringify({ severity: isWrong(number) ? other : right }) };
};
const verdict = (number: number) => ({ text: JSON.stringify({ verdict: isWrong(number) ? "wrong" : "right" }) });
/** A model whose votes agree, and one that checks. */
const vendor = (call: ServerCall) => (isVerifier(call) ? verdict : answer)(numberIn(call));

const modelAt = (baseURL: string, name = "small") => `openai-compatible:${baseURL}#${name}`;

function folderFor(baseURL: string, more: object = {}): string {
  return createFolder({
    "triage.json": toolFile(modelAt(baseURL), { prompt: "Report: {{report}}", ...more }),
    "in.jsonl": reports.map((line) => `${JSON.stringify(line)}\n`).join(""),
  });
}

const job = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl", "-k", "2"];

const numberOf = ({ id }: { readonly id: string }) => Number(id.slice(4));
const truth = (answer: Answer): Verdict => !isWrong(numberOf(answer));

interface Judging {
  readonly draw?: Draw;
  readonly seed?: number;
  readonly verdictOn?: (answer: Answer) => Verdict;
}

/** Judges the next answers of a draw, as `steer label` shows them. */
async function judge(cwd: string, howMany: number, { draw = "uniform", seed = 1, verdictOn = truth }: Judging = {}) {
  const path = join(cwd, "out.jsonl");
  const answers = await Answers.open(path);
  const labels = await LabelsFile.open(path);
  try {
    const of = answers.all.length;
    const next = drawn(answers.all, draw, seed).filter((answer) => !labelOf(labels.labels, answer));
    for (const answer of next.slice(0, howMany)) {
      const { id, fingerprint, content } = answer;
      labels.add({ label: verdictOn(answer), id, fingerprint, content, draw, seed, of });
    }
    return (await acceptAgain(answers, labels.labels)).join("\n");
  } finally {
    labels.close();
    await answers.close();
  }
}

const labelsFile = "out.jsonl.labels.jsonl";
const labelsIn = (cwd: string) => jsonLines(readFileSync(join(cwd, labelsFile), "utf8"));
const signalsIn = (cwd: string) => jsonLines(readFileSync(join(cwd, "out.jsonl.signals.jsonl"), "utf8"));
const certificateIn = (cwd: string) => JSON.parse(readFileSync(join(cwd, "out.jsonl.accepted.json"), "utf8"));
const idsOf = (cwd: string, accepted: unknown) =>
  outputLines(cwd)
    .filter((line) => line.accepted === accepted)
    .map(({ input }) => numberOf(input));
const reportOf = async (cwd: string) =>
  JSON.parse((await steerHere(["report", "out.jsonl", "--json"], { cwd })).stdout);
const editLabels = (cwd: string, edit: (lines: any[]) => object[]) =>
  writeFileSync(
    join(cwd, labelsFile),
    edit(labelsIn(cwd))
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(""),
  );

describe("steer run --right", () => {
  test("certifies nothing without labels; with those of a uniform draw it accepts what the verifier tells from errors", async () => {
    await using server = await startOpenAIServer(vendor);
    const price = { inputPerMillion: 100, outputPerMillion: 100 };
    const cwd = folderFor(server.baseURL, { prices: { small: price, checker: price } });
    // One after the other: a draw goes by the order of the answers.
    const right = [...job, "-c", "1", "--right", "0.9", "--verifier", modelAt(server.baseURL, "checker")];
    const first = await steer(right, { cwd });
    expect(first.code).toBe(0);
    expect(first.stdout).toContain("accepted 0 of 40 · 40 to review");
    expect(first.stdout).toContain("Nothing is certified: no answer is judged.");
    expect(first.stdout).toContain("Judge answers: steer label out.jsonl --draw uniform");
    expect(new Set(outputLines(cwd).map(({ accepted }) => accepted))).toEqual(new Set(["review"]));
    expect(certificateIn(cwd)).toMatchObject({ precision: 0.9, confidence: 0.9, certificate: null });
    const checks = server.calls.filter(isVerifier);
    expect(checks.map(({ body }) => body.model)).toContain("checker");
    expect(signalsIn(cwd)).toHaveLength(checks.length);
    const paid = server.calls.length;

    const answers = await Answers.open(join(cwd, "out.jsonl"));
    const keys = drawn(answers.all, "uniform", 1).map((answer) => (truth(answer) ? "r\n" : "w\n"));
    await answers.close();
    const input = keys.slice(0, 30).join("");
    const judged = await steer(["label", "out.jsonl", "--seed", "1"], { cwd, input });
    expect(judged.stdout).toMatch(/accepted \d+ of 40 \(at least 90 % right, with 90 % confidence, from \d+ labels\)/);
    expect(judged.stdout).toMatch(/What moved: accepted 0 to \d+, to review 40 to \d+\./);
    expect(idsOf(cwd, true).filter(isWrong)).toEqual([]);
    expect(idsOf(cwd, true).length).toBeGreaterThan(25);
    const { certificate, restsOn } = certificateIn(cwd);
    expect(certificate.threshold).toBeGreaterThan(0);
    expect(restsOn).toMatchObject({
      job: { asks: { prompt: "Report: {{report}}" } },
      models: ["small"],
      inputs: { answers: 40 },
      signals: [{ signal: "verifier", model: "checker" }],
      labels: [{ draw: "uniform", seed: 1, of: 40, count: 30 }],
    });

    const again = await steerHere([...right, "--json"], { cwd });
    expect(again.stderr).toMatch(/accepted \d+ of 40 \(at least 90 %/);
    expect(server.calls.length).toBe(paid);

    const { acceptance, cost } = await reportOf(cwd);
    expect(acceptance).toMatchObject({ precision: 0.9, isCertified: true, voided: [] });
    expect(acceptance.accepted).toBe(idsOf(cwd, true).length);
    const scores = acceptance.toReview.map(({ score }: any) => score);
    expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a));
    const costs = [...outputLines(cwd), ...signalsIn(cwd)].map(({ costUsd }) => costUsd as number);
    expect(cost.totalUsd).toBeCloseTo(costs.reduce((sum, each) => sum + each, 0));
    expect(cost.signals).toEqual({ calls: checks.length, costUsd: expect.closeTo(0.0015 * checks.length) });
    expect(first.stdout).toContain(`40 of 40 inputs done, $${cost.totalUsd.toFixed(2)}.`);
    const shown = await steerHere(["report", "out.jsonl"], { cwd });
    expect(shown.stdout).toContain(`of it for ${checks.length} signals of what is right.`);
    await steerHere(["report", "out.jsonl", "--html", "page.html"], { cwd });
    expect(readFileSync(join(cwd, "page.html"), "utf8")).toContain("at least 90 % right, with 90 % confidence");
  });

  test("says that a changed prompt, another model or further answers void the certificate", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL, { accept: { precision: 0.8 } });
    await steerHere(job, { cwd });
    expect(await judge(cwd, 30)).toContain("(at least 80 % right");
    const other = toolFile(modelAt(server.baseURL), { prompt: "Bug: {{report}}", accept: { precision: 0.8 } });
    writeFileSync(join(cwd, "triage.json"), other);
    const refused = await steerHere(job, { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('prompt was "Report: {{report}}", and is "Bug: {{report}}"');
    expect(refused.stderr).toContain("The certificate beside it holds for these answers alone.");

    const fresh = await steerHere([...job, "--fresh"], { cwd });
    expect(fresh.stderr).toContain("Its certificate is void for the answers to come: prompt was");
    expect(fresh.stdout).toContain("Nothing is certified: no answer is judged.");
    expect(idsOf(cwd, true)).toEqual([]);

    await judge(cwd, 30);
    appendFileSync(join(cwd, "in.jsonl"), `${JSON.stringify({ id: "bug-40", report: "bug 40." })}\n`);
    const grown = await steerHere(job, { cwd });
    expect(grown.stdout).toContain("is void: it was given for 40 answers, and the job has 41 answers.");
    expect(certificateIn(cwd).certificate).toBeNull();
  });

  test("certifies nothing by labels of another draw; each settles its own answer", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL, { accept: { precision: 0.9 } });
    await steerHere(job, { cwd });
    const told = await judge(cwd, 35, { draw: "least-sure" });
    expect(told).toContain("Nothing is certified: the labels are not of a uniform draw of all answers.");
    expect(certificateIn(cwd).certificate).toBeNull();
    const judged = labelsIn(cwd).map(({ id }) => Number(id.slice(4)));
    expect(idsOf(cwd, true).toSorted()).toEqual(judged.filter((number) => !isWrong(number)).toSorted());
    expect(idsOf(cwd, "review")).toHaveLength(5);
  });

  test("buys signals within what --max-cost-usd leaves, and says what more would cost", async () => {
    await using server = await startOpenAIServer(vendor);
    const price = { inputPerMillion: 100, outputPerMillion: 100 };
    const cwd = folderFor(server.baseURL, { prices: { small: price, checker: price }, maxOutputTokens: 5 });
    const right = [...job, "-c", "1", "--right", "0.9", "--verifier", modelAt(server.baseURL, "checker")];
    const { code, stdout } = await steerHere([...right, "--max-cost-usd", "0.15"], { cwd });
    expect(code).toBe(0);
    const bought = signalsIn(cwd);
    const costs = [...outputLines(cwd), ...bought].map(({ costUsd }) => costUsd as number);
    expect(costs.reduce((sum, cost) => sum + cost, 0)).toBeLessThanOrEqual(0.15);
    expect(bought.length).toBeGreaterThan(0);
    expect(bought.length).toBeLessThan(count);
    expect(stdout).toMatch(/one verifier call each on \d+: about \+\d+, \$0\.0\d/);
  });

  test("killed while it buys signals, it goes on and pays for none twice", async () => {
    let hold: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (hold = resolve));
    let checks = 0;
    await using server = await startOpenAIServer(async (call: ServerCall) => {
      if (isVerifier(call) && ++checks > 8) await held;
      return vendor(call);
    });
    const cwd = folderFor(server.baseURL);
    const right = [...job, "-c", "2", "--right", "0.9", "--verifier", modelAt(server.baseURL, "checker")];
    const running = startSteer(right, { cwd, input: "" });
    await running.printed("Asking checker if answers are right");
    while (!existsSync(join(cwd, "out.jsonl.signals.jsonl")) || signalsIn(cwd).length < 8)
      await new Promise((resolve) => setImmediate(resolve));
    running.child.kill("SIGKILL");
    await running.ended;
    appendFileSync(join(cwd, "out.jsonl.signals.jsonl"), '{"signal":"verif');
    const kept = 8;
    hold?.();
    expect((await steerHere(right, { cwd })).code).toBe(0);
    const asked = server.calls.filter(isVerifier).map(numberIn);
    const bought = signalsIn(cwd);
    expect(new Set(bought.map(({ answer: of }) => of)).size).toBe(bought.length);
    // The two that were in flight when it was killed are the only ones that were asked for twice.
    expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(2);
    expect(kept).toBeGreaterThanOrEqual(8);
  });

  test("takes no label at its word: what the draw does not show next certifies nothing", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL, { accept: { precision: 0.6 } });
    await steerHere(job, { cwd });
    await judge(cwd, 30, { draw: "least-sure" });
    editLabels(cwd, (lines) => lines.map((line) => ({ ...line, draw: "uniform" })));
    const forged = await steerHere(job, { cwd });
    expect(forged.stdout).toContain("Nothing is certified");
    expect(forged.stdout).toMatch(/\d+ labels of a uniform draw are not next in the draw that certifies/);

    editLabels(cwd, (lines) => lines.map((line) => ({ ...line, fingerprint: `x${line.fingerprint}` })));
    const foreign = (await reportOf(cwd)).acceptance.sentences.join("\n");
    expect(foreign).toContain("no answer is judged.");
    expect(foreign).toContain("30 labels are of answers that this job does not have.");

    writeFileSync(join(cwd, labelsFile), "");
    expect(await judge(cwd, 30)).toContain("(at least 60 % right");
    let before: any[] = [];
    editLabels(cwd, (lines) => {
      before = lines.slice(
        0,
        lines.findIndex(({ label }) => label === false),
      );
      return lines.filter(({ label }) => label !== false);
    });
    const { acceptance } = await reportOf(cwd);
    expect(acceptance.sentences.join("\n")).toMatch(/labels of a uniform draw are not next in the draw that certifies/);
    const all = readFileSync(join(cwd, labelsFile), "utf8");
    editLabels(cwd, () => before);
    expect((await reportOf(cwd)).acceptance.accepted).toBe(acceptance.accepted);
    writeFileSync(join(cwd, labelsFile), all);
    // The same draw shows what is missing, and certifies again once it is judged.
    expect(await judge(cwd, 10)).not.toContain("not next in the draw");
    expect(await judge(cwd, 1, { seed: 2 })).toContain("1 label of a uniform draw is not next");
  });

  test("asks for a label of each answer where two lines ask the same, and takes none for the other", async () => {
    let asked = 0;
    // The same report forty times, with an answer of its own each time.
    await using server = await startOpenAIServer(() => ({
      text: JSON.stringify({ note: `note ${Math.floor(asked++ / 2)}` }),
    }));
    const schema = { type: "object", properties: { note: { type: "string" } }, required: ["note"] };
    const cwd = folderFor(server.baseURL, { schema });
    writeFileSync(join(cwd, "in.jsonl"), '{"id":"bug-0","report":"bug 0."}\n'.repeat(12));
    await steerHere([...job, "-c", "1", "--right", "0.9", "--fresh"], { cwd });
    let judged = 0;
    const told = await judge(cwd, 12, { verdictOn: () => ++judged % 2 === 0 });
    expect(judged).toBe(12);
    expect(idsOf(cwd, true)).toHaveLength(6);
    expect(idsOf(cwd, false)).toHaveLength(6);
    expect(told).toContain("6 judged wrong");
    expect((await reportOf(cwd)).confidence.judged).toMatchObject({ count: 12, right: 6 });
  });

  test("takes the certificate back where labels since the last look contradict it", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL, { accept: { precision: 0.9 } });
    await steerHere(job, { cwd });
    expect(await judge(cwd, 30, { verdictOn: () => true })).toContain("(at least 90 % right");
    const told = await judge(cwd, 5, { verdictOn: () => false });
    expect(told).toContain("The certificate is withdrawn: 5 of 5 later labels of accepted answers say wrong.");
    expect(certificateIn(cwd).certificate).toBeNull();
    expect(idsOf(cwd, true)).toHaveLength(30);
    expect((await reportOf(cwd)).acceptance.isCertified).toBe(false);
  });

  test("says from which line on accepted answers are worse than the certificate says of all", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL);
    await steerHere([...job, "--limit", "1"], { cwd });
    const answers = await Answers.open(join(cwd, "out.jsonl"));
    await answers.close();
    const many = Array.from({ length: 200 }, (_, at) => ({
      ...(answers.all[0] as Answer),
      fingerprint: `f${at}`,
      line: at + 1,
    }));
    const acceptWhere = (isRight: (line: number) => boolean) => {
      const labels = drawn(many, "uniform", 1)
        .slice(0, 150)
        .map(
          ({ id, fingerprint, line }) =>
            [
              fingerprint,
              { label: isRight(line), id, fingerprint, draw: "uniform", seed: 1, of: many.length },
            ] as const,
        );
      return acceptJob(
        many,
        acceptanceSignalsOf(many.map(({ votes, job }) => ({ votes, job, signals: {} }))),
        new Map(labels),
        { precision: 0.75, confidence: 0.9 },
        [],
      );
    };
    const spread = acceptWhere((line) => line % 6 > 0);
    expect(spread.certificate).toBeDefined();
    expect(spread.fall).toBeUndefined();
    const { certificate, fall } = acceptWhere((line) => line <= 160);
    expect(certificate).toBeDefined();
    expect(fall).toEqual({ line: expect.any(Number), labels: expect.any(Number), wrong: expect.any(Number) });
    expect(fall?.line).toBeGreaterThan(155);
    expect(fall?.wrong).toBe(fall?.labels);
  });

  test("does not say that labels would certify if all are right where some are wrong", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL, { accept: { precision: 0.9 } });
    await steerHere(job, { cwd });
    expect(await judge(cwd, 10, { verdictOn: () => true })).toContain(
      "19 more labels of the uniform draw, if all are right,",
    );
    expect(await judge(cwd, 5, { verdictOn: () => false })).toContain("at least 14 more labels of the uniform draw");
    await judge(cwd, 20, { verdictOn: () => false });
    const { stdout } = await steerHere(job, { cwd });
    expect(stdout).toContain("of the surest answers, too many are judged wrong for 90 % right");
    expect(stdout).not.toContain("if all are right");
  });
});

import { appendFileSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ServerCall } from "../../support/openai-server.ts";
import { startOpenAIServer } from "../../support/openai-server.ts";
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
const label = (cwd: string, keys: readonly string[], ...flags: string[]) =>
  steer(["label", "out.jsonl", ...flags], { cwd, input: keys.map((key) => `${key}\n`).join("") });

/** Judges answers as a person would who knows the truth. */
async function judge(cwd: string, howMany: number, ...flags: string[]) {
  const before = existsSync(join(cwd, "out.jsonl.labels.jsonl")) ? labelsIn(cwd).length : 0;
  const peek = createFolder();
  for (const name of ["out.jsonl", ...(before > 0 ? ["out.jsonl.labels.jsonl"] : [])])
    copyFileSync(join(cwd, name), join(peek, name));
  await label(peek, Array<string>(howMany).fill("u"), "--seed", "1", ...flags);
  const drawn = labelsIn(peek).slice(before);
  const keys = drawn.map(({ id }) => (isWrong(Number(id.slice(4))) ? "w" : "r"));
  return label(cwd, keys, "--seed", "1", ...flags);
}

const labelsIn = (cwd: string) => jsonLines(readFileSync(join(cwd, "out.jsonl.labels.jsonl"), "utf8"));
const signalsIn = (cwd: string) => jsonLines(readFileSync(join(cwd, "out.jsonl.signals.jsonl"), "utf8"));
const certificateIn = (cwd: string) => JSON.parse(readFileSync(join(cwd, "out.jsonl.accepted.json"), "utf8"));
const idsOf = (cwd: string, accepted: unknown) =>
  outputLines(cwd)
    .filter((line) => line.accepted === accepted)
    .map(({ input }) => Number(input.id.slice(4)));

describe("steer run --right", () => {
  test("certifies nothing without labels; with those of a uniform draw it accepts what the verifier tells from errors", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL);
    const right = [...job, "--right", "0.9", "--verifier", modelAt(server.baseURL, "checker")];
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

    const judged = await judge(cwd, 30);
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

    const again = await steer([...right, "--json"], { cwd });
    expect(again.stderr).toMatch(/accepted \d+ of 40 \(at least 90 %/);
    expect(server.calls.length).toBe(paid);

    const { acceptance } = JSON.parse((await steer(["report", "out.jsonl", "--json"], { cwd })).stdout);
    expect(acceptance).toMatchObject({ precision: 0.9, isCertified: true, voided: [] });
    expect(acceptance.accepted).toBe(idsOf(cwd, true).length);
    const scores = acceptance.toReview.map(({ score }: any) => score);
    expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a));
    await steer(["report", "out.jsonl", "--html", "page.html"], { cwd });
    expect(readFileSync(join(cwd, "page.html"), "utf8")).toContain("at least 90 % right, with 90 % confidence");
  });

  test("says that a changed prompt, another model or further answers void the certificate", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL, { accept: { precision: 0.8 } });
    await steer(job, { cwd });
    expect((await judge(cwd, 30)).stdout).toContain("(at least 80 % right");
    const other = toolFile(modelAt(server.baseURL), { prompt: "Bug: {{report}}", accept: { precision: 0.8 } });
    writeFileSync(join(cwd, "triage.json"), other);
    const refused = await steer(job, { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('prompt was "Report: {{report}}", and is "Bug: {{report}}"');
    expect(refused.stderr).toContain("The certificate beside it holds for these answers alone.");

    const fresh = await steer([...job, "--fresh"], { cwd });
    expect(fresh.stderr).toContain("Its certificate is void for the answers to come: prompt was");
    expect(fresh.stdout).toContain("Nothing is certified: no answer is judged.");
    expect(idsOf(cwd, true)).toEqual([]);

    await judge(cwd, 30);
    appendFileSync(join(cwd, "in.jsonl"), `${JSON.stringify({ id: "bug-40", report: "bug 40." })}\n`);
    const grown = await steer(job, { cwd });
    expect(grown.stdout).toContain("is void: it was given for 40 answers, and the job has 41 answers.");
    expect(certificateIn(cwd).certificate).toBeNull();
  });

  test("certifies nothing by labels of another draw; each settles its own answer", async () => {
    await using server = await startOpenAIServer(vendor);
    const cwd = folderFor(server.baseURL, { accept: { precision: 0.9 } });
    await steer(job, { cwd });
    const { stdout } = await judge(cwd, 35, "--draw", "least-sure");
    expect(stdout).toContain("Nothing is certified: the labels are not of a uniform draw of all answers.");
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
    const { code, stdout } = await steer([...right, "--max-cost-usd", "0.15"], { cwd });
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
    expect((await steer(right, { cwd })).code).toBe(0);
    const asked = server.calls.filter(isVerifier).map(numberIn);
    const bought = signalsIn(cwd);
    expect(new Set(bought.map(({ answer: of }) => of)).size).toBe(bought.length);
    // The two that were in flight when it was killed are the only ones that were asked for twice.
    expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(2);
    expect(kept).toBeGreaterThanOrEqual(8);
  });
});

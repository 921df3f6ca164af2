import { describe, expect, test } from "vitest";
import { isRight } from "../../src/cli/demo/answered.ts";
import { findLiveModel } from "../../src/cli/demo/demo.ts";
import { calibrationError, confidenceBins } from "../../src/cli/view/confidence-bins.ts";
import { startOpenAIServer } from "../support/openai-server.ts";
import { steer } from "./steer.ts";

describe("steer demo", () => {
  test("replays recorded answers without a key, and says that this is what it does", async () => {
    const { code, stdout, stderr } = await steer(["demo"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^These are recorded answers of a real model, llama-13b/);
    expect(stdout).not.toContain("\x1b");
    expect(stdout).toContain("All 500 questions");
    expect(stdout.match(/recorded answers, confidence/g)).toHaveLength(4);
  });

  test("its figures fit each other: consensus beats one answer, with fewer answers than always K", async () => {
    const { stdout } = await steer(["demo", "--k", "5"]);
    const row = (name: string) => {
      const [, right, perQuestion, answers] = new RegExp(`${name} +([\\d.]+) % +([\\d.]+) +([\\d,]+)`).exec(stdout)!;
      return { right: Number(right), perQuestion: Number(perQuestion), answers: Number(answers!.replace(",", "")) };
    };
    const [one, fixed, needed] = ["one answer", "consensus of always 5", "consensus, as many as needed"].map(row);
    expect(fixed).toMatchObject({ perQuestion: 5, answers: 2500 });
    expect(needed!.answers / 500).toBeCloseTo(needed!.perQuestion, 2);
    expect(needed!.answers).toBeLessThan(fixed!.answers);
    expect(needed!.right).toBeGreaterThan(one!.right + 5);
    const counts = [...stdout.matchAll(/^ {2}\d\.\d\d to \d\.\d\d +(\d+)/gm)].map(([, count]) => Number(count));
    // Once without labels, and once with 30, which are not judged.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(500 + 470);
    const [without, labelled] = [...stdout.matchAll(/share right: ([\d.]+) points/g)].map(([, gap]) => Number(gap));
    expect(labelled).toBeLessThan(without as number);
  });

  test("--questions and --k bound what is replayed", async () => {
    const { stdout } = await steer(["demo", "--questions", "2", "--k", "2"]);
    expect(stdout).toContain("All 2 questions, up to 2 answers each");
  });
});

describe("steer demo with a model", () => {
  test("asks an OpenAI-compatible server live, and says so", async () => {
    await using server = await startOpenAIServer({ text: "Botswana" });
    const model = `openai-compatible:${server.baseURL}#some-model`;
    const { code, stdout } = await steer(["demo", "--model", model, "--questions", "2", "--k", "3"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Asking ${model} live (--model names it): 2 questions`);
    expect(stdout).toContain("reference  Botswana: right");
    expect(stdout).toContain("50.0 % of 2 right, with 4 answers where always 3 takes 6; cost unknown.");
    expect(server.calls).toHaveLength(4);
  });
});

describe("steer demo with a model that refuses", () => {
  test("says what the model said, and ends with 1", async () => {
    await using server = await startOpenAIServer({ status: 401, error: { message: "Incorrect API key" } });
    const { code, stderr } = await steer(["demo", "--model", `openai-compatible:${server.baseURL}#some-model`]);
    expect(code).toBe(1);
    expect(stderr).toContain("No valid answer came: Incorrect API key");
  });
});

describe("the demo's judgement", () => {
  test.each([
    ["Botswana", "botswana", true],
    ["It is Botswana.", "Botswana", true],
    ["Paris", "Paris, Texas", false],
    ["Southern Africa", "Botswana", false],
    ["Bot", "Botswana", false],
    ["", "Botswana", false],
  ])("%j is measured against %j: %s", (answer, gold, right) => {
    expect(isRight(answer, gold)).toBe(right);
  });

  test("a confidence that is always right has no calibration error, one that is always wrong has its own size", () => {
    const at = (confidence: number, isRight: boolean) =>
      ({ confidence, isRight, answerCount: 1, rightAnswerCount: 0, costUsd: 0 }) as const;
    expect(calibrationError(confidenceBins([at(1, true), at(0, false)]))).toBe(0);
    expect(calibrationError(confidenceBins([at(0.5, false), at(0.5, false)]))).toBe(0.5);
    expect(calibrationError(confidenceBins([at(0.5, true), at(0.5, false)]))).toBe(0);
  });
});

describe("steer demo with keys in the environment", () => {
  test.each([[[]], [["--recorded"]]])(
    "replays recorded answers and makes no call, with the flags %j",
    async (flags) => {
      await using server = await startOpenAIServer({ text: "Botswana" });
      const env = {
        OPENAI_API_KEY: "sk-test-1234567890",
        OPENAI_BASE_URL: server.baseURL,
        ANTHROPIC_API_KEY: "sk-ant-1234567890",
        ANTHROPIC_BASE_URL: server.baseURL,
        STEER_MODEL: `openai-compatible:${server.baseURL}#some-model`,
      };
      const { code, stdout } = await steer(["demo", "--questions", "2", ...flags], { env });
      expect(code).toBe(0);
      expect(stdout).toMatch(/^These are recorded answers of a real model/);
      expect(server.calls).toHaveLength(0);
    },
  );

  test("asks the model of STEER_MODEL live with --live", async () => {
    await using server = await startOpenAIServer({ text: "Botswana" });
    const model = `openai-compatible:${server.baseURL}#some-model`;
    const env = { STEER_MODEL: model, OPENAI_API_KEY: "sk-test-1234567890" };
    const { code, stdout } = await steer(["demo", "--live", "--questions", "1", "--k", "2"], { env });
    expect(code).toBe(0);
    expect(stdout).toContain(`Asking ${model} live (STEER_MODEL names it): 1 questions`);
    expect(server.calls.length).toBeGreaterThan(0);
  });

  test("refuses --live without a key, and names what to set", async () => {
    const { code, stderr } = await steer(["demo", "--live"], { env: { MISTRAL_API_KEY: "", XAI_API_KEY: "" } });
    expect(code).toBe(2);
    expect(stderr).toContain("--live found no key. Set OPENAI_API_KEY");
  });

  test("refuses --recorded beside --live", async () => {
    const { code, stderr } = await steer(["demo", "--live", "--recorded"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--recorded");
  });

  test("takes the model of the first key for --live", () => {
    expect(findLiveModel({ OPENAI_API_KEY: "", ANTHROPIC_API_KEY: "k" })).toMatchObject({
      model: "anthropic:claude-haiku-4-5",
      reason: "ANTHROPIC_API_KEY is set",
    });
    expect(findLiveModel({ OPENAI_API_KEY: "k", STEER_MODEL: "mistral:x" })).toMatchObject({ model: "mistral:x" });
  });
});

import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addDefinitionFlags, type DefinitionFlags, withFlags } from "../../../src/cli/definition/definition-flags.ts";
import { loadTool } from "../../../src/cli/definition/load-tool.ts";
import { startOpenAIServer } from "../../support/openai-server.ts";
import { createFolder, outputLines, reports, steer, toolFile } from "../steer.ts";

function parse(...flags: readonly string[]): DefinitionFlags {
  const command = addDefinitionFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(flags, { from: "user" }).opts();
}

describe("flags in place of a tool file's entries", () => {
  test("say what the file would", () => {
    const flags = parse(
      ...["--limits", "openai:gpt-5-mini=500rpm,200000tpm,20", "--limits", "openai=3", "--base-url", "http://a/v1"],
      ...[
        "--price",
        "qwen3=0.05,0.2",
        "--price",
        "http://h:1/v1#m=1,2,.5",
        "--header",
        "x-team: a: b",
        "--header",
        "y:z",
      ],
      ...["--api-key-env", "KEY"],
    );
    expect(flags).toEqual({
      limits: {
        "openai:gpt-5-mini": { requestsPerMinute: 500, tokensPerMinute: 200_000, maxConcurrent: 20 },
        openai: { maxConcurrent: 3 },
      },
      price: {
        qwen3: { inputPerMillion: 0.05, outputPerMillion: 0.2 },
        "http://h:1/v1#m": { inputPerMillion: 1, outputPerMillion: 2, cachedInputPerMillion: 0.5 },
      },
      header: { "x-team": "a: b", y: "z" },
      baseUrl: "http://a/v1",
      apiKeyEnv: "KEY",
    });
  });

  test.each([
    ["--limits", "openai"],
    ["--limits", "=5"],
    ["--limits", "openai="],
    ["--limits", "openai=0rpm"],
    ["--limits", "openai=5rps"],
    ["--limits", "openai=5,6"],
    ["--limits", "openai=1.5"],
    ["--price", "qwen3"],
    ["--price", "qwen3=1"],
    ["--price", "qwen3=1,-2"],
    ["--price", "qwen3=1,2,3,4"],
    ["--price", "=1,2"],
    ["--header", "x"],
    ["--header", "x y: z"],
  ])("are refused where they cannot be read: %s %s", (flag, value) => {
    expect(() => parse(flag, value)).toThrow(/It has to be|is not a limit/);
  });

  test("add to the file's entries, and win over them", () => {
    const definition = {
      ...{ name: "t", model: "openai:a", prompt: "p", apiKeyEnv: "FILE", headers: { a: "1", b: "1" } },
      limits: { openai: { maxConcurrent: 1 }, "openai:a": { maxConcurrent: 1 } },
    };
    const flags = parse("--header", "b: 2", "--limits", "openai=9", "--model", "openai:c");
    expect(withFlags(definition as never, flags)).toEqual({
      ...definition,
      model: "openai:c",
      headers: { a: "1", b: "2" },
      limits: { openai: { maxConcurrent: 9 }, "openai:a": { maxConcurrent: 1 } },
    });
  });

  test("leave another provider's model without the file's headers, address and key", () => {
    const access = { headers: { secret: "1" }, baseUrl: "http://a/v1", apiKeyEnv: "KEY" };
    const definition = { name: "t", model: "openai:a", prompt: "p", ...access };
    const given = withFlags(definition as never, { model: "simulated:" });
    expect(given).toEqual({ name: "t", model: "simulated:", prompt: "p" });
  });
});

describe("prices of a tool file", () => {
  const folderWith = (model: string, more: object = {}) =>
    createFolder({ "t.json": toolFile(model, more), "in.jsonl": reports(3) });
  const run = ["run", "t.json", "--input", "in.jsonl", "--output", "out.jsonl", "--k", "1"];
  const answer = {
    text: '{"severity":"low"}',
    usage: { input: 1_000, cached: 0, output: 100, reasoning: 0 },
  };

  test("let --max-cost-usd work with a server of one's own", async () => {
    await using server = await startOpenAIServer(answer);
    const prices = { "qwen3:8b": { inputPerMillion: 100, outputPerMillion: 1_000 } };
    const folder = folderWith(`openai-compatible:${server.baseURL}#qwen3:8b`, { prices });
    const { code, stderr } = await steer([...run, "--max-cost-usd", "0.5"], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining("--max-cost-usd") });
    const lines = outputLines(folder).filter((line) => "costUsd" in line);
    expect(lines.map(({ costUsd }) => costUsd)).toEqual(lines.map(() => expect.closeTo(0.2, 9)));
    expect(lines.length).toBeLessThan(3);
  });

  test("may come from --price", async () => {
    await using server = await startOpenAIServer(answer);
    const folder = folderWith(`openai-compatible:${server.baseURL}#qwen3`);
    const { code } = await steer([...run, "--max-cost-usd", "1", "--price", "qwen3=10,20"], { cwd: folder });
    expect(code).toBe(0);
    const lines = outputLines(folder).filter((line) => "costUsd" in line);
    expect(lines.map(({ costUsd }) => costUsd)).toEqual(Array(3).fill(expect.closeTo(0.012, 9)));
  });

  test("are named by the refusal of a ceiling that needs them", async () => {
    await using server = await startOpenAIServer(answer);
    const folder = folderWith(`openai-compatible:${server.baseURL}#qwen3`);
    const { code, stderr } = await steer([...run, "--max-cost-usd", "1"], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('prices: { "qwen3": { inputPerMillion: …, outputPerMillion: … } }');
    expect(stderr).toContain("--price 'qwen3=INPUT,OUTPUT'");
    expect(server.calls).toHaveLength(0);
  });

  test.each([
    [{ prices: { qwen3: { inputPerMillion: 1 } } }, /t.json:1:\d+: "prices.qwen3.outputPerMillion" is missing/],
    [
      { prices: { "gpt-4.1": { inputPerMillion: -1, outputPerMillion: 2 } } },
      /t.json:1:\d+: prices.gpt-4.1.inputPerMillion: got -1/,
    ],
    [{ prices: { a: { inputPerMilion: 1, outputPerMillion: 2 } } }, /did you mean "inputPerMillion"/],
    [{ prices: 5 }, /prices: got 5; allowed: an object of objects by model/],
    [{ limits: { "openai:gpt-4.1": { rpm: 5 } } }, /t.json:1:\d+: limits.openai:gpt-4.1.rpm is not/],
  ])("are refused with their place where they cannot be used: %j", async (more, fault) => {
    await expect(loadTool(`${folderWith("simulated:", more)}/t.json`)).rejects.toThrow(fault);
  });
});

describe("limits of a job", () => {
  const folderWith = (more: object = {}) =>
    createFolder({ "t.json": toolFile("simulated:", more), "in.jsonl": reports(4) });
  const run = ["run", "t.json", "--input", "in.jsonl", "--k", "1"];

  test("spread its calls", async () => {
    const folder = folderWith({ limits: { simulated: { requestsPerMinute: 600 } } });
    const started = performance.now();
    const { code, stderr } = await steer(run, { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(performance.now() - started).toBeGreaterThan(250);
  });

  test.each([
    [["--limits", "openai=5rpm"], /limits: this tool does not ask openai. It asks simulated:/],
    [["--limits", "k=5rpm"], /limits: this tool does not ask k\. It asks simulated:/],
    [["--limits", "openai=5rpm", "--dry-run"], /limits: this tool does not ask openai\./],
    [["--limits", "simulated=5rps"], /"5rps" is not a limit/],
  ])("are refused where they are not the tool's, or no limits: %j", async (flags, fault) => {
    const cwd = folderWith({ defaultOptions: { k: 2 } });
    const { code, stderr } = await steer([...run, ...flags], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(fault);
  });

  test("may be those of a judge, by its provider or its whole name", async () => {
    const judge = "openai-compatible:http://localhost:1/v1#small";
    const cwd = folderWith({ defaultOptions: { compare: { judge } } });
    for (const name of ["openai-compatible", judge, "openai-compatible:small"])
      expect(await steer([...run, "--dry-run", "--limits", `${name}=5rpm`], { cwd })).toMatchObject({ code: 0 });
  });

  test("of the file are kept for its own model, while another one stands in for it", async () => {
    const folder = folderWith({ model: "openai:gpt-5-mini", limits: { "openai:gpt-5-mini": { maxConcurrent: 2 } } });
    const { code, stderr } = await steer([...run, "--model", "simulated:"], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

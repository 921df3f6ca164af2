import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { steer } from "./steer.ts";

const commands = ["demo", "run", "record", "tools", "mcp", "worker", "queue"];

describe("the command line", () => {
  test("help names every command, and each command's help has examples that start with it", async () => {
    const { code, stdout } = await steer(["--help"]);
    expect(code).toBe(0);
    for (const command of commands) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
      const help = await steer([command, "--help"]);
      expect(help.code).toBe(0);
      expect(help.stdout).toContain(`Usage: steer ${command}`);
      expect(help.stdout).toContain(`$ steer ${command}`);
    }
  });

  test("no line of help is wider than 120 characters", async () => {
    for (const parameters of [["--help"], ...commands.map((command) => [command, "--help"])]) {
      const { stdout } = await steer(parameters, { env: { COLUMNS: "100" } });
      expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
    }
  });

  test("--version prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await steer(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test.each([
    { typed: ["rnu"], advice: "Did you mean run?" },
    { typed: ["run", "tool.json", "--inptu", "x"], advice: "Did you mean --input?" },
    { typed: ["run", "tool.json", "in.csv"], advice: "Inputs follow --input" },
    { typed: ["run"], advice: "missing required argument 'tool-file'" },
    { typed: ["run", "tool.json", "--k", "0"], advice: "whole number of at least 1" },
    { typed: ["run", "tool.json", "--epsilon", "2"], advice: "a number from 0 to 1" },
    { typed: ["run", "tool.json", "--stopping", "never"], advice: "lossless" },
    { typed: ["record", "tool.json"], advice: "--output" },
    { typed: [], advice: "Usage: steer" },
  ])("$typed ends with 2 and says what to type", async ({ typed, advice }) => {
    const { code, stdout, stderr } = await steer(typed);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(advice);
  });
});

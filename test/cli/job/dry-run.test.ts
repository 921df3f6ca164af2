import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startOpenAIServer } from "../../support/openai-server.ts";
import { steerHere } from "../in-process.ts";
import { createFolder, reports, steer, toolFile } from "../steer.ts";

describe("steer run --dry-run", () => {
  test("shows the first prompt, estimates calls, cost and time, and neither sends nor writes anything", async () => {
    await using server = await startOpenAIServer({ text: '{"severity":"low"}' });
    const cwd = createFolder({
      "t.json": toolFile(`openai-compatible:${server.baseURL}#qwen3`, {
        system: "You triage.",
        defaultOptions: { k: 5 },
        prices: { qwen3: { inputPerMillion: 1000, outputPerMillion: 2000 } },
      }),
      "in.jsonl": reports(300),
    });
    const before = readdirSync(cwd);
    const command = ["run", "t.json", "-i", "in.jsonl", "-o", "out.csv", "--dry-run"];
    const { code, stdout, stderr } = await steer([...command, "--max-cost-usd", "1"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^The first prompt, of in\.jsonl:1:\n\n\[system\] You triage\.\n\[user\] Report: report 0\n\n300 inputs to ask for\./,
    );
    expect(stdout).toMatch(/: 3 to 5 answers for each input, 900 to 1,500 calls in all\.$/m);
    expect(stdout).toMatch(/^About [\d,]+ to [\d,]+ tokens of prompts .*, counted on 150 of the inputs\./m);
    expect(stdout).toMatch(/^Cost: about \$\d+\.\d\d to \$\d+\.\d\d\. --max-cost-usd 1 may end the job/m);
    expect(stdout).toMatch(/^Time: about 1 min 30 s to 3 min 0 s with 10 inputs at once, if a call takes 3 s\.$/m);
    expect(stdout).toMatch(/\nNothing was sent\.\n$/);
    expect(server.calls).toEqual([]);
    expect(readdirSync(cwd)).toEqual(before);
  });

  test("counts what has its answer, leaves an output file as it is, and says what the job would be refused for", async () => {
    const cwd = createFolder({ "t.json": toolFile("simulated:?error=0"), "in.jsonl": reports(3) });
    const command = ["run", "t.json", "-i", "in.jsonl", "-o", "out.jsonl"];
    await steer([...command, "--limit", "2"], { cwd });
    const before = readFileSync(join(cwd, "out.jsonl"), "utf8");
    const { stdout } = await steer([...command, "--dry-run"], { cwd });
    expect(stdout).toContain("1 input to ask for, 2 more have their answer.");
    expect(stdout).toContain("Cost: nothing, the answers are simulated.");
    expect(await steer([...command, "--dry-run", "--k", "9"], { cwd })).toMatchObject({ code: 2 });
    expect(await steer([...command, "--dry-run", "--fresh"], { cwd })).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8")).toBe(before);
    expect(existsSync(join(cwd, "out.jsonl.old"))).toBe(false);
  });

  test("names inputs that are empty where the prompt asks, and a prompt that asks for nothing of them", async () => {
    const cwd = createFolder({
      "t.json": toolFile("simulated:?error=0"),
      "slip.json": toolFile("simulated:?error=0", { prompt: "Report: {report}" }),
      "in.csv": 'id,report\n1,It crashes\n2,\n3,"   "\n',
    });
    const { stdout } = await steerHere(["run", "t.json", "-i", "in.csv", "--dry-run"], { cwd });
    expect(stdout).toContain("{{report}} is empty in 2 of 3, first in in.csv:3.\n");
    const slip = await steerHere(["run", "slip.json", "-i", "in.csv", "--dry-run"], { cwd });
    expect(slip.stdout).toContain("The prompt has no {{variable}}: nothing of the inputs reaches the model.\n");
  });

  test("names the calls of signals that the estimate leaves out", async () => {
    const cwd = createFolder({ "t.json": toolFile("simulated:?error=0"), "in.jsonl": reports(3) });
    const command = ["run", "t.json", "-i", "in.jsonl", "-o", "out.jsonl", "--right", "0.9", "--dry-run"];
    const models = ["--verifier", "openai:checker", "--second-model", "openai:other"];
    const { stdout } = await steerHere([...command, ...models], { cwd });
    expect(stdout).toContain(
      "Not in it: verifier checker, up to 9 calls; second model other, up to 3 calls. They are made where they pay.",
    );
  });

  test("needs no key for an estimate, and says that the job does", async () => {
    const cwd = createFolder({ "t.json": toolFile("openai:gpt-5-mini"), "in.jsonl": reports(1) });
    const { code, stdout } = await steer(["run", "t.json", "-i", "in.jsonl", "--dry-run"], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Cost: about \$0\.\d+/m);
    expect(stdout).toContain('The job itself would not start: model "openai:gpt-5-mini" has no API key.');
  });
});

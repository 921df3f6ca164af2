import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { startBadServer } from "../jobs/bad-server.ts";
import { startOpenAIServer } from "../support/openai-server.ts";
import { createFolder, outputLines, reports, startSteer, steer } from "./steer.ts";

const textTool = (baseURL: string) =>
  JSON.stringify({
    name: "reads",
    model: `openai-compatible:${baseURL}#some-model`,
    prompt: "{{report}}",
    defaultOptions: { k: 1 },
  });
const run = ["run", "tool.json", "-i", "in.jsonl", "-o", "out.jsonl"];

describe("steer run over a provider that is away", () => {
  test("says that it waits and why, and then answers every input", async () => {
    let calls = 0;
    await using server = await startOpenAIServer(() =>
      calls++ < 9 ? { status: 503, error: { message: "down for maintenance" } } : { text: "yes" },
    );
    const cwd = createFolder({ "tool.json": textTool(server.baseURL), "in.jsonl": reports(20) });
    const { code, stdout, stderr } = await steer([...run, "-c", "2"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/^waits until .*$/gm)).toEqual([
      expect.stringMatching(
        /^waits until \d\d:\d\d:\d\d \(\d+ s\) {2}.*down for maintenance.* gives up at \d\d:\d\d:\d\d, or by Ctrl-C$/,
      ),
    ]);
    expect(stdout).toContain("\ngoes on\n");
    expect(outputLines(cwd).map(({ status }) => status)).toEqual(Array(20).fill("completed"));
  });

  test("gives up after --give-up-after, and leaves every input to a later start; a single input waits for nothing", async () => {
    await using server = await startOpenAIServer({ status: 500, error: { message: "The server had an error" } });
    const cwd = createFolder({ "tool.json": textTool(server.baseURL), "in.jsonl": reports(50) });
    const job = steer([...run, "-c", "2", "--give-up-after", "500ms"], { cwd });
    const single = await steer(["run", "tool.json", "-i", '{"report":"x"}'], { cwd });
    expect(single).toMatchObject({ code: 1, stdout: expect.stringContaining("The server had an error"), stderr: "" });
    const { code, stderr } = await job;
    expect(code).toBe(1);
    expect(stderr).toContain("The job gave up: no answer came for 500 ms.");
    expect(stderr).toContain("The server had an error");
    expect(stderr).toContain("the same command goes on");
    expect(outputLines(cwd)).toEqual([]);
  });

  test("goes on after kill -9, and asks nothing again that has a line", async () => {
    await using server = await startBadServer({
      latencyMs: 30,
      drops: { share: 0.1, untilMs: Number.POSITIVE_INFINITY },
    });
    const cwd = createFolder({ "tool.json": textTool(server.baseURL), "in.jsonl": reports(200) });
    const first = startSteer(run, { cwd, input: "" });
    await first.printed("50/200");
    first.child.kill("SIGKILL");
    await first.ended;
    const kept = new Set(outputLines(cwd).map(({ index }) => index));
    await wait(50);
    const before = server.hits.length;
    expect((await steer(run, { cwd })).code).toBe(0);
    expect(outputLines(cwd)).toHaveLength(200);
    expect(server.hits.slice(before).filter(({ input }) => kept.has(input))).toEqual([]);
  });
});

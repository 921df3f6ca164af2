import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startOpenAIServer } from "../support/openai-server.ts";
import { createFolder, jsonLines, outputLines, reports, steer, toolFile } from "./steer.ts";

const modelAt = (baseURL: string) => `openai-compatible:${baseURL}#some-model`;

describe("steer record", () => {
  test("keeps every answer, and recorded: replays them without the server", async () => {
    await using server = await startOpenAIServer({ text: '{"severity":"high"}' }, { text: '{"severity":"low"}' });
    const cwd = createFolder({ "triage.json": toolFile(modelAt(server.baseURL)), "in.jsonl": reports(2) });
    const { code, stdout } = await steer(["record", "triage.json", "-i", "in.jsonl", "-k", "3", "-o", "rec.jsonl"], {
      cwd,
    });
    expect(code).toBe(0);
    expect(stdout).toContain("2 of 2 inputs done");
    expect(stdout).toContain("Replay them with --model recorded:rec.jsonl");
    expect(jsonLines(readFileSync(join(cwd, "rec.jsonl"), "utf8"))).toHaveLength(6);
    expect(server.calls).toHaveLength(6);

    const replay = ["run", "triage.json", "-m", "recorded:rec.jsonl", "-i", "in.jsonl", "-k", "3", "-o", "out.jsonl"];
    expect(await steer(replay, { cwd })).toMatchObject({ code: 0 });
    expect(server.calls).toHaveLength(6);
    for (const { output } of outputLines(cwd)) expect(output.content.evidenceBundle.meta.source).toBe("recorded");
  });

  test("started again after it was killed in the middle of a line, it asks for what is missing alone", async () => {
    await using server = await startOpenAIServer({ text: '{"severity":"high"}' });
    const cwd = createFolder({ "triage.json": toolFile(modelAt(server.baseURL)), "in.jsonl": reports(2) });
    const record = ["record", "triage.json", "-i", "in.jsonl", "-k", "2", "-o", "rec.jsonl", "--limit"];
    await steer([...record, "1"], { cwd });
    appendFileSync(join(cwd, "rec.jsonl"), '{"question":"Report: rep');
    expect(await steer([...record, "2"], { cwd })).toMatchObject({ code: 0 });
    expect(server.calls).toHaveLength(4);
    expect(jsonLines(readFileSync(join(cwd, "rec.jsonl"), "utf8"))).toHaveLength(4);
  });

  test("answers of two models do not go into one file", async () => {
    await using server = await startOpenAIServer({ text: '{"severity":"high"}' });
    const cwd = createFolder({ "triage.json": toolFile(modelAt(server.baseURL)) });
    const record = ["record", "triage.json", "-i", '{"report":"x"}', "-k", "1", "-o", "rec.jsonl"];
    await steer(record, { cwd });
    const { code, stderr } = await steer([...record, "-m", `openai-compatible:${server.baseURL}#another`], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain("holds answers of some-model, not of another");
    expect(server.calls).toHaveLength(1);
  });
});

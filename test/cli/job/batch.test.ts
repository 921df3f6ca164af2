import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { type BatchServerOptions, startBatchServer } from "../../support/batch-server.ts";
import { steerHere } from "../in-process.ts";
import { createFolder, outputLines, reports, steer, toolFile } from "../steer.ts";

const low = () => '{"severity":"low"}';
const command = ["run", "t.json", "-i", "in.jsonl", "-o", "out.jsonl", "--batch"];

async function job(options: BatchServerOptions = {}, count = 4, more: object = {}) {
  const server = await startBatchServer({ answer: low, looks: 0, ...options });
  vi.stubEnv("BATCH_KEY", "k");
  const access = { baseUrl: `${server.origin}/openai/v1`, apiKeyEnv: "BATCH_KEY", defaultOptions: { k: 3 }, ...more };
  const cwd = createFolder({ "t.json": toolFile("openai:gpt-5-mini", access), "in.jsonl": reports(count) });
  return { server, cwd };
}

const paid = ({ billed }: { billed: readonly unknown[] }) => billed.length;

describe("steer run --batch", () => {
  test("asks for all inputs in one batch a wave, for half the price, and a second start pays for nothing", async () => {
    const { server, cwd } = await job();
    await using _ = server;
    const { code, stdout } = await steerHere(command, { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain("Batch batch_1: 8 requests sent.");
    expect(stdout).toContain("Batch batch_1: done, 8 of 8 answered.");
    expect(server.batches.map(({ requests }) => requests.length)).toEqual([8]);
    // 100 tokens for 0.25 and 10 for 2 dollars a million.
    expect(outputLines(cwd).map(({ status, costUsd }) => [status, costUsd])).toEqual(
      Array(4).fill(["completed", 0.000045]),
    );
    expect(await steerHere(command, { cwd })).toMatchObject({ code: 0 });
    expect(paid(server)).toBe(8);
  });

  test("estimates half the price, and a day for each batch, with --dry-run", async () => {
    const { server, cwd } = await job();
    await using _ = server;
    const dry = ["run", "t.json", "-i", "in.jsonl", "--dry-run"];
    const costOf = (stdout: string) => Number(/Cost: about \$([\d.]+) to/.exec(stdout)?.[1]);
    const live = await steerHere(dry, { cwd });
    const { stdout } = await steerHere([...dry, "--batch"], { cwd });
    expect(costOf(live.stdout)).toBeGreaterThan(0);
    expect(costOf(stdout) / costOf(live.stdout)).toBeCloseTo(0.5, 1);
    expect(stdout).toContain("Time: 1 to 2 batches, one after the other, each done within a day.");
    expect(server.steps).toEqual([]);
  });

  test("goes on live where it began in batches, with the same lines", async () => {
    const { server, cwd } = await job();
    await using _ = server;
    await steerHere([...command, "--limit", "2"], { cwd });
    const live = command.filter((flag) => flag !== "--batch");
    const { stdout } = await steerHere([...live, "--dry-run"], { cwd });
    expect(stdout).toContain("2 inputs to ask for, 2 more have their answer.");
  });

  test("leaves its batch to the provider at Ctrl-C, and the same command goes on with it", async () => {
    let isInterrupted = false;
    const onStep = (step: string) => {
      if (step === "look" && !isInterrupted) {
        isInterrupted = true;
        process.emit("SIGINT", "SIGINT");
      }
      return undefined;
    };
    const { server, cwd } = await job({ onStep, looks: 2 });
    await using _ = server;
    const first = await steerHere(command, { cwd });
    expect(first.code).toBe(130);
    expect(first.stdout).toContain("Leaving the batches to the provider. The same command goes on with them.");
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8")).toBe("");
    const second = await steerHere(command, { cwd });
    expect(second.code).toBe(0);
    expect(second.stdout).toContain("Batch batch_1: found again, 8 requests.");
    expect(outputLines(cwd)).toHaveLength(4);
    expect(paid(server)).toBe(8);
  });

  test("stops once --batch-max-wait is over, and pays once when it goes on", async () => {
    const { server, cwd } = await job({ looks: 3 });
    await using _ = server;
    const first = await steerHere([...command, "--batch-max-wait", "1s"], { cwd });
    expect(first.code).toBe(1);
    expect(first.stderr).toContain(
      "Batch batch_1 was not done in time. It was left to the provider. The same command goes on from there.",
    );
    expect(await steerHere(command, { cwd })).toMatchObject({ code: 0 });
    expect(outputLines(cwd)).toHaveLength(4);
    expect(paid(server)).toBe(8);
  });

  test("keeps to --max-cost-usd, and asks for all inputs at once within it", async () => {
    const { server, cwd } = await job({}, 4, { maxOutputTokens: 50 });
    await using _ = server;
    const { code } = await steerHere([...command, "--max-cost-usd", "0.01"], { cwd });
    expect(code).toBe(0);
    expect(server.batches.map(({ requests }) => requests.length)).toEqual([8]);
  });

  test("asks for as many inputs as --max-cost-usd covers, and for no more", async () => {
    const { server, cwd } = await job({}, 4, { maxOutputTokens: 1_000, defaultOptions: { k: 1 } });
    await using _ = server;
    // A call may cost a little more than 0.001 dollars, and costs 0.0000225.
    const { code, stderr } = await steerHere([...command, "--max-cost-usd", "0.0022"], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(server.batches.map(({ requests }) => requests.length)).toEqual([2, 2]);
    const poor = await job({}, 2, { maxOutputTokens: 1_000, defaultOptions: { k: 1 } });
    await using __ = poor.server;
    const stopped = await steerHere([...command, "--max-cost-usd", "0.0005"], { cwd: poor.cwd });
    expect(stopped).toMatchObject({ code: 3, stderr: expect.stringContaining("does not cover one more input") });
    expect(poor.server.steps).toEqual([]);
  });

  test("begins anew with --fresh, and asks the failed ones anew with --retry-failed", async () => {
    let isRefusing = true;
    const body = { error: { message: "no", type: "invalid_request_error" } };
    const end = () => (isRefusing ? { status: 400, body } : undefined);
    const { server, cwd } = await job({ end }, 2);
    await using _ = server;
    expect((await steerHere(command, { cwd })).code).toBe(1);
    isRefusing = false;
    expect((await steerHere([...command, "--retry-failed"], { cwd })).code).toBe(0);
    expect(paid(server)).toBe(4);
    expect((await steerHere([...command, "--fresh"], { cwd })).code).toBe(0);
    expect(paid(server)).toBe(8);
  });

  test.each([
    [["--timeout-ms", "100"], "--timeout-ms is no time for a batch"],
    [["--batch-max-wait", "soon"], "batch-max-wait"],
  ])("refuses %j", async (more, message) => {
    const cwd = createFolder({ "t.json": toolFile("openai:gpt-5-mini"), "in.jsonl": reports(1) });
    const ended = await steer([...command, ...more], { cwd });
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });

  test("needs an output file, a tool file, and a provider with batches", async () => {
    const module = "export default {};";
    const cwd = createFolder({ "t.json": toolFile("simulated:?error=0"), "in.jsonl": reports(1), "t.mjs": module });
    const run = (flags: string[]) => steerHere(["run", ...flags, "-i", "in.jsonl"], { cwd });
    expect((await run(["t.json", "--batch"])).stderr).toContain("--batch needs --output");
    expect((await run(["t.json", "--batch-max-wait", "1h"])).stderr).toContain("Give --batch beside it");
    expect((await run(["t.json", "--batch", "-o", "o.jsonl"])).stderr).toContain(
      '"batch:" before a model of a provider',
    );
  });
});

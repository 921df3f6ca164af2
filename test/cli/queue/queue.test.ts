import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pgBossQueue } from "../../../src/queue/pg-boss.ts";
import { createTestDatabase, postgresUrl, type TestDatabase } from "../../support/postgres.ts";
import { createFolder, outputLines, reports, startSteer, steer, toolFile } from "../steer.ts";

describe.skipIf(!postgresUrl)("the command on a queue", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database?.drop());

  test("a worker answers what steer run --queue puts in, and drains on SIGTERM", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "reports.jsonl": reports(12) });
    const env = { DATABASE_URL: database.url };
    const worker = startSteer(["worker", "--tools", "triage.json", "--concurrency", "4"], { cwd, env });
    await worker.printed("Working on triage@1.0.0");
    const run = ["run", "triage.json", "--input", "reports.jsonl", "--output", "out.jsonl", "--queue", "-k", "3"];
    expect(await steer(run, { cwd, env })).toMatchObject({ code: 0 });
    const lines = outputLines(cwd).filter((line) => "input" in line);
    expect(lines).toHaveLength(12);
    for (const line of lines)
      expect(line).toMatchObject({ status: "completed", consensus: { severity: expect.any(String) } });
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0, stdout: expect.stringContaining("Draining") });
    expect(readFileSync(`${cwd}/out.jsonl`, "utf8")).not.toContain("failed");
  });

  test("steer serve --queue answers what a worker has run", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const env = { DATABASE_URL: database.url };
    const worker = startSteer(["worker", "--tools", "triage.json"], { cwd, env });
    const service = startSteer(["serve", "triage.json", "--queue", "--port", "0"], { cwd, env });
    const listening = Promise.withResolvers<string>();
    service.child.stdout?.on("data", (text) => {
      const [url] = /http:\S+(?=:)/.exec(text) ?? [];
      if (url) listening.resolve(url);
    });
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ toolName: "triage", request: { report: "It crashes" } });
    const response = await fetch(`${await listening.promise}/v1/runs`, { method: "POST", headers, body });
    expect(await response.json()).toMatchObject({ status: "completed" });
    for (const { child } of [service, worker]) child.kill("SIGTERM");
    expect((await service.ended).code).toBe(0);
    expect((await worker.ended).code).toBe(0);
  });

  test("steer queue shows depth and age, lists dead jobs, and retries and discards them", async () => {
    const queue = pgBossQueue({ connectionString: database.url });
    const tools = [{ name: "dying", version: "1.0.0" }];
    const jobOf = (key: string) => ({ key, toolName: "dying", toolVersion: "1.0.0", request: {} });
    const error = {
      type: "Error",
      message: "wrong key",
      code: "X",
      isRetryable: false,
      attempts: 1,
      category: "authentication",
    };
    let deadCount = 0;
    const dying = async () => {
      deadCount++;
      return { dead: error };
    };
    const worker = await queue.work(dying, { concurrency: 2, tools });
    await queue.enqueue(["a", "b"].map(jobOf));
    await expect.poll(async () => (await queue.stats()).dead, { timeout: 5_000 }).toBe(2);
    await worker.drain(1_000);
    await queue.enqueue([jobOf("c")]);
    const cwd = createFolder();
    const ask = (...more: string[]) => steer(["queue", ...more, "--url", database.url], { cwd });
    expect((await ask("show")).stdout).toMatch(/dying@1\.0\.0 +1 .* 2\n1 waiting, 0 running, 2 dead/);
    expect((await ask("dead")).stdout).toMatch(/a +dying@1\.0\.0 +1 +authentication: wrong key/);
    expect((await ask("retry", "a")).stdout).toBe("Retried 1 dead job.\n");
    expect(JSON.parse((await ask("discard", "--all", "--json")).stdout)).toEqual({ count: 1 });
    expect(await queue.stats()).toMatchObject({ waiting: 2, dead: 0 });
    expect(await ask("retry")).toMatchObject({ code: 2, stderr: expect.stringContaining("--all") });
    await queue.close();
    expect(deadCount).toBe(2);
  });
});

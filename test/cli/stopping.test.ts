import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createFolder, jsonLines, outputLines, reports, startSteer, steer, toolFile } from "./steer.ts";

/**
 * A tool that keeps all inputs from one on waiting until its folder has a file named "open": however late this process
 * comes to stop it, the job has not ended by then.
 */
function gatedTool(firstWaiting: number): string {
  return `
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { PromptBundleTool } from ${JSON.stringify(join(import.meta.dirname, "../../src/index.ts"))};
class Gated extends PromptBundleTool {
  async executeReplicate(request, replicate, context) {
    while (Number(request.report.slice("report ".length)) >= ${firstWaiting} && !existsSync("open")) await setTimeout(5);
    return super.executeReplicate(request, replicate, context);
  }
}
export default new Gated(${toolFile()});`;
}

const openGate = (cwd: string) => writeFileSync(join(cwd, "open"), "");

describe("stopping", () => {
  const parameters = ["run", "triage.ts", "-i", "in.jsonl", "-o", "out.jsonl"];

  test("Ctrl-C once finishes what is in flight, says what was kept, and the same command goes on", async () => {
    const cwd = createFolder({ "triage.ts": gatedTool(300), "in.jsonl": reports(400) });
    const run = startSteer(parameters, { cwd });
    await run.printed("\n20/400");
    run.child.kill("SIGINT");
    await run.printed("Finishing what is in flight");
    openGate(cwd);
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout).toContain("Finishing what is in flight. Once more stops at once.");
    expect(stdout).toContain("The same command goes on from there.");
    const kept = readFileSync(join(cwd, "out.jsonl"), "utf8");
    expect(outputLines(cwd).length).toBeGreaterThanOrEqual(20);
    expect(outputLines(cwd).length).toBeLessThan(400);
    expect(stdout).toContain(`${outputLines(cwd).length} lines in out.jsonl`);
    expect(await steer(parameters, { cwd })).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8").startsWith(kept)).toBe(true);
    expect(new Set(outputLines(cwd).map(({ index }) => index)).size).toBe(400);
    expect(outputLines(cwd)).toHaveLength(400);
  });

  test("Ctrl-C twice stops at once, whatever is in flight", async () => {
    const stuck = `setTimeout(() => {}, 600_000); process.stdout.write("asked"); return new Promise(() => {});`;
    const cwd = createFolder({ "stuck.ts": `export default { name: "stuck", version: "1", execute() { ${stuck} } };` });
    const run = startSteer(["run", "stuck.ts", "-i", "{}"], { cwd });
    await run.printed("asked");
    run.child.kill("SIGINT");
    await run.printed("Once more stops at once");
    run.child.kill("SIGINT");
    expect(await run.ended).toMatchObject({ code: 130 });
  });

  test("Ctrl-C also ends a job that waits for its pipe", async () => {
    const cwd = createFolder({ "triage.json": toolFile() });
    const run = startSteer(["run", "triage.json", "-o", "out.jsonl"], { cwd });
    run.child.stdin?.write(reports(2));
    await run.printed("\n2 ");
    run.child.kill("SIGINT");
    expect(await run.ended).toMatchObject({ code: 130 });
    expect(outputLines(cwd)).toHaveLength(2);
  });

  test("a reader that goes away ends the job instead of paying on", async () => {
    const cwd = createFolder({ "triage.ts": gatedTool(300), "in.jsonl": reports(400) });
    const run = startSteer([...parameters, "--json"], { cwd });
    await run.printed("\n");
    run.child.stdout?.destroy();
    openGate(cwd);
    expect(await run.ended).toMatchObject({ code: 141 });
    expect(outputLines(cwd).length).toBeLessThan(400);
  });

  test("after SIGKILL half-way every input gets exactly one line, and none is asked twice that had one", async () => {
    const cwd = createFolder({ "triage.ts": gatedTool(250), "in.jsonl": reports(300) });
    const run = startSteer([...parameters, "--concurrency", "20"], { cwd });
    await run.printed("\n150/300");
    run.child.kill("SIGKILL");
    expect(await run.ended).toMatchObject({ signal: "SIGKILL" });
    const killed = readFileSync(join(cwd, "out.jsonl"), "utf8");
    const kept = killed.slice(0, killed.lastIndexOf("\n") + 1);
    expect(jsonLines(kept).length).toBeGreaterThanOrEqual(150);
    openGate(cwd);
    expect(await steer(parameters, { cwd })).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8").startsWith(kept)).toBe(true);
    expect(
      outputLines(cwd)
        .map(({ index }) => index)
        .toSorted((a, b) => a - b),
    ).toEqual([...Array(300).keys()]);
  });

  test("10,000 inputs at an error rate of 5 %, killed half-way: 10,000 lines, and those that were there stay as they were", {
    timeout: 180_000,
  }, async () => {
    const cwd = createFolder({ "triage.ts": gatedTool(7_500), "in.jsonl": reports(10_000) });
    const run = startSteer(parameters, { cwd });
    await run.printed("\n5,000/10,000");
    run.child.kill("SIGKILL");
    expect(await run.ended).toMatchObject({ signal: "SIGKILL" });
    const killed = readFileSync(join(cwd, "out.jsonl"), "utf8");
    const kept = killed.slice(0, killed.lastIndexOf("\n") + 1);
    const keptCount = jsonLines(kept).length;
    openGate(cwd);
    const { stdout } = await steer(parameters, { cwd });
    expect(stdout.match(/completed/g)).toHaveLength(10_000 - keptCount);
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8").startsWith(kept)).toBe(true);
    expect(new Set(outputLines(cwd).map(({ index }) => index)).size).toBe(10_000);
    expect(outputLines(cwd)).toHaveLength(10_000);
  });
});

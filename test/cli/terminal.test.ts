import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { createFolder, reports, toolFile } from "./steer.ts";

const main = join(import.meta.dirname, "../../src/cli/main.ts");
const script = "/usr/bin/script";

/** What a terminal is sent, its escape character as `ESC`: `script` gives the command one of its own. */
async function onTerminal(command: string, cwd: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const whole = `${process.execPath} --disable-warning=ExperimentalWarning ${main} ${command}`;
  const plain = {
    TERM: "xterm-256color",
    CI: undefined,
    NO_COLOR: undefined,
    FORCE_COLOR: undefined,
    COLORTERM: undefined,
  };
  const child = spawn(script, ["-qec", whole, "/dev/null"], { cwd, env: { ...process.env, ...plain, ...env } });
  child.stdin.end();
  return (await readAll(child.stdout)).replaceAll("\x1b", "ESC");
}

describe.skipIf(process.platform !== "linux" || !existsSync(script))("on a terminal", () => {
  const files = {
    "triage.json": toolFile("simulated:?latencyMs=150&error=0.4", { defaultOptions: { k: 5 } }),
    "in.jsonl": reports(12),
  };

  test("a job is a table that moves, with votes, confidence, cost and what is left", async () => {
    const sent = await onTerminal("run triage.json -i in.jsonl", createFolder(files));
    expect(sent).toMatch(/ESC\[\d+FESC\[0J/);
    expect(sent).toContain("replicates");
    expect(sent).toMatch(/(low|high) [23]/);
    expect(sent).toMatch(/\d+\/12 done +\$0\.00 +\d s left/);
    expect(sent).toContain("12 of 12 inputs done");
    expect(sent).toMatch(/ESC\[3\d?m/);
  });

  test("NO_COLOR takes the colours away, and leaves the table", async () => {
    const sent = await onTerminal("run triage.json -i in.jsonl", createFolder(files), { NO_COLOR: "1" });
    expect(sent).toMatch(/ESC\[\d+FESC\[0J/);
    expect(sent).not.toMatch(/ESC\[\d*m/);
  });

  test("a dumb terminal gets plain lines", async () => {
    const sent = await onTerminal("run triage.json -i in.jsonl", createFolder(files), { TERM: "dumb" });
    expect(sent).not.toContain("ESC");
    expect(sent).toContain("12/12");
  });
});

/**
 * Kills `steer run` again and again at moments chosen by a seeded dice, until its 10,000 inputs are done, and counts:
 *
 *     node test/cli/programs/kill-and-resume.ts [seed]
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { seededRandom } from "../../../src/core/random.ts";

const inputCount = 10_000;
/** Long enough for some hundred lines, short enough for many kills. */
const longestLifeMs = 1200;
const main = join(import.meta.dirname, "../../../src/cli/main.ts");
const seed = Number(process.argv[2] ?? 1);
const random = seededRandom(seed);
const cwd = mkdtempSync(join(tmpdir(), "steer-kill-"));
const output = join(cwd, "out.jsonl");
const schema = { type: "object", properties: { severity: { enum: ["low", "high"] } }, required: ["severity"] };
const tool = { name: "triage", model: "simulated:?error=0.05&latencyMs=5", prompt: "{{report}}", schema };
const reports = Array.from({ length: inputCount }, (_, index) => `${JSON.stringify({ report: `report ${index}` })}\n`);
writeFileSync(join(cwd, "triage.json"), JSON.stringify(tool));
writeFileSync(join(cwd, "in.jsonl"), reports.join(""));

let killCount = 0;
let halfLineCount = 0;
let kept = "";
while ((await liveAndDie()) === "killed") {
  killCount++;
  const now = existsSync(output) ? readFileSync(output, "utf8") : "";
  if (!now.startsWith(kept))
    throw new Error(`seed ${seed}: after kill ${killCount} a line that was written has changed`);
  kept = now.slice(0, now.lastIndexOf("\n") + 1);
  if (kept.length < now.length) halfLineCount++;
}

const lines = readFileSync(output, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as { index: number });
const indexes = new Set(lines.map(({ index }) => index));
rmSync(cwd, { recursive: true });
console.log(`seed ${seed}: ${inputCount} inputs, ${killCount} kills, ${halfLineCount} half-written lines mended`);
console.log(`${lines.length} lines, ${indexes.size} different inputs; no line that was written was written again`);
if (lines.length !== inputCount || indexes.size !== inputCount) process.exitCode = 1;

/** One life of the command, which the dice may end. */
async function liveAndDie(): Promise<"killed" | "done"> {
  const parameters = ["run", "triage.json", "-i", "in.jsonl", "-o", "out.jsonl", "-c", "50"];
  const child = spawn(process.execPath, [main, ...parameters], { cwd, stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const life = new AbortController();
  void wait(300 + random.next() * longestLifeMs, undefined, { signal: life.signal }).then(
    () => child.kill("SIGKILL"),
    () => {},
  );
  const code = await ended;
  life.abort();
  if (code === null) return "killed";
  if (code === 0) return "done";
  throw new Error(`seed ${seed}: steer run ended with ${code}`);
}

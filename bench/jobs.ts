/**
 * Measures how fast a job runs, and what it holds, where the model takes no time: `steer run` and `runMany` over inputs of one
 * line, K = 3, on the simulated model; beside a loop of `p-queue` over the AI SDK's `generateText` on the same model.
 * `runMany` over a plain tool shows what up to a million inputs leave in memory, in a minute.
 *
 *     node bench/jobs.ts [--sizes 10000,40000] [--plain 10000,100000,1000000] [--peers <folder>] [--peerSize 10000]
 *
 * Each row is a process of its own, so that its memory is its own. Inputs a second are told by the wall clock and by
 * CPU time: other work on the machine lengthens the former. `p-queue` and `promptfoo` are no dependencies of the
 * repository: `npm init -y && npm install p-queue@9 promptfoo` in an empty folder, then `--peers` with its path, or in
 * STEER_BENCH_PEERS for `npm run verify:long -- --only jobs-speed`.
 *
 * Not measured: a network, a model that takes time, a disk that is slow, a terminal that shows a live table.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { question, questions, schema } from "./jobs/work.ts";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "10000,40000" },
    plain: { type: "string", default: "10000,100000,1000000" },
    peers: { type: "string" },
    peerSize: { type: "string", default: "10000" },
  },
});
const sizes = values.sizes.split(",").map(Number);
const folder = mkdtempSync(join(tmpdir(), "steer-jobs-"));
const here = import.meta.dirname;

console.log(
  "| | inputs | a second | a second of CPU | heap MB | peak MB |\n| --- | ---: | ---: | ---: | ---: | ---: |",
);
try {
  const tool = { name: "triage", model: "simulated:?error=0.05", prompt: question, schema, defaultOptions: { k: 3 } };
  writeFileSync(join(folder, "tool.json"), JSON.stringify(tool));
  for (const size of sizes) {
    const input = join(folder, `${size}.jsonl`);
    writeInputs(input, size);
    const output = join(folder, "out.jsonl");
    const main = join(here, "../src/cli/main.ts");
    measure("steer run", size, [main, "run", join(folder, "tool.json"), "--input", input, "--output", output]);
    assertLines(output, size);
    rmSync(input);
    rmSync(output);
  }
  for (const size of sizes) measure("runMany", size, [join(here, "jobs/run-many.ts"), String(size)]);
  for (const size of values.plain.split(","))
    measure("runMany, a plain tool", Number(size), [join(here, "jobs/run-many.ts"), size, "plain"]);
  const peerSize = Number(values.peerSize);
  if (isInstalled("p-queue"))
    measure("p-queue over generateText", peerSize, [
      join(here, "jobs/p-queue.ts"),
      String(peerSize),
      values.peers ?? "",
    ]);
  else console.log("\np-queue is not installed: give --peers, as the top of bench/jobs.ts says.");
  if (isInstalled("promptfoo")) measurePromptfoo(Math.min(1_000, peerSize));
  else console.log("\npromptfoo is not installed: give --peers, as the top of bench/jobs.ts says.");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function writeInputs(path: string, size: number): void {
  const file = openSync(path, "w");
  let text = "";
  for (const request of questions(size)) {
    text += `${JSON.stringify(request)}\n`;
    if (text.length < 1_000_000) continue;
    writeSync(file, text);
    text = "";
  }
  writeSync(file, text);
  closeSync(file);
}

/** Runs a program over `size` inputs, and prints what it used as a row. */
function measure(name: string, size: number, command: readonly string[]): void {
  const measured = join(folder, "measured.json");
  const preload = ["--disable-warning=ExperimentalWarning", "--expose-gc", "--import", join(here, "jobs/watch.ts")];
  execFileSync(process.execPath, [...preload, ...command], {
    env: { ...process.env, MEASURED: measured },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const { cpuS, heapMb, peakMb, wallS } = JSON.parse(readFileSync(measured, "utf8"));
  const figures = [size, size / wallS, size / cpuS, heapMb, peakMb].map((figure) =>
    Math.round(figure).toLocaleString("en-US"),
  );
  console.log(`| ${[name, ...figures].join(" | ")} |`);
}

function assertLines(path: string, size: number): void {
  const file = openSync(path, "r");
  const chunk = Buffer.alloc(1 << 20);
  let lines = 0;
  for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk))
    for (let at = chunk.indexOf(10); at >= 0 && at < read; at = chunk.indexOf(10, at + 1)) lines++;
  closeSync(file);
  if (lines !== size) throw new Error(`${path} has ${lines} lines for ${size} inputs`);
}

function isInstalled(name: string): boolean {
  return values.peers !== undefined && existsSync(join(values.peers, "node_modules", name));
}

/** promptfoo over the same inputs: a provider in a file that answers at once, three times each, nothing graded. */
function measurePromptfoo(size: number): void {
  const provider = join(folder, "provider.cjs");
  writeFileSync(
    provider,
    `module.exports = class { id() { return "now"; } async callApi() { return { output: '{"severity":"low","component":"editor"}' }; } };`,
  );
  const tests = [...questions(size)].map((vars) => ({ vars }));
  const config = { prompts: [question], providers: [`file://${provider}`], tests };
  writeFileSync(join(folder, "promptfoo.json"), JSON.stringify(config));
  const main = join(values.peers as string, "node_modules/promptfoo/dist/src/main.js");
  const flags = ["--repeat", "3", "--no-cache", "--no-table", "--no-write", "--no-progress-bar", "-j", "10"];
  try {
    measure("promptfoo eval", size, [main, "eval", "-c", join(folder, "promptfoo.json"), ...flags]);
  } catch (error) {
    console.log(`\npromptfoo is installed, and did not run: ${(error as Error).message.split("\n")[0]}`);
  }
}

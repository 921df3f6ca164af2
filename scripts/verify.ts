/**
 * Job: run every check of the repository, one line and its time each; stop at the first failure and show its output.
 * Boundary: knows how to run steps; which steps there are stands in steps.ts.
 * Invariants:
 * 1. A step that fails ends the run with status 1, and its whole output is printed.
 * 2. The last line counts the tests that ran: `N passed, N failed, N skipped`.
 * 3. A table above it shows the minutes of each step, the slowest test files, and what is left to `npm run verify:long`.
 * 4. Tests that failed are named once more at the end, with what they saw.
 *
 * `npm run verify -- --only types,unit` runs some of them, `--list` names them all.
 */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { environment } from "./environment.ts";
import { reports, type Step, steps } from "./steps.ts";

const { values } = parseArgs({ options: { only: { type: "string" }, list: { type: "boolean", default: false } } });

/** As much as fits beside the rest of the end of a log. */
const shownFiles = 12;
const shownCharacters = 2_000;

if (values.list) {
  for (const { name, promise } of steps) console.log(`${name.padEnd(16)}${promise}`);
} else {
  const startedAt = performance.now();
  const seconds = new Map<string, number>();
  const failed = await runUntilFailure(chosenSteps(values.only), seconds);
  showMinutes(seconds);
  showSlowestFiles();
  showFailedTests();
  console.log(
    `\n${failed ? `verify failed at "${failed.name}"` : "verify passed"} after ${secondsSince(startedAt).trim()}`,
  );
  console.log(countTests());
  rmSync(reports, { recursive: true });
  process.exitCode = failed ? 1 : 0;
}

function chosenSteps(only: string | undefined): readonly Step[] {
  if (only === undefined) return steps;
  const names = only.split(",");
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length === 0) return steps.filter(({ name }) => names.includes(name));
  throw new Error(`No step is named ${unknown.join(", ")}; there are: ${steps.map(({ name }) => name).join(", ")}.`);
}

/** Prints the minutes of the steps, the longest first; those under 0.1 together. Then what verify:long has beside them. */
function showMinutes(seconds: ReadonlyMap<string, number>): void {
  const minutes = [...seconds]
    .map(([name, value]) => ({ name, minutes: value / 60 }))
    .toSorted((a, b) => b.minutes - a.minutes);
  const long = minutes.filter((step) => step.minutes >= 0.1);
  const rest = minutes.slice(long.length);
  const row = (name: string, value: number) => console.log(`${name.padEnd(24)}${value.toFixed(1).padStart(5)}`);
  console.log(`\n${"Step".padEnd(24)}Minutes`);
  for (const step of long) row(step.name, step.minutes);
  const sum = (steps: typeof minutes) => steps.reduce((total, step) => total + step.minutes, 0);
  if (rest.length > 0) row(`${rest.length} more`, sum(rest));
  row("all", sum(minutes));
  const left = execFileSync(process.execPath, ["scripts/verify-long.ts", "--list"], { encoding: "utf8" });
  console.log(`Left to npm run verify:long: ${left.match(/^\S+/gm)?.join(", ")}`);
}

/** Adds the seconds of each step that ran to `seconds`. */
async function runUntilFailure(chosen: readonly Step[], seconds: Map<string, number>): Promise<Step | undefined> {
  for (const step of chosen) {
    const startedAt = performance.now();
    const { status, output } = await runStep(step);
    seconds.set(step.name, (performance.now() - startedAt) / 1000);
    if (status !== 0 && !step.isShown) console.log(output);
    console.log(
      `${status === 0 ? "ok    " : "FAILED"} ${step.name.padEnd(16)} ${secondsSince(startedAt)}  ${step.promise}`,
    );
    if (status !== 0) return step;
    const facts = step.isShown ? [] : output.split("\n").filter((line) => line.startsWith("= "));
    for (const fact of facts) console.log(`       ${fact.slice(2)}`);
  }
  return undefined;
}

/** A step's output is kept for its failure; that of the tests is shown as it comes. */
function runStep({ command, isShown }: Step): Promise<{ status: number; output: string }> {
  const [program, ...parameters] = command;
  return new Promise((settle, reject) => {
    const channel = isShown ? "inherit" : "pipe";
    const child = spawn(program, parameters, { env: environment, stdio: ["ignore", channel, channel] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", reject).on("close", (status) => settle({ status: status ?? 1, output }));
  });
}

function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(8);
}

/** Report that the test runner writes of a run. */
interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function testReports(): readonly TestReport[] {
  return readdirSync(reports).map((report) => JSON.parse(readFileSync(join(reports, report), "utf8")));
}

function showSlowestFiles(): void {
  const files = testReports().flatMap(({ testResults }) =>
    testResults.map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 })),
  );
  if (files.length === 0) return;
  console.log(`\n${"Slowest test files".padEnd(64)}Seconds`);
  for (const { name, seconds } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, shownFiles))
    console.log(`${relative(".", name).padEnd(64)}${seconds.toFixed(1).padStart(7)}`);
}

function showFailedTests(): void {
  for (const { testResults } of testReports())
    for (const { name, assertionResults } of testResults)
      for (const { fullName, status, failureMessages } of assertionResults)
        if (status === "failed")
          console.log(
            `\nFailed: ${relative(".", name)}: ${fullName}\n${withoutRunner(failureMessages.join("\n")).slice(0, shownCharacters)}`,
          );
}

/** Leaves out the lines of a stack that are the test runner's own. */
function withoutRunner(message: string): string {
  return message.replaceAll(/^ +at .*node_modules.*\n?/gm, "");
}

/** The sum over the test runs of this verification, as the test runner counted them. */
function countTests(): string {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { numPassedTests, numFailedTests, numPendingTests } of testReports()) {
    counts.passed += numPassedTests;
    counts.failed += numFailedTests;
    counts.skipped += numPendingTests;
  }
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/**
 * Makes small wrong changes of the modules that hold promises, one at a time, and shows that tests notice each:
 * `node scripts/mutate.ts`. Every change is made in a temporary copy; the tests of the module run over it, and then a short
 * campaign. A change that passes both is a survivor. The status is 1 where a module's tests fail without any change.
 *
 * `--only lease` takes one module, `--seed 7` draws other changes, `--each 10` draws more of every module.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/core/random.ts";
import { environment } from "./environment.ts";
import { applyChange, type Change, drawChanges } from "./mutate/changes.ts";
import { createCompiler } from "./mutate/compiler.ts";

/** Modules that hold promises, and the tests that have to notice when one is broken. */
const modules: Readonly<Record<string, readonly string[]>> = {
  "src/orchestrate/key/lease.ts": ["test/orchestrate/key/lease.test.ts", "test/orchestrate/key/store-retry.test.ts"],
  "src/orchestrate/key/store-protection.ts": [
    "test/orchestrate/key/store-retry.test.ts",
    "test/orchestrate/silent-store.test.ts",
    "test/orchestrate/idempotency.test.ts",
  ],
  "src/orchestrate/key/run-once.ts": [
    "test/orchestrate/idempotency.test.ts",
    "test/orchestrate/key",
    "test/orchestrate/inner-runs.test.ts",
    "test/orchestrate/kept-outputs.test.ts",
    "test/orchestrate/silent-store.test.ts",
  ],
  "src/orchestrate/key/flights.ts": ["test/orchestrate/flight.test.ts", "test/orchestrate/idempotency.test.ts"],
  "src/orchestrate/key/journal.ts": [
    "test/orchestrate/key/journal.test.ts",
    "test/orchestrate/journal-questions.test.ts",
    "test/tool/journaled-replicate.test.ts",
  ],
  "src/guard/breaker.ts": ["test/guard/breaker.test.ts", "test/guard/turned-circuit.test.ts"],
  "src/guard/retry.ts": ["test/guard/retries.test.ts", "test/guard/retry-budget.test.ts", "test/guard/guard.test.ts"],
  "src/guard/guarded-call.ts": ["test/guard"],
  "src/guard/budget.ts": [
    "test/guard/budget.test.ts",
    "test/tool/time-ceilings.test.ts",
    "test/orchestrate/run.test.ts",
  ],
  "src/guard/classify.ts": ["test/guard/classify.test.ts", "test/guard/dialects.test.ts"],
  "src/guard/retry-after.ts": ["test/guard/guard.test.ts", "test/guard/pauses.test.ts", "test/guard/dialects.test.ts"],
  "src/evidence/internal/settlement.ts": ["test/evidence", "test/tool/votes-in-json.test.ts"],
  "src/evidence/internal/agreement.ts": ["test/evidence"],
  "src/store/memory-records.ts": ["test/store/memory.test.ts", "test/store/model.test.ts"],
  "src/store/claim-rule.ts": ["test/store/model.test.ts"],
};

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    each: { type: "string", default: "4" },
  },
});
/** A change that makes the tests wait for ever is noticed by that. */
const patienceMs = 240_000;
const campaign = [process.execPath, "--no-warnings", "scripts/campaign.ts", "--seeds", "300"];

const compiles = createCompiler();
const copy = makeCopy();
let running: ChildProcess | undefined;
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.once("exit", () => {
  end(running);
  rmSync(copy, { recursive: true, force: true });
});
let drawn = 0;
const survivors: string[] = [];
for (const [path, tests] of Object.entries(modules)) if (path.includes(values.only)) await tryModule(path, tests);
for (const survivor of survivors) console.log(`Survivor: ${survivor}`);
console.log(`\n= ${drawn - survivors.length} of ${drawn} caught`);

async function tryModule(path: string, tests: readonly string[]): Promise<void> {
  const vitest = [process.execPath, resolve("node_modules/vitest/vitest.mjs"), "run", "--bail", "1", ...tests];
  const text = readFileSync(join(copy, path), "utf8");
  if (!(await passes(vitest))) {
    console.log(`${path}: its tests fail without any change`);
    process.exitCode = 1;
    return;
  }
  const random = seededRandom(Number(values.seed));
  for (const change of drawChanges(text, Number(values.each), random, (changed) => compiles(path, changed))) {
    drawn++;
    writeFileSync(join(copy, path), applyChange(text, change));
    const noticed = !(await passes(vitest)) ? "tests" : !(await passes(campaign)) ? "campaign" : undefined;
    const what = `${path}:${change.line}  ${change.kind}: ${describe(text, change)}`;
    console.log(`${(noticed ?? "SURVIVES").padEnd(10)}${what}`);
    if (!noticed) survivors.push(what);
  }
  writeFileSync(join(copy, path), text);
}

function describe(text: string, { start, end, replacement }: Change): string {
  const [before, after] = [text.slice(start, end), replacement].map((part) => part.replace(/\s+/g, " ").trim());
  const shorten = (part = "") => (part.length > 60 ? `${part.slice(0, 57)}...` : part);
  return `${shorten(before)} -> ${shorten(after)}`;
}

function makeCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), "steer-mutate-"));
  for (const name of [
    "src",
    "test",
    "scripts",
    "bench",
    "examples",
    "package.json",
    "tsconfig.json",
    "vitest.config.ts",
  ])
    cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Runs a command in the copy. Its children end with it. */
function passes([command = "", ...parameters]: readonly string[]): Promise<boolean> {
  return new Promise((settle, reject) => {
    const child = spawn(command, parameters, { cwd: copy, stdio: "ignore", detached: true, env: environment });
    running = child;
    const timer = setTimeout(() => end(child), patienceMs);
    child.on("error", reject).on("close", (status) => {
      clearTimeout(timer);
      running = undefined;
      settle(status === 0);
    });
  });
}

function end(child: ChildProcess | undefined): void {
  if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
}

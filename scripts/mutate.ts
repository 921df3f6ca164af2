/**
 * Makes small wrong changes of the modules that hold promises, one at a time, and shows that tests notice each:
 * `node scripts/mutate.ts`. Every change is made in a temporary copy; the tests of the module run over it, and then a short
 * campaign. A change that passes both is a survivor. After that come deliberate faults, each of which the campaign has to
 * find alone. The status is 1 where a module's tests fail without any change, or a deliberate fault is overlooked.
 *
 * `--only lease` takes one module, `--seed 7` draws other changes, `--each 10` draws more of every module, `--workers 4`
 * tries as many at once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/core/random.ts";
import { environment } from "./environment.ts";
import { applyChange, type Change, drawChanges } from "./mutate/changes.ts";
import { createCompiler } from "./mutate/compiler.ts";

const testsOfKeys = [
  "test/orchestrate/idempotency.test.ts",
  "test/orchestrate/key",
  "test/orchestrate/inner-runs.test.ts",
  "test/orchestrate/kept-outputs.test.ts",
  "test/orchestrate/silent-store.test.ts",
];

/** Modules that hold promises, and the tests that have to notice when one is broken. */
const modules: Readonly<Record<string, readonly string[]>> = {
  "src/orchestrate/key/lease.ts": ["test/orchestrate/key/lease.test.ts", "test/orchestrate/key/store-retry.test.ts"],
  "src/orchestrate/key/store-protection.ts": [
    "test/orchestrate/key/store-retry.test.ts",
    "test/orchestrate/silent-store.test.ts",
    "test/orchestrate/idempotency.test.ts",
  ],
  "src/orchestrate/key/run-once.ts": [...testsOfKeys, "test/orchestrate/event-log.test.ts"],
  "src/orchestrate/key/claimed-run.ts": testsOfKeys,
  "src/orchestrate/key/flights.ts": ["test/orchestrate/flight.test.ts", "test/orchestrate/idempotency.test.ts"],
  "src/orchestrate/key/journal.ts": [
    "test/orchestrate/key/journal.test.ts",
    "test/orchestrate/journal-questions.test.ts",
    "test/tool/journaled-replicate.test.ts",
  ],
  "src/guard/breaker.ts": ["test/guard/breaker.test.ts", "test/guard/turned-circuit.test.ts"],
  "src/guard/retry.ts": ["test/guard/retries.test.ts", "test/guard/retry-budget.test.ts", "test/guard/guard.test.ts"],
  "src/guard/guarded-call.ts": [
    "test/guard/guard.test.ts",
    "test/guard/guard-circuit.test.ts",
    "test/guard/attempt-errors.test.ts",
    "test/guard/pauses.test.ts",
    "test/guard/create-guard.test.ts",
    "test/guard/create-guard-promises.test.ts",
    "test/orchestrate/nothing-left.test.ts",
    "test/tool/time-ceilings.test.ts",
  ],
  "src/guard/budget.ts": [
    "test/guard/budget.test.ts",
    "test/orchestrate/flight.test.ts",
    "test/orchestrate/idempotency.test.ts",
    "test/tool/time-ceilings.test.ts",
    "test/orchestrate/run.test.ts",
  ],
  "src/guard/classify.ts": [
    "test/guard/classify.test.ts",
    "test/guard/dialects.test.ts",
    "test/guard/attempt-errors.test.ts",
  ],
  "src/guard/retry-after.ts": ["test/guard/guard.test.ts", "test/guard/pauses.test.ts", "test/guard/dialects.test.ts"],
  "src/evidence/internal/settlement.ts": ["test/evidence", "test/tool/votes-in-json.test.ts"],
  "src/evidence/internal/agreement.ts": ["test/evidence"],
  "src/store/memory-records.ts": ["test/store/memory.test.ts", "test/store/model.test.ts"],
  "src/store/claim-rule.ts": ["test/store/model.test.ts"],
};

/** Faults that were made on purpose, of which each breaks a promise that the campaign checks. */
const deliberate: readonly { readonly path: string; readonly from: string; readonly to: string }[] = [
  {
    path: "src/contract/enclosing-work.ts",
    from: "    this.scope.abort(attemptHasEnded());",
    to: "    // What an attempt has started outlives it.",
  },
  {
    path: "src/contract/enclosing-work.ts",
    from: "    this.#count(spent);",
    to: "    // What an inner run has used that was cut off is not counted.",
  },
  {
    path: "src/store/memory.ts",
    from: 'if (record?.fence === token.fence && record.state === "running") return record;',
    to: 'if (record?.state === "running") return record;',
  },
  {
    path: "src/orchestrate/key/store-protection.ts",
    from: 'error.reason === "unavailable" || error.reason === "locked"',
    to: 'error.reason === "unavailable"',
  },
];

/** Changes that no test can notice, since they break no promise. A survivor that is not here wants a test. */
const harmless: readonly { readonly kind: string; readonly line: string; readonly why: string }[] = [
  {
    kind: "change a constant",
    line: "mayBeReachedLater(error) ? patienceMs : 0",
    why: "A lease that has no patience left is given up a millisecond later.",
  },
  {
    kind: "swap arguments",
    line: "addUsage(sum, usage)",
    why: "A sum is the same in either order.",
  },
  {
    kind: "drop a statement",
    line: "yield field.leaves.length + field.codes.length / 16;",
    why: "Each field still has two more places at which other work may come in between.",
  },
  {
    kind: "change a constant",
    line: "yield 1 + own.length / 16;",
    why: "A step that counts for more lets other work come in sooner.",
  },
  {
    kind: "take another operator",
    line: "code === 0 && filled.size > 0",
    why: "Only rows of code 0, those of containers, can be among the filled lists and objects.",
  },
  {
    kind: "drop a condition",
    line: "code === 0 && filled.size > 0",
    why: "It saves the search where nothing is found: no row of another code is among the filled lists and objects.",
  },
  {
    kind: "drop a statement",
    line: "if (field.isExact && field.listRows.length + field.objectRows.length === 0) {",
    why: "It is a short cut: counting the answers gives the same votes.",
  },
  {
    kind: "take another operator",
    line: "sums.filter((sum) => sum > highest - rounding)",
    why: "It decides only for a sum that is lower by exactly the tolerance of rounding, which is no real difference.",
  },
  {
    kind: "change a constant",
    line: "reachedAt: rows.at(-1) ?? -1",
    why: "An answer of no row comes before every row with any negative number. Tests notice a change of the other -1.",
  },
  {
    kind: "take another operator",
    line: "looks < looksPerClaim",
    why: "A claim looks at one running key more, and so removes an abandoned one sooner.",
  },
];

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    each: { type: "string", default: "4" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
/** A change that makes the tests wait for ever is noticed by that: so long they may take, and so often what they take. */
const patience = { ms: 60_000, times: 4 };
/** Tests that are not changed. */
const firstMs = 480_000;
/** A campaign of a few seconds, on a machine that is busy. */
const campaignMs = 240_000;
const playing = (seeds: number) => [
  process.execPath,
  "--no-warnings",
  "scripts/campaign.ts",
  "--workers",
  "1",
  "--seeds",
  String(seeds),
];

const compiles = createCompiler();
const running = new Set<ChildProcess>();
const folders: string[] = [];
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.once("exit", () => {
  for (const child of running) end(child);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
let drawn = 0;
const survivors: { readonly what: string; readonly why: string | undefined }[] = [];
const left = Object.entries(modules).filter(([path]) => path.includes(values.only));
await inCopies(async (copy) => {
  for (let next = left.shift(); next; next = left.shift()) await tryModule(copy, ...next);
});
for (const { what, why } of survivors) console.log(`Survivor: ${what}${why ? `\n          Harmless: ${why}` : ""}`);
const kept = survivors.filter(({ why }) => why).length;
console.log(
  `\n= ${drawn - survivors.length} of ${drawn} caught, ${kept} harmless, ${survivors.length - kept} overlooked\n`,
);
const faults = deliberate.filter(({ path }) => path.includes(values.only));
let found = 0;
const faultsLeft = [...faults];
await inCopies(async (copy) => {
  for (let next = faultsLeft.shift(); next; next = faultsLeft.shift()) await tryFault(copy, next);
});
console.log(`\n= ${found} of ${faults.length} deliberate faults found by the campaign alone`);
if (found < faults.length) process.exitCode = 1;

/** Does the work several times at once, each in a copy of its own. */
async function inCopies(work: (copy: string) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: Number(values.workers) }, () => work(makeCopy())));
}

async function tryModule(copy: string, path: string, tests: readonly string[]): Promise<void> {
  const vitest = [process.execPath, resolve("node_modules/vitest/vitest.mjs"), "run", "--no-isolate", "--bail", "1"];
  vitest.push("--maxWorkers", "1", ...tests);
  const text = readFileSync(join(copy, path), "utf8");
  const startedAtMs = performance.now();
  if (!(await passes(copy, vitest, firstMs))) {
    console.log(`${path}: its tests fail without any change`);
    process.exitCode = 1;
    return;
  }
  const patientMs = patience.ms + patience.times * (performance.now() - startedAtMs);
  const random = seededRandom(Number(values.seed));
  for (const change of drawChanges(text, Number(values.each), random, (changed) => compiles(path, changed))) {
    drawn++;
    writeFileSync(join(copy, path), applyChange(text, change));
    const noticed = !(await passes(copy, vitest, patientMs))
      ? "tests"
      : !(await passes(copy, playing(300), campaignMs))
        ? "campaign"
        : undefined;
    const what = `${path}:${change.line}  ${change.kind}: ${describe(text, change)}`;
    console.log(`${(noticed ?? "SURVIVES").padEnd(10)}${what}`);
    if (!noticed) survivors.push({ what, why: whyHarmless(text, change) });
  }
  writeFileSync(join(copy, path), text);
}

async function tryFault(copy: string, { path, from, to }: (typeof deliberate)[number]): Promise<void> {
  const text = readFileSync(join(copy, path), "utf8");
  if (!text.includes(from)) throw new Error(`${path} does not contain ${from}. Write down the fault anew.`);
  writeFileSync(join(copy, path), text.replace(from, to));
  // Status 1: it has found a violation. One that had to be ended has found nothing.
  const isFound = (await statusOf(copy, playing(1_500), 2 * campaignMs)) === 1;
  if (isFound) found++;
  console.log(`${(isFound ? "campaign" : "SURVIVES").padEnd(10)}${path}: ${from.trim()} -> ${to.trim()}`);
  writeFileSync(join(copy, path), text);
}

function whyHarmless(text: string, { kind, line }: Change): string | undefined {
  const changed = text.split("\n")[line - 1] ?? "";
  return harmless.find((known) => known.kind === kind && changed.includes(known.line))?.why;
}

function describe(text: string, { start, end, replacement }: Change): string {
  const [before, after] = [text.slice(start, end), replacement].map((part) => part.replace(/\s+/g, " ").trim());
  const shorten = (part = "") => (part.length > 60 ? `${part.slice(0, 57)}...` : part);
  return `${shorten(before)} -> ${shorten(after)}`;
}

function makeCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), "steer-mutate-"));
  folders.push(folder);
  for (const name of [
    "src",
    "test",
    "scripts",
    "bench",
    "examples",
    "viewer",
    "package.json",
    "tsconfig.json",
    "vitest.config.ts",
  ])
    cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  return folder;
}

async function passes(copy: string, command: readonly string[], limitMs: number): Promise<boolean> {
  return (await statusOf(copy, command, limitMs)) === 0;
}

/** Runs a command in the copy. Its children end with it. @returns `null` where it had to be ended */
function statusOf(
  copy: string,
  [command = "", ...parameters]: readonly string[],
  limitMs: number,
): Promise<number | null> {
  return new Promise((settle, reject) => {
    const child = spawn(command, parameters, { cwd: copy, stdio: "ignore", detached: true, env: environment });
    running.add(child);
    const timer = setTimeout(() => end(child), limitMs);
    child.on("error", reject).on("close", (status) => {
      clearTimeout(timer);
      running.delete(child);
      settle(status);
    });
  });
}

function end(child: ChildProcess): void {
  if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
}

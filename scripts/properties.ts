/**
 * Runs the property tests with inputs of other seeds than `npm run verify` draws from: `npm run properties -- --seeds 10`.
 * Prints a line a seed, and the counterexamples of the seeds that fail; `--seed 17` repeats one.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { seeds: { type: "string", default: "10" }, seed: { type: "string" } } });
const files = globSync("test/**/*.test.ts").filter((file) => readFileSync(file, "utf8").includes('"fast-check"'));
const first = Math.floor(Date.now() / 1000);
const seeds = values.seed ? [Number(values.seed)] : Array.from({ length: Number(values.seeds) }, (_, at) => first + at);

let failed = 0;
for (const seed of seeds) {
  const run = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--reporter=dot", ...files], {
    env: { ...process.env, PROPERTY_SEED: String(seed), NO_COLOR: "1" },
    encoding: "utf8",
  });
  const counts = /^\s*Tests\s+(.*)$/m.exec(run.stdout)?.[1] ?? "no test ran";
  console.log(`seed ${seed}: ${counts}`);
  if (run.status !== 0) {
    failed += 1;
    console.log(`${run.stdout}\n${run.stderr}`);
  }
}
console.log(`${seeds.length} seeds, ${files.length} files: ${failed} seeds with a counterexample`);
process.exitCode = failed === 0 ? 0 : 1;

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { renderTable } from "../evidence/table.ts";
import { type Coverage, coverageTable, tokenTable } from "./coverage.ts";
import { type Drift, driftTable } from "./drift.ts";
import { coveragePicture } from "./picture.ts";
import { type Validity, validityTable, wayNames } from "./validity.ts";
import type { Part } from "./worker.ts";

const help = `node bench/right/main.ts [options]

Measures accepted sets on recorded answers: how many certificates are false, how many answers are accepted, and how soon a
certificate is withdrawn when the accuracy falls.

  --draws N    draws of labels for each set (2,000)
  --picture    also write docs/pictures/coverage.svg
  --json       results as JSON`;

const { values: flags } = parseArgs({
  options: {
    draws: { type: "string", default: "2000" },
    picture: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) console.log(help);
else await run(Number(flags.draws));

async function run(draws: number): Promise<void> {
  const jobDraws = Math.max(1, Math.round(draws / 100));
  const [coverage, drift, ...ways] = await Promise.all([
    inThread<Coverage[]>({ measure: "coverage", draws: jobDraws }),
    inThread<Drift[]>({ measure: "drift", draws: Math.max(1, Math.round(draws / 500)) }),
    ...wayNames.map((way) => inThread<Validity[]>({ measure: "validity", way, draws })),
  ]);
  const validity = ways.flat();
  const tables = [
    validityTable(validity),
    coverageTable(coverage, jobDraws),
    tokenTable(jobDraws * 10),
    driftTable(drift),
  ];
  if (flags.picture) {
    const file = join(import.meta.dirname, "..", "..", "docs", "pictures", "coverage.svg");
    writeFileSync(file, coveragePicture(coverage));
  }
  if (flags.json) return console.log(JSON.stringify({ draws, validity, coverage, drift, tables }, null, 2));
  for (const table of tables) console.log(`${renderTable(table)}\n`);
  console.log("![Accepted share of unlabelled answers, by signals and labels](../pictures/coverage.svg)");
}

function inThread<T>(part: Part): Promise<T> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: part });
    worker.once("message", resolve).once("error", reject);
  });
}

import { execFileSync } from "node:child_process";
import { accessSync, constants, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { readCalibrationSets } from "./calibration-sets.ts";
import { calibrationTables, reliabilityPicture } from "./calibration-table.ts";
import { confidenceTable } from "./confidence-table.ts";
import { type DataSet, readDataSet } from "./data-set.ts";
import { checkMemory } from "./memory-check.ts";
import { reproduced, reproductionTable } from "./reproduction-table.ts";
import { stoppingTable } from "./stopping-table.ts";
import { renderTable, type Table } from "./table.ts";
import { textStoppingTable, textTable } from "./text-tables.ts";

const help = `node bench/evidence/main.ts [options] [more files…]

Measures stopping rules, confidence and free-text consensus on recorded answers: those in bench/data, and the given files
of the same format.

  --quick        fewer orders and sample counts
  --calibration  the confidence on all sets alone; unless --quick, its picture in docs/pictures/reliability.svg too
  --json         results as JSON
  --write FILE   results, with commit and date, into a Markdown file`;

const { values: flags, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    calibration: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const dataFolder = join(import.meta.dirname, "..", "data");
const pictureFile = join(import.meta.dirname, "..", "..", "docs", "pictures", "reliability.svg");
const sampleCounts = flags.quick ? [5, 10, 40] : [3, 5, 10, 20, 40];

if (flags.help) console.log(help);
else run();

function run(): void {
  // What cannot be said at the end is found out before the minutes that the measurement takes.
  const measured = commit();
  if (flags.write) {
    mkdirSync(dirname(flags.write), { recursive: true });
    accessSync(dirname(flags.write), constants.W_OK);
  }
  const recorded = flags.calibration ? [] : readdirSync(dataFolder).filter((name) => name.endsWith(".jsonl"));
  const tables: Table[] = [];
  const sets = readCalibrationSets(dataFolder);
  const orders = flags.quick ? 2 : undefined;
  const add = (table: Table) => {
    tables.push(table);
    if (!flags.json) console.log(`${renderTable(table)}\n`);
  };
  for (const table of calibrationTables(sets, orders)) add(table);
  if (flags.calibration && !flags.quick) writeFileSync(pictureFile, reliabilityPicture(sets, orders));
  for (const path of [...recorded.sort().map((name) => join(dataFolder, name)), ...files]) {
    for (const table of tablesOf(readDataSet(path))) add(table);
  }
  if (flags.json) console.log(JSON.stringify({ commit: measured, tables }, null, 2));
  if (flags.write) writeFileSync(flags.write, report(tables, measured));
}

function* tablesOf(set: DataSet): Generator<Table> {
  const counts = sampleCounts.filter((count) => count <= set.mostSamples);
  const orders = ordersFor(set);
  for (const k of counts) yield stoppingTable(set, k, orders);
  if (set.kind === "texts") for (const k of counts) yield textStoppingTable(set, k, flags.quick ? 1 : 8);
  if (set.kind === "texts") yield textTable(set, counts, orders);
  for (const k of counts) yield confidenceTable(set, k, orders);
  if (set.name === reproduced) yield reproductionTable(set, orders);
  if (set.kind !== "objects") yield checkMemory(set, counts.at(-1) as number);
}

/** More orders of the samples where there are fewer questions: some 20,000 bundles a table. */
function ordersFor({ questions }: DataSet): number {
  return flags.quick ? 3 : Math.min(40, Math.max(20, Math.round(20_000 / questions.length)));
}

function report(tables: readonly Table[], measured: string): string {
  const chosen = `${flags.quick ? " --quick" : ""}${flags.calibration ? " --calibration" : ""}`;
  const command = `node bench/evidence/main.ts${chosen} --write ${flags.write}`;
  const day = new Date().toISOString().slice(0, 10);
  const head = `# ${flags.calibration ? "Confidence" : "Evidence"}, measured\n\n\`${command}\` on ${day}, at commit ${measured}. How to read it: ${flags.calibration ? "[calibration.md](../guide/calibration.md)" : "[evidence.md](../evidence.md)"}.`;
  const picture = "![Share of right answers over confidence, by family](../pictures/reliability.svg)";
  return `${[head, ...tables.map(renderTable), ...(flags.calibration ? [picture] : [])].join("\n\n")}\n`;
}

/** The commit that was measured, and whether the measured code differs from it. */
function commit(): string {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8", cwd: import.meta.dirname }).trim();
  const changed = git("status", "--porcelain", "--", "../../src/evidence", "../../src/evidence.ts", ".") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${changed ? " with changes" : ""}`;
}

/**
 * Prints the figures of how the source reads, beside those of commit 89b0f96 and of seven admired projects. They are
 * signs, not limits: what decides is how the code reads.
 */
import { execFileSync } from "node:child_process";
import { countDuplicatePlaces } from "./house/duplicates.ts";
import { readForm } from "./house/form.ts";

/** Counted on 2026-11-30 over kysely, query-core, restate sdk-gen, AI SDK, hono, cockatiel and fast-check. */
const anchors = {
  files: "",
  oneImporter: "4 to 28 %",
  usedOnce: "",
  largest: "489 to 2,971",
  docblocks: "1 to 2 %",
  pronouns: "0",
  circles: "",
  keyedRun: "",
  retry: "",
  duplicates: "",
};

/** The same figures of commit 89b0f96, before files were merged, by this script. */
const before = {
  files: "428",
  oneImporter: "40 %",
  usedOnce: "68 %",
  largest: "218",
  docblocks: "23 %",
  pronouns: "105",
  circles: "10",
  keyedRun: "155",
  retry: "37",
  duplicates: "7",
};

const form = readForm();
const entered = (way: string) =>
  execFileSync(process.execPath, ["--no-warnings", "scripts/house/entered.ts", way], { encoding: "utf8" }).trim();

const now = {
  files: String(form.files),
  oneImporter: percent(form.filesWithOneImporter / form.files),
  usedOnce: percent(form.functionsUsedOnce / form.privateFunctions),
  largest: String(form.largestFile),
  docblocks: percent(form.docblocksThatAsk / form.docblocks),
  pronouns: String(form.pronouns),
  circles: String(form.typeCircles),
  keyedRun: entered("keyed-run"),
  retry: entered("retry"),
  duplicates: String(countDuplicatePlaces()),
};

const names: Record<keyof typeof now, string> = {
  files: "files of src/",
  oneImporter: "files with exactly one importer",
  usedOnce: "private functions that are used once",
  largest: "lines of the largest file",
  docblocks: "docblocks that begin with What, Whether, How, Who, Of, By",
  pronouns: "nobody, somebody, whoever",
  circles: "circles of imports, type imports included",
  keyedRun: "files that a keyed run of a prompt bundle enters",
  retry: "files from a provider's 429 to retry_scheduled",
  duplicates: "places of six or more equal lines that stand twice",
};

const rows = (Object.keys(names) as (keyof typeof now)[]).map((key) => [
  names[key],
  now[key],
  before[key],
  anchors[key],
]);
for (const [name = "", ...figures] of [["", "now", "89b0f96", "anchors"], ...rows])
  console.log((name.padEnd(60) + figures.map((figure) => figure.padEnd(10)).join("")).trimEnd());

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

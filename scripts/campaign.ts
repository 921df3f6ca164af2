/**
 * Plays scenarios full of faults with the real orchestrator, a fake provider and a fake clock, and checks after each that
 * every promise was kept, also that what is allowed does happen: `node scripts/campaign.ts --seeds 10000`. Each seed is one
 * scenario; all cores play. For a broken promise it prints the smallest scenario that breaks it, and the command that
 * replays it; its status is then 1.
 *
 * `--seed 17` plays one seed, `--from 5000` begins there, `--workers 1` plays on one core, `--json` prints the report as
 * JSON.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { type CampaignReport, runCampaign, type Violation } from "../test/campaign/campaign.ts";
import { describeHistory } from "../test/campaign/describe-history.ts";
import { runInWorkers } from "../test/campaign/in-workers.ts";
import { play } from "../test/campaign/play.ts";
import { countTable } from "./count-table.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "0" },
    seed: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    json: { type: "boolean", default: false },
  },
});

const startedAt = performance.now();
const report = await runChosen();
const seconds = (performance.now() - startedAt) / 1000;
if (values.json) console.log(JSON.stringify(report, null, 2));
else await print(report);
process.exitCode = report.violations.length > 0 ? 1 : 0;

function runChosen(): Promise<CampaignReport> {
  if (values.seed !== undefined) return runCampaign([wholeNumber(values.seed, "--seed")]);
  const from = wholeNumber(values.from, "--from");
  return runInWorkers(from, from + wholeNumber(values.seeds, "--seeds"), wholeNumber(values.workers, "--workers"));
}

function wholeNumber(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`${option}: got "${text}"; allowed: a whole number of at least 0`);
  return Number(text);
}

async function print({ scenarios, runs, calls, faults, deeds, checks, violations }: CampaignReport): Promise<void> {
  for (const violation of violations) await printViolation(violation);
  console.log(
    `Faults met:\n${countTable(faults)}\n\nWhat came of it:\n${countTable(deeds)}\n\nInvariants checked:\n${countTable(checks)}\n`,
  );
  console.log(`= ${scenarios} scenarios, ${runs} runs, ${calls} calls in ${seconds.toFixed(1)} s`);
  console.log(`= ${sum(faults)} faults met, ${sum(checks)} checks, ${violations.length} violations`);
}

async function printViolation({ seed, promise, what, scenario }: Violation): Promise<void> {
  console.log(`Broken: ${promise}\n${what}\n\nThe smallest scenario that breaks it:\n${JSON.stringify(scenario)}\n`);
  console.log(`${describeHistory(await play(scenario))}\n\nReplay it: node scripts/campaign.ts --seed ${seed}\n`);
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

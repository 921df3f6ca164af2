import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { CampaignReport } from "./campaign.ts";

/** Which seeds a worker plays: every `step`th from `from` up to and without `end`. */
export interface SeedRange {
  readonly from: number;
  readonly end: number;
  readonly step: number;
}

/** The same as `runCampaign` of all seeds from `from` up to and without `end`, by so many workers at once. */
export async function runInWorkers(from: number, end: number, step: number): Promise<CampaignReport> {
  const ranges = Array.from({ length: step }, (_, nth): SeedRange => ({ from: from + nth, end, step }));
  const reports = await Promise.all(ranges.map(runInWorker));
  return reports.reduce(join);
}

async function runInWorker(range: SeedRange): Promise<CampaignReport> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: range });
  const [report] = await once(worker, "message");
  return report;
}

function join(a: CampaignReport, b: CampaignReport): CampaignReport {
  return {
    scenarios: a.scenarios + b.scenarios,
    runs: a.runs + b.runs,
    calls: a.calls + b.calls,
    faults: addCounts(a.faults, b.faults),
    deeds: addCounts(a.deeds, b.deeds),
    checks: addCounts(a.checks, b.checks),
    violations: [...a.violations, ...b.violations],
  };
}

type Counts = Readonly<Record<string, number>>;

function addCounts(a: Counts, b: Counts): Counts {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

import { parentPort, workerData } from "node:worker_threads";
import { runCampaign } from "./campaign.ts";
import type { SeedRange } from "./in-workers.ts";

function* seedsOf({ from, end, step }: SeedRange): Generator<number> {
  for (let seed = from; seed < end; seed += step) yield seed;
}

const report = await runCampaign(seedsOf(workerData));
parentPort?.postMessage({ ...report });

import { parentPort, workerData } from "node:worker_threads";
import { measureCoverage } from "./coverage.ts";
import { measureDrift } from "./drift.ts";
import { recordedJob, recordedSets } from "./jobs.ts";
import { measureValidity } from "./validity.ts";

/** A part of the measurement, which takes a thread of its own. */
export type Part =
  | { readonly measure: "validity"; readonly way: string; readonly draws: number }
  | { readonly measure: "coverage" | "drift"; readonly draws: number };

const part = workerData as Part;
const measured =
  part.measure === "validity"
    ? measureValidity(part.way, part.draws, recordedSets().map(recordedJob))
    : part.measure === "coverage"
      ? measureCoverage(part.draws)
      : measureDrift(part.draws);
parentPort?.postMessage(measured);

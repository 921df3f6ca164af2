/** Fuzzes the service from its own OpenAPI document: `node bench/service-fuzz.ts --requests 10000 --seed 1`. */
import { parseArgs } from "node:util";
import { fuzzService } from "./service/fuzz.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
});
const count = Number(values.requests);
// What the first requests load stays.
await fuzzService(200, 1_000_000);
const before = heapAfterCollection();
const startedMs = performance.now();
const { statuses, faults, reached } = await fuzzService(count, Number(values.seed));
const seconds = (performance.now() - startedMs) / 1_000;
const grownMb = (heapAfterCollection() - before) / 1e6;
console.log(`${count} requests in ${seconds.toFixed(1)} s; ${reached.length} operations were answered below 400.`);
console.log(`Answers by status: ${JSON.stringify(statuses)}`);
console.log(`The heap grew by ${grownMb.toFixed(1)} MB.`);
for (const fault of faults) console.log(`FAULT: ${fault}`);
if (faults.length > 0 || grownMb > 30) process.exitCode = 1;

function heapAfterCollection(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

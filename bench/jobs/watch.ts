/**
 * Preloaded into a process that is measured, under `--expose-gc`: as it ends, it writes what it has used into the file
 * `MEASURED`. `heapMb` is the largest heap after a collection, of which there is one every two seconds and one at the end.
 */
import { writeFileSync } from "node:fs";

const collect = (globalThis as { gc?: () => void }).gc as () => void;
let heapMb = 0;

function look(): void {
  collect();
  heapMb = Math.max(heapMb, process.memoryUsage().heapUsed / 1e6);
}

setInterval(look, 2_000).unref();
process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const wallS = performance.now() / 1000;
  look();
  const figures = { cpuS: (userCPUTime + systemCPUTime) / 1e6, heapMb, peakMb: maxRSS / 1024, wallS };
  writeFileSync(process.env["MEASURED"] as string, JSON.stringify(figures));
});

/** Preloaded into a process that is measured: as it ends, it writes what it has used into the file `MEASURED`. */
import { writeFileSync } from "node:fs";

process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const figures = { cpuS: (userCPUTime + systemCPUTime) / 1e6, peakMb: maxRSS / 1024, wallS: performance.now() / 1000 };
  writeFileSync(process.env["MEASURED"] as string, JSON.stringify(figures));
});

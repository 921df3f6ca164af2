/** A worker: takes runs until SIGTERM, then lets those under way end. The command does the same: steer worker --tools triage.ts */
import { openFleet } from "./triage.ts";

const { fleet, close } = openFleet();
const worker = await fleet.work({ concurrency: 4 });
console.log(`worker ${process.pid} is ready`);
process.send?.("ready");
process.once("SIGTERM", async () => {
  await worker.drain(25_000);
  await close();
  process.exit();
});

import type { History } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { errorOf } from "./reports.ts";

export const blinksFailNoRun: Invariant = {
  promise: "a store that is away for a while, and comes back, fails no run that waits for it",
  check(history, expect) {
    if (!isWaitedFor(history)) return;
    for (const run of history.runs)
      expect(errorOf(run)?.code !== "STORE", () => `run ${run.index} failed with ${errorOf(run)?.message}`);
  },
};

/** A little less than `storeRetryMs`: the last pause is spent before the store is asked again. */
const patienceMs = 110_000;

/** Whether all that came between the runs and their store passed by itself, and no other process asks it for their keys. */
function isWaitedFor({ scenario, clockFaults }: History): boolean {
  const { processes, storeFaults, reliability } = scenario;
  const awayMs = storeFaults.reduce((sum, { delayMs }) => sum + delayMs, 0);
  const hasPassed = storeFaults.length > 0 && storeFaults.every(({ kind }) => !kind.startsWith("never"));
  const isAlone = processes === 1 && clockFaults.length === 0;
  // Whether a settlement whose answer was lost is there cannot be found out once its output has expired.
  const isFindable = reliability.idempotencyTtlMs > patienceMs || !storeFaults.some(({ kind }) => kind === "lost");
  return hasPassed && isFindable && isAlone && reliability.onStoreError === "fail" && awayMs < patienceMs;
}

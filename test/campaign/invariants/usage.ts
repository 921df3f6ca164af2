import { isPriced, priceOf, tokenPriceUsd } from "../fake-tools.ts";
import type { History, PlayedCall, PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsOf, jobOf, outputOf, reportsOf, reportsToOthers, sumOf, type UsageReport } from "./reports.ts";

export const usageIsConserved: Invariant = {
  promise: "what all attempts used is reported, once; what was not told is estimated from above",
  check(history, expect) {
    for (const run of history.runs) {
      if (hasWaited(history, run)) continue;
      const calls = callsOf(history, run);
      const reports = reportsOf(history, run);
      const isBilled = calls.some(({ told, isWithheld }) => told || isWithheld);
      const isLeft = () => reportsToOthers(history, run).some((report) => faultOf(report, calls) === undefined);
      expect(!isBilled || reports.length > 0 || isLeft(), () => `what run ${run.index} used is reported nowhere`);
      for (const report of reports) {
        const fault = faultOf(report, calls);
        expect(fault === undefined, () => `run ${run.index}: ${fault}`);
      }
    }
  },
};

/** Whether a run may have waited for another one of its key, so that what it reports is the other's. */
function hasWaited(history: History, run: PlayedRun): boolean {
  return jobOf(history, run).key !== null && callsOf(history, run).length === 0;
}

/** What is wrong with a report of these calls. */
function faultOf({ usage, atMs }: UsageReport, calls: readonly PlayedCall[]): string | undefined {
  const isInTime = ({ wasAborted, toldAtMs = 0 }: PlayedCall) => !wasAborted && toldAtMs <= atMs;
  const told = toldBy(calls.filter(isInTime));
  // What own tools tell after their attempt was ended counts if the run is still there to hear it.
  const late = toldBy(calls.filter((call) => !isInTime(call) && !call.isModelCall));
  const withheld = calls.filter(({ isWithheld }) => isWithheld);
  const { requests = 0 } = usage;
  const least = told.requests + withheld.length;
  if (requests < least || requests > least + late.requests)
    return `${requests} calls are reported, and ${least} to ${least + late.requests} were made`;
  const most = told.totalTokens + late.totalTokens + withheld.reduce((sum, call) => sum + call.allowedTokens, 0);
  if (usage.totalTokens < told.totalTokens || usage.totalTokens > most)
    return `${usage.totalTokens} tokens are reported, and ${told.totalTokens} to ${most} were used`;
  if (withheld.length === 0 && usage.estimated) return "the usage is marked as estimated, and everything was told";
  return undefined;
}

function toldBy(calls: readonly PlayedCall[]): { requests: number; totalTokens: number } {
  const { requests = 0, totalTokens } = sumOf(calls.flatMap(({ told }) => told ?? []));
  return { requests, totalTokens };
}

export const costFollowsUsage: Invariant = {
  promise: "the cost is the price of the usage, and unknown where a price is",
  check(history, expect) {
    for (const run of history.runs) {
      if (hasWaited(history, run)) continue;
      const isKnown = callsOf(history, run).every(
        ({ model, told, isWithheld }) => isPriced(model) || !(told || isWithheld),
      );
      for (const { usage, costUsd } of reportsOf(history, run))
        expect(
          isKnown ? isNear(costUsd, priceOf(usage)) : costUsd === null,
          () =>
            `run ${run.index} costs ${costUsd} for ${usage.totalTokens} tokens, ${usage.cachedInputTokens ?? 0} of them cached`,
        );
    }
  },
};

function isNear(costUsd: number | null, expectedUsd: number): boolean {
  return costUsd !== null && Math.abs(costUsd - expectedUsd) < tokenPriceUsd / 1000;
}

export const journaledIsNotCharged: Invariant = {
  promise: "a bundle is made of what its run has paid for and of what earlier ones had",
  check(history, expect) {
    for (const run of history.runs) {
      const output = outputOf(run);
      const bundle = output?.content?.evidenceBundle;
      if (!output || !bundle || !isMadeOfItsCalls(history, run)) continue;
      const journaled = output.metadata.journaledUsage?.totalTokens ?? 0;
      const paid = output.usage.totalTokens;
      const held = bundle.usageTotal.totalTokens;
      expect(
        held === paid + journaled,
        () => `run ${run.index} paid ${paid}, found ${journaled}, and holds ${held} tokens`,
      );
    }
  },
};

/** Whether a run's own calls, each guarded alone and heard in time, are what its bundle holds. */
function isMadeOfItsCalls(history: History, run: PlayedRun): boolean {
  const isGuardedOneByOne = ["prompt", "replicates"].includes(jobOf(history, run).tool);
  const isOneTool = run.events.every(({ type }) => type !== "fallback_started");
  const hasLate = callsOf(history, run).some(({ wasAborted, told, isModelCall }) => wasAborted && told && !isModelCall);
  return isGuardedOneByOne && isOneTool && !hasLate && outputOf(run)?.requestId === run.requestId;
}

import { isOrchestratorError } from "../../../src/index.ts";
import type { History, PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsOf, errorOf, jobOf, outputOf, sharingOf } from "./reports.ts";

export const everyRunSettles: Invariant = {
  promise: "every run settles, and none waits for nothing",
  check({ runs, leftovers }, expect) {
    const { unsettled, stuck } = leftovers;
    for (const { index } of runs)
      expect(![...unsettled, ...stuck].includes(index), () => `run ${index} would never have settled`);
  },
};

export const endsInTime: Invariant = {
  promise: "a run ends by its deadline, and when its caller ends it",
  check({ runs, clockFaults }, expect) {
    if (clockFaults.some(({ kind }) => kind === "pause")) return;
    for (const run of runs) {
      const endMs = Math.min(deadlineOf(run), run.endedByCallerAtMs ?? Number.POSITIVE_INFINITY);
      const { settledAtMs } = run;
      if (settledAtMs !== undefined && endMs < Number.POSITIVE_INFINITY)
        expect(
          settledAtMs <= endMs,
          () => `run ${run.index} should end by ${endMs} ms, and ended at ${settledAtMs} ms`,
        );
    }
  },
};

export const failsForCause: Invariant = {
  promise: "a tool fails only by what was done to it",
  check(history, expect) {
    for (const run of history.runs)
      for (const error of Object.values(outputOf(run)?.errors ?? {}))
        expect(isKnown(history, run, error.type), () => `run ${run.index} failed with ${error.type}: ${error.message}`);
  },
};

function isKnown(history: History, run: PlayedRun, type: string): boolean {
  return knownErrors.has(type) || (type === "InvalidOptionsError" && isForUnknownPrice(history, run));
}

/** Of the fake provider, and of ours: no fault of the program is among them. */
const knownErrors = new Set([
  "HttpFailure",
  "Error",
  "StreamCutError",
  "TimeoutError",
  "InvalidOutputError",
  "CircuitOpenError",
  "BudgetExceeded",
  "StoreError",
]);

export const rejectsForCause: Invariant = {
  promise: "a run is rejected only for what was done to it",
  check(history, expect) {
    for (const run of history.runs) {
      const error = errorOf(run);
      if (error === undefined) continue;
      const isCaused = isOrchestratorError(error) && (causes[error.code]?.(history, run, error) ?? false);
      expect(isCaused, () => `run ${run.index} had no reason for ${error?.stack ?? error}`);
    }
  },
};

const causes: Readonly<Record<string, (history: History, run: PlayedRun, error: any) => boolean>> = {
  CANCELLED: (_history, { endedByCallerAtMs }) => endedByCallerAtMs !== undefined,
  BUDGET_EXCEEDED: (history, run, { budgetType }) => hasBudget(history, run, budgetType),
  STORE: ({ scenario, clockFaults }) => scenario.storeFaults.length + clockFaults.length > 0,
  INVALID_OPTIONS: (history, run) => isForUnknownPrice(history, run) && callsOf(history, run).length === 0,
  PLANNING: (history, run) => jobOf(history, run).choice === "planner",
  CONFLICT: (history, run, { reason }) =>
    reason === "in_flight"
      ? canBeHeldElsewhere(history)
      : history.runs.some((other) => isOtherRequest(history, run, other)),
};

function hasBudget(history: History, run: PlayedRun, budgetType: string): boolean {
  const job = jobOf(history, run);
  if (budgetType === "timeMs")
    return [run.plan.timeoutMs, run.plan.budgetMs, job.perReplicateTimeMs, job.globalTimeMs].some(isSet);
  const ofRuns = sharingOf(history, run).map(({ plan }) => plan.budgetTokens);
  return [job.globalTokens, job.perReplicateTokens, ...ofRuns].some(isSet);
}

function isSet(ceiling: number | undefined): boolean {
  return ceiling !== undefined;
}

/** Whether dollars limit what has no price. */
function isForUnknownPrice(history: History, run: PlayedRun): boolean {
  const { escalates, isStrongerUnpriced, areCeilingsInDollars, perReplicateTokens, globalTokens } = jobOf(history, run);
  const isLimited = areCeilingsInDollars && [perReplicateTokens, globalTokens].some(isSet);
  return (
    escalates && isStrongerUnpriced && (isLimited || sharingOf(history, run).some(({ plan }) => plan.isBudgetInDollars))
  );
}

/** By another process, or by a run of this one that the store did not let go of it. */
function canBeHeldElsewhere({ scenario, clockFaults }: History): boolean {
  const { processes, storeFaults, reliability } = scenario;
  return reliability.onInFlight === "reject" && (processes > 1 || storeFaults.length + clockFaults.length > 0);
}

function isOtherRequest(history: History, run: PlayedRun, other: PlayedRun): boolean {
  return jobOf(history, other).key === jobOf(history, run).key && other.fingerprint !== run.fingerprint;
}

function deadlineOf({ startedAtMs, plan }: PlayedRun): number {
  return startedAtMs + Math.min(plan.timeoutMs ?? Number.POSITIVE_INFINITY, plan.budgetMs ?? Number.POSITIVE_INFINITY);
}

import type { History, PlayedCall, PlayedRun } from "../history.ts";
import type { CallFault } from "../scenario.ts";
import { isBlink } from "../store-troubles.ts";
import type { Invariant } from "./invariant.ts";
import { callsOf, callsTo, isInvalid, jobOf, processOf } from "./reports.ts";

export const retriesHappen: Invariant = {
  promise:
    "a call that may succeed next time is tried again, for as long as there are retries and nothing else ends it",
  check(history, expect) {
    const { maxRetries } = history.scenario.reliability;
    for (const run of history.runs.filter((run) => isLeftAlone(history, run)))
      for (const attempts of callsByAttempts(history, run))
        for (const [nth, { model, seed, ...failed }] of attempts
          .slice(0, maxRetries + correctionsIn(attempts))
          .entries())
          if (
            passing.has(failed.fault) &&
            !failed.wasAborted &&
            !mayBeRefused(history, run, attempts[nth] as PlayedCall)
          )
            expect(
              nth + 1 < attempts.length,
              () => `run ${run.index} gave ${model} up for seed ${seed} after ${nth + 1} attempts`,
            );
  },
};

/** A correction uses up no retry. */
function correctionsIn(attempts: readonly PlayedCall[]): number {
  return attempts.slice(0, -1).some(isInvalid) ? 1 : 0;
}

/** Faults that another attempt may not meet. */
const passing: ReadonlySet<CallFault | null> = new Set<CallFault | null>([
  "rate_limit",
  "overloaded",
  "server_error",
  "timeout",
  "network",
  "cut",
]);

/** Whether nothing can have ended a run, or one of its calls, before its retries. */
function isLeftAlone(history: History, run: PlayedRun): boolean {
  const { plan, endedByCallerAtMs } = run;
  const { key, stopping, escalates, judge, ...job } = jobOf(history, run);
  const ofBundle = [job.globalTokens, job.globalTimeMs, job.perReplicateTokens, job.perReplicateTimeMs];
  const ceilings = [plan.budgetTokens, plan.budgetMs, plan.timeoutMs, ...ofBundle];
  if (endedByCallerAtMs !== undefined || ceilings.some((ceiling) => ceiling !== undefined)) return false;
  if (key !== null && history.scenario.storeFaults.length + history.clockFaults.length > 0) return false;
  // A run inside it may fail, and end the call beside it.
  if (callsOf(history, run).some(({ isInner }) => isInner)) return false;
  const endsEarly = stopping !== "none" || escalates || judge === "broken";
  return !endsEarly && !callsOf(history, run).some(({ fault }) => hopeless.has(fault));
}

/** Faults that end all that a tool does. */
const hopeless: ReadonlySet<CallFault | null> = new Set<CallFault | null>([
  "authentication",
  "quota_exhausted",
  "invalid_request",
  "context_length",
]);

/** The attempts of each call that is guarded alone. */
function callsByAttempts(history: History, run: PlayedRun): PlayedCall[][] {
  const guarded = callsOf(history, run).filter(({ tool }) => !tool.startsWith("whole"));
  return Object.values(Object.groupBy(guarded, ({ model, seed }) => `${model} ${seed}`)) as PlayedCall[][];
}

/** Whether the circuit can have opened, or a pause can be longer than a fallback is, by the end of a call. */
function mayBeRefused(history: History, run: PlayedRun, { provider, model, seed, endStep = 0 }: PlayedCall): boolean {
  const { failureThreshold } = history.scenario.reliability.circuitBreaker;
  const earlier = callsTo(history, provider, processOf(history, run)).filter(({ startStep }) => startStep <= endStep);
  const failures = earlier.filter(
    ({ fault, wasAborted }) => wasAborted || (passing.has(fault) && fault !== "rate_limit"),
  );
  const failed = new Set(failures.map((call) => [call.run, call.model, call.seed].join()));
  // A call that is not given up yet has opened nothing.
  failed.delete([run.index, model, seed].join());
  const hasPause = jobOf(history, run).fallbacks.length > 0 && earlier.some(({ retryAfterMs }) => retryAfterMs);
  return failed.size >= failureThreshold || hasPause;
}

export const waitsAreShort: Invariant = {
  promise: "between two attempts lies no more than the backoff, and the pause that the provider has asked for",
  check(history, expect) {
    if (history.clockFaults.length > 0) return;
    for (const run of history.runs) {
      const { globalTokens, perReplicateTokens, key, nests, areInnerKeyed } = jobOf(history, run);
      // An attempt may wait for runs inside it after its own call, also for those that wait for their store and call nothing.
      if ((nests !== null && areInnerKeyed) || callsOf(history, run).some(({ isInner }) => isInner)) continue;
      // While a store that is away cannot confirm the lease, nothing starts under the key.
      if (key !== null && history.scenario.storeFaults.some(isBlink)) continue;
      if ([run.plan.budgetTokens, globalTokens, perReplicateTokens].some((ceiling) => ceiling !== undefined)) continue;
      for (const attempts of callsByAttempts(history, run))
        for (const [nth, next] of attempts.slice(1).entries()) {
          const failed = attempts[nth] as PlayedCall;
          if (mayBeRefused(history, run, next) || isSlowedDown(history, run, next)) continue;
          const latestMs = latestStart(history, run, failed, next, nth);
          expect(
            next.startedAtMs <= latestMs,
            () => `run ${run.index} tried ${next.model} again at ${next.startedAtMs} ms, and not by ${latestMs} ms`,
          );
        }
    }
  },
};

/** Whether its server has refused the rate of a model's calls by then, so that they start at the one that it takes. */
function isSlowedDown(history: History, run: PlayedRun, { provider, model, startStep }: PlayedCall): boolean {
  return callsTo(history, provider, processOf(history, run)).some(
    (call) => call.model === model && call.fault === "rate_limit" && (call.endStep ?? 0) < startStep,
  );
}

/** When the next attempt has to have started. */
function latestStart(history: History, run: PlayedRun, failed: PlayedCall, next: PlayedCall, nth: number): number {
  const { initialDelayMs, maxDelayMs } = history.scenario.reliability;
  const backoffMs = Math.min(maxDelayMs, initialDelayMs * 2 ** nth);
  const pauses = callsTo(history, failed.provider, processOf(history, run))
    .filter(({ retryAfterMs, endStep = 0 }) => retryAfterMs && endStep < next.startStep)
    .map(({ retryAfterMs = 0, endedAtMs = 0 }) => endedAtMs + retryAfterMs);
  const { endedAtMs = 0, retryAfterMs = 0 } = failed;
  return Math.max(endedAtMs + retryAfterMs + backoffMs, ...pauses.map((untilMs) => untilMs + initialDelayMs));
}

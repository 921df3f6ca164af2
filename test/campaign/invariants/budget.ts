import type { BudgetExceeded } from "../../../src/index.ts";
import { innerK, priceOf, tokenPriceUsd } from "../fake-tools.ts";
import type { History, PlayedCall, PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsOf, errorOf, isInvalid, jobOf, reportsOf, sharingOf, sumOf } from "./reports.ts";

export const callsAreLimited: Invariant = {
  promise:
    "no call is made more often than once, its retries and one correction, and no more than k replicates are asked for",
  check(history, expect) {
    const attempts = 1 + history.scenario.reliability.maxRetries;
    for (const run of history.runs) {
      const { k } = jobOf(history, run);
      for (const [model, calls] of groups(callsOf(history, run), ({ model }) => model)) {
        const bySeed = groups(calls, ({ seed }) => String(seed));
        const most = calls.some(({ isInner }) => isInner) ? innerK : k;
        expect(
          bySeed.length <= most,
          () => `run ${run.index} asked ${model} for ${bySeed.length} replicates of ${most}`,
        );
        for (const [seed, ofSeed] of bySeed) {
          // A whole bundle is asked again as a whole.
          const corrections = ofSeed.concat(calls.filter(isOfWhole)).some(isInvalid) ? 1 : 0;
          expect(
            ofSeed.length <= attempts + corrections,
            () => `run ${run.index} asked ${model} ${ofSeed.length} times for seed ${seed}`,
          );
        }
      }
    }
  },
};

const isOfWhole = ({ tool }: PlayedCall): boolean => tool.startsWith("whole");

function groups<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  return Object.entries(Object.groupBy(items, keyOf)) as [string, T[]][];
}

export const nothingStartsPastTheBudget: Invariant = {
  promise: "no call starts once the budget is used up",
  check(history, expect) {
    for (const [run, budget, calls] of runsOnBudget(history))
      for (const call of calls) {
        const used = sumOf(
          calls.flatMap(({ told, toldStep = 0 }) => (told && toldStep < call.startStep ? [told] : [])),
        );
        expect(
          used.totalTokens < budget,
          () => `run ${run.index} made a call with ${used.totalTokens} of ${budget} tokens used`,
        );
      }
  },
};

/** Tokens that the fake provider's calls read from its cache, at most. */
const mostCachedTokens = 6;

export const budgetIsACeiling: Invariant = {
  promise: "the budget is kept by every provider that keeps to what it was asked for",
  check(history, expect) {
    for (const [run, budget, calls] of runsOnBudget(history)) {
      if (!calls.every(({ isModelCall, fault }) => isModelCall && fault !== "overuse")) continue;
      for (const { usage } of reportsOf(history, run)) {
        // A budget in dollars holds more tokens where some are cheaper. What does not tell its usage counts as a miss of the cache.
        const isInDollars = run.plan.isBudgetInDollars;
        const used = isInDollars ? priceOf(usage) / tokenPriceUsd : usage.totalTokens;
        const misses = isInDollars
          ? calls.filter(({ isWithheld, asksForCache }) => isWithheld && asksForCache).length
          : 0;
        expect(
          used <= budget + misses * mostCachedTokens + 1e-6,
          () => `run ${run.index} used ${used} of ${budget} tokens`,
        );
      }
    }
  },
};

/** More than any one call can use that is told nothing of a ceiling. */
const oneCallTokens = 3_000;

export const refusesBeyondTheBudgetOnly: Invariant = {
  promise: "nothing is refused that its budget covers",
  check(history, expect) {
    for (const run of history.runs) {
      const { budgetType, limit } = (errorOf(run) ?? {}) as Partial<BudgetExceeded>;
      if (limit === undefined || budgetType === "timeMs") continue;
      const limitTokens = budgetType === "tokens" ? limit : limit / tokenPriceUsd;
      const usedTokens = mostUsed(sharingOf(history, run).flatMap((other) => callsOf(history, other)));
      expect(
        usedTokens + oneCallTokens > limitTokens,
        () => `run ${run.index} was refused a call with ${usedTokens} of ${limitTokens} tokens used`,
      );
    }
  },
};

function mostUsed(calls: readonly PlayedCall[]): number {
  return calls.reduce(
    (sum, { told, isWithheld, allowedTokens }) => sum + (isWithheld ? allowedTokens : (told?.totalTokens ?? 0)),
    0,
  );
}

/** Runs that made calls on a budget of their own, one by one: what a tool does as a whole shows at its end only. */
function* runsOnBudget(history: History): Generator<[PlayedRun, number, readonly PlayedCall[]]> {
  for (const run of history.runs) {
    const { tool, fallbacks } = jobOf(history, run);
    const { budgetTokens } = run.plan;
    const calls = callsOf(history, run);
    if (budgetTokens === undefined || calls.length === 0 || [tool, ...fallbacks].includes("whole")) continue;
    // A run that a tool starts has a budget of its own, and tells what it used when it ends.
    if (calls.some(({ isInner }) => isInner)) continue;
    yield [run, budgetTokens, calls];
  }
}

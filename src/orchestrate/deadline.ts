import type { ResolvedOrchestrationConfig } from "../contract/config.ts";
import { BudgetExceeded } from "../contract/errors.ts";
import type { Budget } from "../contract/usage.ts";
import { schedule } from "../core/clock.ts";
import type { PreparedRun } from "./prepare-run.ts";

/** The ceilings of a run. `timeoutMs` and `budget.timeMs` are one deadline: the earlier of the two. */
export function limitsOf({ budget, timeoutMs }: ResolvedOrchestrationConfig): Budget {
  const deadlines = [timeoutMs, budget?.timeMs].filter((limit) => limit !== undefined);
  return { ...budget, ...(deadlines.length > 0 && { timeMs: Math.min(...deadlines) }) };
}

/**
 * Ends the run when its time is up.
 *
 * @returns a function that calls it off
 */
export function armDeadline({ input, settings, callerScope, events }: PreparedRun): (() => void) | undefined {
  const { timeMs } = limitsOf(input.options);
  if (timeMs === undefined) return undefined;
  const { clock } = settings;
  const startedAtMs = clock.now();
  const expire = () => {
    events.emit("timeout", { limitMs: timeMs });
    callerScope.abort(new BudgetExceeded("timeMs", timeMs, Math.max(timeMs, Math.round(clock.now() - startedAtMs))));
  };
  return schedule(clock, expire, timeMs);
}

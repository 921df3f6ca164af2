import type { ResolvedOrchestrationConfig } from "../contract/config.ts";
import { BudgetExceeded } from "../contract/errors.ts";
import type { Budget } from "../contract/usage.ts";
import { schedule } from "../core/clock.ts";
import type { RunContext } from "./run-context.ts";

/** The ceilings of a run. `timeoutMs` and `budget.timeMs` are one deadline: the earlier of the two. */
export function limitsOf({ budget, timeoutMs }: ResolvedOrchestrationConfig): Budget {
  const timeMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, budget?.timeMs ?? Number.POSITIVE_INFINITY);
  return timeMs === Number.POSITIVE_INFINITY ? { ...budget } : { ...budget, timeMs };
}

/**
 * Ends the run when its time is up.
 *
 * @returns a function that calls it off
 */
export function armDeadline(context: RunContext): (() => void) | undefined {
  const { ledger, settings, callerScope, events } = context;
  const { timeMs } = ledger.limits;
  if (timeMs === undefined) return undefined;
  const { clock } = settings;
  const startedAtMs = clock.now();
  const expire = () => {
    // The start of a run is told first: one that ends before tells of it then.
    if (events.hasBegun) events.emit("timeout", { limitMs: timeMs });
    const elapsedMs = Math.max(timeMs, Math.round(clock.now() - startedAtMs));
    callerScope.abort(new BudgetExceeded("timeMs", timeMs, elapsedMs, { waitedFor: awaitedBy(context) }));
  };
  return schedule(clock, expire, timeMs);
}

function awaitedBy({ askedOfStore, isKeyElsewhere, tool }: RunContext): string {
  for (const operation of askedOfStore?.values() ?? []) return `its store (${operation})`;
  if (isKeyElsewhere) return "another process that runs its key";
  return tool ? `tool "${tool.name}"` : "its planner";
}

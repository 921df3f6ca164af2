import type { BudgetOverrun } from "../guard/reservation.ts";
import type { RunEvents } from "./run-events.ts";

/** Says that a run has used more than it was allowed, as nobody could know before. */
export function warnOfOverrun(events: RunEvents, { budgetType, limit, actual }: BudgetOverrun): void {
  const message = `The budget of ${limit} ${budgetType} was overrun: ${actual} are used. A call used more than anyone could know before; declare tool.estimate or perReplicateBudget.`;
  events.emit("warning", { code: "budget_overrun", message });
}

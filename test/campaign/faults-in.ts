import type { History } from "./history.ts";
import { jobOf } from "./invariants/reports.ts";

/** Every fault that was really met in a history, by its name. */
export function* faultsIn(history: History): Generator<string> {
  const { scenario, runs, calls, operations, clockFaults } = history;
  for (const { fault } of calls) if (fault) yield `call: ${fault}`;
  for (const { fault } of operations) if (fault) yield `store: ${fault.kind}`;
  for (const run of runs) {
    const { nests, areInnerKeyed } = jobOf(history, run);
    if (calls.some((call) => call.run === run.index && call.isInner))
      yield `tool: leaves runs, ${nests}${areInnerKeyed && nests !== "late" ? ", keyed" : ""}`;
  }
  for (const { judge, choice, planner, forges } of scenario.jobs) {
    if (forges) yield "tool: forges";
    if (judge) yield `judge: ${judge}`;
    if (choice === "planner" && planner !== "rules") yield `planner: ${planner}`;
  }
  for (const { kind, byMs } of clockFaults) yield `clock: ${kind}${byMs < 0 ? " back" : " forward"}`;
  for (const { endedByCallerAtMs, plan, events } of runs) {
    if (endedByCallerAtMs !== undefined) yield `caller: ${plan.end?.by ?? "shared signal or patience"}`;
    if (events.some(({ type }) => type === "timeout")) yield "caller: deadline";
    if (plan.listener) yield `caller: listener ${plan.listener}`;
    if (plan.redact && plan.redact !== "copies") yield `caller: redact ${plan.redact}`;
  }
}

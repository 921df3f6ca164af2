import type { History, PlayedCall, PlayedOperation, PlayedRun } from "./history.ts";
import { errorOf, outputOf } from "./invariants/reports.ts";

/** What happened, a line each: runs with their events, calls, operations of the store. */
export function describeHistory({ runs, calls, operations }: History): string {
  const telling = operations.filter(({ operation, fault }) => operation !== "renew" || fault);
  return [...runs.map(describeRun), ...calls.map(describeCall), ...telling.map(describeOperation)].join("\n");
}

function describeRun(run: PlayedRun): string {
  const { index, startedAtMs, settledAtMs, events } = run;
  const error = errorOf(run);
  const outcome = outputOf(run)?.status ?? (error ? `${error.code}: ${error.message}` : "unsettled");
  const times = `${startedAtMs} to ${settledAtMs} ms`;
  return `run ${index}, ${times}: ${outcome}\n  ${events.map(({ type }) => type).join(" ")}`;
}

function describeCall(call: PlayedCall): string {
  const { run, model, seed, fault, startedAtMs, endedAtMs, told, wasAborted } = call;
  const end = wasAborted ? "aborted" : (fault ?? "answered");
  const used = told ? `${told.totalTokens} tokens` : "nothing told";
  return `call of run ${run} to ${model}, seed ${seed}, ${startedAtMs} to ${endedAtMs} ms: ${end}, ${used}`;
}

function describeOperation({ process, operation, key, fault, claim, doneAtMs, facts }: PlayedOperation): string {
  const what = claim ?? facts.replicate?.id ?? "";
  return `process ${process}: ${operation} ${key} ${what}, ${fault?.kind ?? "done"} at ${doneAtMs} ms`;
}

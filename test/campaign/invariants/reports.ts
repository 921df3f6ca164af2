import { addUsage, zeroUsage } from "../../../src/contract/usage.ts";
import type { OrchestrationOutput, PartialRun, Usage } from "../../../src/index.ts";
import type { History, PlayedCall, PlayedRun } from "../history.ts";
import type { Job } from "../scenario.ts";

export function jobOf({ scenario }: History, run: PlayedRun): Job {
  return scenario.jobs[run.plan.job % scenario.jobs.length] as Job;
}

export function processOf({ scenario }: History, run: PlayedRun): number {
  return run.plan.process % scenario.processes;
}

export function outputOf({ outcome }: PlayedRun): OrchestrationOutput<any> | undefined {
  return outcome && "output" in outcome ? outcome.output : undefined;
}

export function errorOf({ outcome }: PlayedRun): any {
  return outcome && "error" in outcome ? outcome.error : undefined;
}

export function callsOf({ calls }: History, run: PlayedRun): readonly PlayedCall[] {
  return calls.filter((call) => call.run === run.index);
}

/** A run, and all others of its key. */
export function sharingOf(history: History, run: PlayedRun): readonly PlayedRun[] {
  const { key } = jobOf(history, run);
  return history.runs.filter((other) => other === run || (key !== null && jobOf(history, other).key === key));
}

/** What a process called of a provider. */
export function callsTo(history: History, provider: string, process: number): readonly PlayedCall[] {
  return history.calls.filter(
    (call) => call.provider === provider && processOf(history, history.runs[call.run] as PlayedRun) === process,
  );
}

/** Whether the answer fits no schema, so that the model is asked once more whatever `maxRetries` says. */
export function isInvalid({ fault, wasAborted }: PlayedCall): boolean {
  return !wasAborted && (fault === "garbage" || fault === "mismatch" || fault === "hostile");
}

/** Usage of an execution as a result of it reports, and the time of that. */
export interface UsageReport {
  readonly usage: Usage;
  readonly costUsd: number | null;
  readonly atMs: number;
}

/** What was reported, without doubt, of what one run's own tools used. */
export function reportsOf(history: History, owner: PlayedRun): readonly UsageReport[] {
  return history.runs.flatMap((run) => {
    const output = outputOf(run);
    if (output?.requestId === owner.requestId && !output.metadata.replayed) return reportIn(run, output);
    return isErrorOf(owner, run) ? reportIn(run, errorOf(run).partial) : [];
  });
}

/** What was reported to those who may have stayed with an execution that its own caller has left. */
export function reportsToOthers(history: History, owner: PlayedRun): readonly UsageReport[] {
  const others = sharingOf(history, owner).filter((run) => run !== owner);
  return others.flatMap((run) => reportIn(run, errorOf(run)?.partial));
}

function isErrorOf(owner: PlayedRun, run: PlayedRun): boolean {
  return errorOf(owner) !== undefined && errorOf(owner) === errorOf(run);
}

function reportIn({ settledAtMs = 0 }: PlayedRun, spent: PartialRun | OrchestrationOutput | undefined): UsageReport[] {
  return spent ? [{ usage: spent.usage, costUsd: spent.costUsd, atMs: settledAtMs }] : [];
}

export function sumOf(usages: readonly Usage[]): Usage {
  return usages.reduce(addUsage, zeroUsage());
}

/** Whether runs may have gone on without the store. */
export function goesOnUnprotected({ scenario }: History): boolean {
  return scenario.reliability.onStoreError === "run_unprotected" && scenario.storeFaults.length > 0;
}

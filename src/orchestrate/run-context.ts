import type { KeptAnswers, ReplicateJournal } from "../contract/call.ts";
import type { AnyTool } from "../contract/tool.ts";
import type { CancelScope } from "../core/signal.ts";
import type { BudgetLedger } from "../guard/budget.ts";
import type { PreparedRun } from "./prepare-run.ts";
import type { ResolvedInput } from "./tool-input.ts";

// The facts of a run, by who knows them: the start, the caller's choice or the plan, the holder of the key.

/** A run that has started. Nothing of it is assigned later. */
export interface Run extends PreparedRun {
  readonly ledger: BudgetLedger;
  /** Pending waits, the latest last, for the message of a deadline. */
  readonly waits: Set<Wait>;
}

/** Returns true where spans may show what was asked and answered: not of a run that redacts its events. */
export function showsContent({ settings, input }: Run): boolean {
  return settings.showsContent && input.options.redact === undefined;
}

/** Something that a run waits for. */
export interface Wait {
  readonly what: string;
}

/** A tool that was chosen, by the caller, by a planner or as a fallback. */
export interface ToolChoice {
  readonly tool: AnyTool;
  /** As the caller and the plan gave them. */
  readonly toolOptions: Readonly<Record<string, unknown>> | undefined;
  /** Resolved already, at the edge of the run. */
  readonly resolved?: ResolvedInput | undefined;
  /** Tried in turn where the tool fails. */
  readonly fallbackTools: readonly AnyTool[];
  /** True of a tool that stands in for one that failed. */
  readonly isFallback: boolean;
  /** The plan that chose it, for the output's metadata. */
  readonly plan?: object | undefined;
}

/** Means that the work of a run has, beside the run itself. */
export interface WorkSetting {
  /** Ends the work. The caller's scope, or with a key that of all callers who wait for it. */
  readonly scope: CancelScope;
  /** Answers that were paid for under the run's key. */
  readonly journal?: ReplicateJournal | undefined;
  /** Answers that other runs have paid for; absent without a store. */
  readonly answers?: KeptAnswers | undefined;
  /** Resolves once the key is known to be held and the event log has room; `undefined` while both are so. No call starts before. */
  whenHeld?(): Promise<void> | undefined;
  /** Plan of an earlier run of the key. */
  readonly keptPlan?: unknown;
  /** Keeps the plan of this run with its key. */
  keepPlan?(plan: unknown): Promise<unknown>;
}

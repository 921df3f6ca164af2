import type { ReplicateJournal } from "../contract/call.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { StoreOperation } from "../contract/store-error.ts";
import type { AnyTool } from "../contract/tool.ts";
import type { Layer } from "../core/compose.ts";
import type { CancelScope } from "../core/signal.ts";
import { BudgetLedger } from "../guard/budget.ts";
import type { CallPolicies } from "../guard/guard-settings.ts";
import { noSpan, type Span } from "../telemetry/span.ts";
import { limitsOf } from "./deadline.ts";
import type { PreparedRun } from "./prepare-run.ts";
import { warnOfOverrun } from "./warn-of-overrun.ts";

/** A ring around the whole run. */
export type RunLayer = Layer<RunContext, OrchestrationOutput>;

/** One run, from its checked input to its output. */
export interface RunContext extends PreparedRun {
  readonly ledger: BudgetLedger;
  /** Of what was asked for; there with an idempotency key. */
  fingerprint: string | undefined;

  /** What the work listens to. The caller's, unless a layer lets the work outlive the caller. */
  scope: CancelScope;
  /** The tool that runs now. Layers choose and replace it. */
  tool: AnyTool | undefined;
  toolOptions: Readonly<Record<string, unknown>> | undefined;
  /** The request as a tool takes it that has checked it before anything ran. */
  accepted: { readonly tool: AnyTool; readonly request: unknown } | undefined;
  /** Whether the tool that runs now stands in for one that failed. */
  isFallback: boolean;
  /** Tried in turn where the tool fails. */
  fallbackTools: readonly AnyTool[];
  /** Set by a layer that guards calls. */
  callPolicies: CallPolicies | undefined;
  /** Set by a layer that keeps what was paid for. */
  journal: ReplicateJournal | undefined;
  /** What an earlier run of the same key planned, and a way to keep what this one plans. */
  keptPlan: unknown;
  keepPlan: ((plan: unknown) => Promise<unknown>) | undefined;
  /** What a store was asked and has not answered yet. */
  askedOfStore: ReadonlyMap<unknown, StoreOperation> | undefined;
  /** Whether another process runs the key, and this one waits for that. */
  isKeyElsewhere: boolean;
  /** The span of the run, and then of the tool that runs: what is started stands below it. */
  span: Span;
  /** What layers add to the output's metadata. */
  readonly metadata: Record<string, unknown>;
}

export function createRunContext(run: PreparedRun): RunContext {
  const { input, settings, events, callerScope } = run;
  return {
    ...run,
    ledger: new BudgetLedger({
      limits: limitsOf(input.options),
      clock: settings.clock,
      onOverrun: (overrun) => warnOfOverrun(events, overrun),
    }),
    fingerprint: undefined,
    scope: callerScope,
    tool: input.tool,
    toolOptions: input.toolOptions,
    accepted: undefined,
    isFallback: false,
    fallbackTools: input.fallbackTools,
    callPolicies: undefined,
    journal: undefined,
    keptPlan: undefined,
    keepPlan: undefined,
    askedOfStore: undefined,
    isKeyElsewhere: false,
    span: noSpan,
    metadata: {},
  };
}

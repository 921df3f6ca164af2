import type { ReplicateJournal } from "../contract/call.ts";
import type { ResolvedOrchestrationConfig } from "../contract/config.ts";
import { BudgetExceeded, type StoreOperation } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { schedule } from "../core/clock.ts";
import type { Layer } from "../core/compose.ts";
import type { CancelScope } from "../core/signal.ts";
import type { BudgetOverrun } from "../guard/account.ts";
import { BudgetLedger } from "../guard/budget.ts";
import type { CallPolicies } from "../guard/budgeted-call.ts";
import { noSpan, type Span } from "../telemetry/span.ts";
import type { PreparedRun } from "./prepare-run.ts";
import type { RunEvents } from "./run-events.ts";

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

/** The ceilings of a run. `timeoutMs` and `budget.timeMs` are one deadline: the earlier of the two. */
function limitsOf({ budget, timeoutMs }: ResolvedOrchestrationConfig): Budget {
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

/** Says that a run has used more than it was allowed, as nobody could know before. */
function warnOfOverrun(events: RunEvents, { budgetType, limit, actual }: BudgetOverrun): void {
  const message = `The budget of ${limit} ${budgetType} was overrun: ${actual} are used. A call used more than anyone could know before; declare tool.estimate or perReplicateBudget.`;
  events.emit("warning", { code: "budget_overrun", message });
}

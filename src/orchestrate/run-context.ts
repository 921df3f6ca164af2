import type { ReplicateJournal } from "../contract/call.ts";
import type { EventData, EventType } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { CalibrationSource, PriceSource } from "../contract/settings.ts";
import type { AnyTool, ToolRegistry } from "../contract/tool.ts";
import type { Clock } from "../core/clock.ts";
import type { Layer } from "../core/compose.ts";
import { createId, type Random } from "../core/random.ts";
import { CancelScope } from "../core/signal.ts";
import { BudgetLedger } from "../guard/budget.ts";
import type { CallPolicies } from "../guard/guard-settings.ts";
import { activeTraceId } from "../telemetry/active-trace.ts";
import { noSpan, type Span } from "../telemetry/span.ts";
import { RunEvents, type RunIdentity } from "./run-events.ts";
import type { RunInput } from "./run-input.ts";
import type { ResolvedSettings } from "./settings.ts";

/** A ring around the whole run. */
export type RunLayer = Layer<RunContext, OrchestrationOutput>;

/** One run, from its checked input to its output. */
export interface RunContext extends RunIdentity {
  readonly input: RunInput;
  readonly registry: ToolRegistry<any>;
  readonly clock: Clock;
  readonly random: Random;
  readonly prices: PriceSource | undefined;
  readonly calibrations: CalibrationSource | undefined;
  readonly startedAtMs: number;
  /** Aborts when this caller leaves, with the error that the run is then to reject with. */
  readonly callerScope: CancelScope;
  readonly events: RunEvents;
  readonly ledger: BudgetLedger;

  /** What the work listens to. The caller's, unless a layer lets the work outlive the caller. */
  scope: CancelScope;
  /** The tool that runs now. Layers choose and replace it. */
  tool: AnyTool | undefined;
  toolOptions: Readonly<Record<string, unknown>> | undefined;
  /** Tried in turn where the tool fails. */
  fallbackTools: readonly AnyTool[];
  /** Set by a layer that guards calls. */
  callPolicies: CallPolicies | undefined;
  /** Set by a layer that keeps what was paid for. */
  journal: ReplicateJournal | undefined;
  /** What an earlier run of the same key planned, and a way to keep what this one plans. */
  keptPlan: unknown;
  keepPlan: ((plan: unknown) => Promise<unknown>) | undefined;
  /** The span of the run, and then of the tool that runs: what is started stands below it. */
  span: Span;
  /** What layers add to the output's metadata. */
  readonly metadata: Record<string, unknown>;
}

export function createRunContext(input: RunInput, settings: ResolvedSettings): RunContext {
  const { options } = input;
  const { clock, random, logger, prices, calibrations, registry } = settings;
  const requestId = options.requestId ?? createId(random);
  const traceId = options.traceId ?? activeTraceId() ?? requestId;
  const { eventManager, onEvent } = input;
  const events = new RunEvents({ requestId, traceId }, clock, {
    eventManager,
    onEvent,
    logger,
    redact: options.redact,
  });
  const scope = new CancelScope();
  return {
    input,
    registry,
    clock,
    random,
    prices,
    calibrations,
    requestId,
    traceId,
    startedAtMs: clock.now(),
    callerScope: scope,
    scope,
    events,
    ledger: new BudgetLedger({
      limits: options.budget ?? {},
      clock,
      onOverrun: (overrun) => warnOfOverrun(events, overrun),
    }),
    tool: input.tool,
    toolOptions: input.toolOptions,
    fallbackTools: input.fallbackTools,
    callPolicies: undefined,
    journal: undefined,
    keptPlan: undefined,
    keepPlan: undefined,
    span: noSpan,
    metadata: {},
  };
}

/** How layers and guards report: as the run, about an attempt. */
export function emitter(context: RunContext) {
  return <E extends EventType>(type: E, data: EventData[E], attempt?: number) =>
    context.events.emit(type, data, attempt);
}

function warnOfOverrun(
  events: RunEvents,
  { budgetType, limit, actual }: { budgetType: string; limit: number; actual: number },
): void {
  const message = `The budget of ${limit} ${budgetType} was overrun: ${actual} are used. A call used more than anyone could know before; declare tool.estimate or perReplicateBudget.`;
  events.emit("warning", { code: "budget_overrun", message });
}

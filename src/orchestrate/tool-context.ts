import { type CallAttempt, type CallGuard, lend } from "../contract/call.ts";
import { withLazySignal } from "../contract/lazy-signal.ts";
import type { ToolContext } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { createCallGuard } from "../guard/guard.ts";
import { toOutputError } from "../guard/output-error.ts";
import { meterCalls } from "../telemetry/run-metrics.ts";
import { traceCalls } from "../telemetry/run-spans.ts";
import type { Span } from "../telemetry/span.ts";
import type { RunContext } from "./run-context.ts";

/** The guard of a run's calls, on the run's ledger or on a part of it, each call measured and a span below `span`. */
export function guardFor(context: RunContext, span: Span, limits?: Budget): CallGuard {
  const guard = createCallGuard({
    scope: context.scope,
    clock: context.settings.clock,
    random: context.settings.random,
    ledger: limits ? context.ledger.child(limits) : context.ledger,
    emit: (type, data, attempt) => context.events.emit(type, data, attempt),
    policies: context.callPolicies,
  });
  return meterCalls(traceCalls(guard, span));
}

/**
 * What a tool is given.
 *
 * @param attempt the attempt of a tool that is guarded as a whole; a tool that guards its calls itself has none yet
 */
export function createToolContext(
  context: RunContext,
  guard: CallGuard,
  span: Span,
  attempt?: CallAttempt,
): ToolContext {
  const { events, scope, traceId, requestId, ledger, journal } = context;
  const { clock, random, prices, calibrations } = context.settings;
  const { options } = context.input;
  const number = attempt?.attempt ?? 1;
  const facts: Omit<ToolContext, "signal"> = {
    events: events.forTool(number, attempt),
    traceId,
    requestId,
    attempt: number,
    budget: ledger,
    clock,
    random,
    reportUsage: (usage, costUsd = null) => attempt?.spend(usage, costUsd),
    ...(options.idempotencyKey !== undefined && { idempotencyKey: options.idempotencyKey }),
  };
  return lend(withLazySignal(facts, attempt ?? scope), {
    guard,
    guardWithin: (limits) => guardFor(context, span, limits),
    failureOf: toOutputError,
    journal,
    prices,
    calibrations,
    attempt,
    isHeard: () => events.isHeard,
    eventsFor: (attemptNumber, delivers) => events.forTool(attemptNumber, delivers),
    isStreaming: options.streaming,
    maxParallel: options.maxParallel,
  });
}

import { setImmediate } from "node:timers/promises";
import { type CallAttempt, type CallGuard, isSelfGuarding, withRuntime } from "../contract/call.ts";
import { Incomplete } from "../contract/incomplete.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { type AnyTool, type ToolContext, withLazySignal } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { CancelScope } from "../core/signal.ts";
import { toOutputError } from "../guard/classify.ts";
import { createCallGuard } from "../guard/guard.ts";
import { meterCalls } from "../telemetry/run-metrics.ts";
import { traceCalls, traceTool } from "../telemetry/run-spans.ts";
import type { Span } from "../telemetry/span.ts";
import { checkRequest, resolveToolOptions } from "./prepare-run.ts";
import type { RunContext } from "./run-context.ts";
import { completedOutput, outputOf } from "./run-output.ts";

/**
 * Runs the chosen tool once, under the run's guards.
 *
 * @returns the output, of a failure too
 * @throws what the run rejects with: cancellation, a budget, input that the caller must fix
 */
export function executeTool(context: RunContext): Promise<OrchestrationOutput> {
  const tool = context.tool as AnyTool;
  context.events.source = tool.name;
  return traceTool(tool, context.span, async (span) => {
    try {
      const request = await acceptedRequest(context, tool);
      const options = resolveToolOptions(tool, context.toolOptions);
      context.events.emit("tool_started", { toolName: tool.name });
      return completedOutput(context, await invoke(context, tool, request, options, span));
    } catch (error) {
      return outputOf(context, tool, error);
    }
  });
}

/** The request as the tool takes it, which a tool without an `inputSchema` takes as it is. */
function acceptedRequest({ input, scope, accepted }: RunContext, tool: AnyTool): unknown {
  if (scope.aborted) throw scope.reason;
  if (accepted?.tool === tool) return accepted.request;
  return tool.inputSchema ? scope.race(checkRequest(tool, input.request)) : input.request;
}

async function invoke(
  context: RunContext,
  tool: AnyTool,
  request: unknown,
  options: object,
  span: Span,
): Promise<unknown> {
  const guard = guardFor(context, span);
  if (isSelfGuarding(tool)) {
    const work = Promise.resolve(tool.execute(request, options, createToolContext(context, request, guard, span)));
    return endedWith(context.scope, work);
  }
  const outcome = await guard({
    provider: tool.provider ?? `tool:${tool.name}`,
    bound: () => tool.estimate?.(request, options),
    // What one attempt does to its options is no concern of the next.
    execute: (attempt) =>
      tool.execute(
        request,
        resolveToolOptions(tool, context.toolOptions),
        createToolContext(context, request, guard, span, attempt),
      ),
  });
  if (outcome.ok) return outcome.value;
  if (outcome.error instanceof Incomplete) throw outcome.error;
  const failures = { [tool.name]: outcome.failure };
  throw new Incomplete({ content: null, isUsable: false, failures, cause: outcome.error });
}

/**
 * What a tool gives that guards its calls itself. These end with the run, and the tool then has the rest of the tick to
 * give what it has by now; what else it waits for, in code of a subclass or a schema, ends nothing and is left behind.
 */
function endedWith<R>(scope: CancelScope, work: Promise<R>): Promise<R> {
  const over = new CancelScope();
  const leave = scope.onAbort(() => void setImmediate().then(() => over.abort(scope.reason)));
  return over.race(work).finally(leave);
}

/** The guard of a run's calls, on the run's ledger or on a part of it, each call measured and a span below `span`. */
function guardFor(context: RunContext, span: Span, limits?: Budget): CallGuard {
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
function createToolContext(
  context: RunContext,
  request: unknown,
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
  return withRuntime(withLazySignal(facts, attempt ?? scope), {
    guard,
    guardWithin: (limits) => guardFor(context, span, limits),
    failureOf: toOutputError,
    request: { accepted: request, given: context.input.request },
    journal,
    timesAsked: new Map(),
    prices,
    calibrations,
    modelTraits: context.callPolicies?.modelTraits,
    attempt,
    isHeard: () => events.isHeard,
    eventsFor: (attemptNumber, delivers) => events.forTool(attemptNumber, delivers),
    isStreaming: options.streaming,
    maxParallel: options.maxParallel,
  });
}

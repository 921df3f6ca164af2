import { type CallAttempt, type CallGuard, runtimeOf, type ToolRuntime, withRuntime } from "../../contract/call.ts";
import type { OutputError } from "../../contract/output.ts";
import { type ToolContext, withLazySignal } from "../../contract/tool.ts";
import { addSpent, type Budget, nothingSpent, type Spent, toSpent, type Usage } from "../../contract/usage.ts";
import type { Clock } from "../../core/clock.ts";
import { keepOriginal } from "../../core/error-marks.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";

/**
 * Makes the context of one attempt of a call.
 *
 * @param own runtime of this attempt alone
 */
export function attemptContext(
  context: ToolContext,
  runtime: ToolRuntime,
  attempt: CallAttempt,
  own: Partial<ToolRuntime>,
): ToolContext {
  return innerContext(
    context,
    { ...runtime, timesAsked: new Map(), ...own, attempt },
    {
      signalOf: attempt,
      attempt: attempt.attempt,
      events: runtime.eventsFor?.(attempt.attempt, attempt) ?? context.events,
      reportUsage: attempt.spend.bind(attempt),
    },
  );
}

/** Makes a context that is `context` but for its runtime and these facts. */
export function innerContext(
  context: ToolContext,
  runtime: ToolRuntime,
  own: Partial<Pick<ToolContext, "attempt" | "events" | "reportUsage">> & { signalOf?: { signal: AbortSignal } } = {},
): ToolContext {
  const { traceId, requestId, budget, clock, random, idempotencyKey } = context;
  const { signalOf = context, attempt = context.attempt, events = context.events } = own;
  const facts = {
    // Additions of the caller stay in reach. All else is the object's own, so that it can be spread.
    ...(hasAdditions(context) && { __proto__: context }),
    traceId,
    requestId,
    budget,
    clock,
    random,
    attempt,
    events,
    reportUsage: own.reportUsage ?? context.reportUsage,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  return withRuntime(withLazySignal(facts, signalOf), runtime);
}

/** Facts of every context. */
const ownFacts: ReadonlySet<string> = new Set([
  ...["traceId", "requestId", "budget", "clock", "random", "attempt", "events", "reportUsage", "idempotencyKey"],
  ...["signal", "replicate"],
]);

/** Returns whether a caller has added something to a context. To make an object of ours a prototype costs more than the look. */
function hasAdditions(context: ToolContext): boolean {
  for (const name in context) if (!ownFacts.has(name)) return true;
  return Object.getPrototypeOf(context) !== Object.prototype;
}

/**
 * Returns the runtime of a tool that is given this context. Inside an attempt, its calls are part of that attempt:
 * guarded again, they would be retried by two layers, wait for what is reserved for the attempt, and outlive it.
 *
 * @param limits ceilings of the calls, all together
 */
export function runtimeFor(context: ToolContext, limits?: Budget | undefined): ToolRuntime {
  const runtime = runtimeOf(context) ?? runtimeByHand(context);
  const guard = guardOf(runtime, context, limits);
  return guard === runtime.guard ? runtime : { ...runtime, guard };
}

function guardOf(
  { guard, guardWithin, attempt }: ToolRuntime,
  { signal }: ToolContext,
  limits: Budget | undefined,
): CallGuard {
  if (attempt) return attempt.guardWithin(signal, limits);
  return limits ? guardWithin(limits) : guard;
}

/** Returns the runtime of a tool that is called by hand, outside any run. */
export function runtimeByHand({ clock, signal }: ToolContext): ToolRuntime {
  const guard = createDirectGuard(clock, signal);
  return {
    guard,
    guardWithin: () => guard,
    failureOf: unclassified,
    isStreaming: false,
    maxParallel: Number.POSITIVE_INFINITY,
  };
}

/**
 * Creates the guard of a tool that is called by hand: one attempt, and no policy. Once `signal` is aborted, nothing
 * starts and nothing is awaited.
 *
 * @param outer the attempt that the calls are part of, which what they spend counts for too
 */
function createDirectGuard(clock: Clock, signal: AbortSignal, outer?: CallAttempt): CallGuard {
  return async (call) => {
    const startedMs = clock.now();
    let spent: Spent = nothingSpent;
    const attempt: CallAttempt = {
      attempt: 1,
      signal,
      reserved: {},
      hasSpent: false,
      spend(usage: Usage | undefined, costUsd) {
        spent = addSpent(spent, toSpent(usage, costUsd));
        Object.assign(attempt, { hasSpent: true });
        outer?.spend(usage, costUsd);
      },
      heard() {},
      commit() {},
      expectChunks: () => undefined,
      chunk() {},
      guardWithin: (inner) => createDirectGuard(clock, inner, attempt),
    };
    const facts = () => ({ ...spent, attempts: 1, elapsedMs: clock.now() - startedMs });
    const scope = new CancelScope(signal);
    try {
      if (scope.aborted) throw scope.reason;
      return { ok: true, value: await scope.race(Promise.resolve(call.execute(attempt))), ...facts() };
    } catch (error) {
      return { ok: false, error, failure: unclassified(error, 1), ...facts() };
    } finally {
      scope.dispose();
    }
  };
}

/** Describes an error outside any run, where no classifier says what it means. */
function unclassified(error: unknown, attempts: number): OutputError {
  const type = error instanceof Error ? error.name : "Error";
  return keepOriginal({ type, message: messageOf(error), code: "UNKNOWN", isRetryable: false, attempts }, error);
}

/**
 * Counts the usage that an answer states. Figures that cannot be counted do not cost an answer that is paid for: the
 * amount that was reserved for it counts in their place.
 *
 * @returns what is wrong with the figures
 */
export function countUse(
  attempt: CallAttempt,
  usage: Usage | undefined,
  costUsd: number | null | undefined,
): string | undefined {
  if (!usage && costUsd === undefined) return undefined;
  try {
    attempt.spend(usage, costUsd);
    return undefined;
  } catch (error) {
    const tokens = attempt.reserved.tokens ?? 0;
    attempt.spend({ inputTokens: tokens, outputTokens: 0, totalTokens: tokens, estimated: true }, null);
    return `${messageOf(error)} What was set aside for the answer counts instead.`;
  }
}

import { type CallAttempt, type CallGuard, type Lent, lend, lentWith } from "../contract/call.ts";
import { withLazySignal } from "../contract/lazy-signal.ts";
import type { ToolContext } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { lendByHand } from "./direct-guard.ts";

/**
 * The context of one attempt of a call: that around it, with what is the attempt's own.
 *
 * @param own what is lent for this attempt alone
 */
export function attemptContext(
  context: ToolContext,
  lent: Lent,
  attempt: CallAttempt,
  own: Partial<Lent>,
): ToolContext {
  const { traceId, requestId, budget, clock, random, idempotencyKey } = context;
  const facts = {
    // What somebody has added to the context stays in reach. All else is the object's own, so that it can be spread.
    __proto__: context,
    traceId,
    requestId,
    budget,
    clock,
    random,
    attempt: attempt.attempt,
    events: lent.eventsFor?.(attempt.attempt, attempt) ?? context.events,
    reportUsage: attempt.spend.bind(attempt),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  return lend(withLazySignal(facts, attempt), { ...lent, ...own, attempt });
}

/**
 * What a tool works with that is given this context. Inside an attempt its calls are part of that one: guarded once
 * more they would be tried again by two at once, wait for what is reserved for the attempt, and outlive it.
 *
 * @param limits ceilings of the calls, all together
 */
export function lentFor(context: ToolContext, limits?: Budget | undefined): Lent {
  const lent = lentWith(context) ?? lendByHand(context);
  const guard = guardOf(lent, context, limits);
  return guard === lent.guard ? lent : { ...lent, guard };
}

function guardOf(
  { guard, guardWithin, attempt }: Lent,
  { signal }: ToolContext,
  limits: Budget | undefined,
): CallGuard {
  if (attempt) return attempt.guardWithin(signal, limits);
  return limits ? guardWithin(limits) : guard;
}

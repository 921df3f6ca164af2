import type { CallAttempt, CallGuard, Lent } from "../contract/call.ts";
import type { ToolContext } from "../contract/tool.ts";
import { addSpent, nothingSpent, type Spent, type Usage } from "../contract/usage.ts";
import { messageOf } from "../core/errors.ts";
import { keepOriginal } from "../core/original-error.ts";
import { CancelScope } from "../core/signal.ts";

/**
 * The guard of a tool that is called by hand, or that runs inside a call which is guarded as a whole: one attempt, and
 * no policy of its own but that nothing starts, and nothing is waited for, once the context is aborted. What it spends
 * goes to the `outer` attempt too, where there is one.
 */
export function createDirectGuard(context: ToolContext, outer: CallAttempt | undefined): CallGuard {
  return async (call) => {
    const startedMs = context.clock.now();
    let spent: Spent = nothingSpent;
    const attempt: CallAttempt = {
      attempt: 1,
      get signal() {
        return context.signal;
      },
      reserved: outer?.reserved ?? {},
      spend(usage: Usage | undefined, costUsd) {
        spent = addSpent(spent, { usage: usage ?? nothingSpent.usage, costUsd: costUsd ?? null });
        outer?.spend(usage, costUsd);
      },
      commit: () => outer?.commit(),
      expectChunks: () => outer?.expectChunks(),
      chunk: () => outer?.chunk(),
    };
    const facts = () => ({ ...spent, attempts: 1, elapsedMs: context.clock.now() - startedMs });
    const scope = new CancelScope(context.signal);
    try {
      if (scope.aborted) throw scope.reason;
      return { ok: true, value: await scope.race(Promise.resolve(call.execute(attempt))), ...facts() };
    } catch (error) {
      const type = error instanceof Error ? error.name : "Error";
      const failure = { type, message: messageOf(error), code: "UNKNOWN", isRetryable: false, attempts: 1 };
      return { ok: false, error, failure: keepOriginal(failure, error), ...facts() };
    } finally {
      scope.dispose();
    }
  };
}

/** What a tool that is called by hand, outside of any run, works with. */
export function lendByHand(context: ToolContext): Lent {
  const guard = createDirectGuard(context, undefined);
  return { guard, guardWithin: () => guard, isStreaming: false, maxParallel: Number.POSITIVE_INFINITY };
}

import { type CallAttempt, type CallGuard, type Lent, lentWith } from "../contract/call.ts";
import type { OutputError } from "../contract/output.ts";
import type { ToolContext } from "../contract/tool.ts";
import { addSpent, nothingSpent, type Spent, toSpent, type Usage } from "../contract/usage.ts";
import { messageOf } from "../core/errors.ts";
import { keepOriginal } from "../core/original-error.ts";
import { CancelScope } from "../core/signal.ts";

/**
 * The guard of a tool that is called by hand, or that runs inside a call which is guarded as a whole: one attempt, and
 * no policy of its own but that nothing starts, and nothing is waited for, once the context is aborted. It is an attempt
 * of the `outer` call, where there is one, and what it spends goes there too.
 */
export function createDirectGuard(context: ToolContext, outer: CallAttempt | undefined): CallGuard {
  return async (call) => {
    const startedMs = context.clock.now();
    const number = outer?.attempt ?? 1;
    let spent: Spent = nothingSpent;
    const attempt: CallAttempt = {
      attempt: number,
      get signal() {
        return context.signal;
      },
      reserved: outer?.reserved ?? {},
      spend(usage: Usage | undefined, costUsd) {
        spent = addSpent(spent, toSpent(usage, costUsd));
        outer?.spend(usage, costUsd);
      },
      commit: () => outer?.commit(),
      expectChunks: () => outer?.expectChunks(),
      chunk: () => outer?.chunk(),
    };
    const facts = () => ({ ...spent, attempts: number, elapsedMs: context.clock.now() - startedMs });
    const scope = new CancelScope(context.signal);
    try {
      if (scope.aborted) throw scope.reason;
      return { ok: true, value: await scope.race(Promise.resolve(call.execute(attempt))), ...facts() };
    } catch (error) {
      const failureOf = lentWith(context)?.failureOf ?? unclassified;
      return { ok: false, error, failure: failureOf(error, number), ...facts() };
    } finally {
      scope.dispose();
    }
  };
}

/** What a tool that is called by hand, outside of any run, works with. */
export function lendByHand(context: ToolContext): Lent {
  const guard = createDirectGuard(context, undefined);
  return {
    guard,
    guardWithin: () => guard,
    failureOf: unclassified,
    isStreaming: false,
    maxParallel: Number.POSITIVE_INFINITY,
  };
}

/** Outside of any run nobody says what an error means. */
function unclassified(error: unknown, attempts: number): OutputError {
  const type = error instanceof Error ? error.name : "Error";
  return keepOriginal({ type, message: messageOf(error), code: "UNKNOWN", isRetryable: false, attempts }, error);
}

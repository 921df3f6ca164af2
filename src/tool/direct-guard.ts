import type { CallAttempt, CallGuard, Lent } from "../contract/call.ts";
import type { OutputError } from "../contract/output.ts";
import type { ToolContext } from "../contract/tool.ts";
import { addSpent, nothingSpent, type Spent, toSpent, type Usage } from "../contract/usage.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { keepOriginal } from "../core/original-error.ts";
import { CancelScope } from "../core/signal.ts";

/** What a tool that is called by hand, outside of any run, works with. */
export function lendByHand({ clock, signal }: ToolContext): Lent {
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
 * The guard of a tool that is called by hand: one attempt, and no policy but that nothing starts, and nothing is waited
 * for, once `signal` is aborted.
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

/** Outside of any run nobody says what an error means. */
function unclassified(error: unknown, attempts: number): OutputError {
  const type = error instanceof Error ? error.name : "Error";
  return keepOriginal({ type, message: messageOf(error), code: "UNKNOWN", isRetryable: false, attempts }, error);
}

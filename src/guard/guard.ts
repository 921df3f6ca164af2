import type { Call, CallGuard, CallOutcome } from "../contract/call.ts";
import { CancelledError, isOrchestratorError } from "../contract/errors.ts";
import { compose } from "../core/compose.ts";
import type { CancelScope } from "../core/signal.ts";
import { BudgetedCall } from "./budgeted-call.ts";
import { circuit, concludeFailure } from "./circuit.ts";
import type { CallGuardSettings } from "./guard-settings.ts";
import { toOutputError } from "./output-error.ts";
import { type PaidCall, reserve } from "./reserve.ts";
import { retry } from "./retry.ts";
import { timeout } from "./timeout.ts";

/**
 * The guarded call of a run: retry -> breaker -> reserve and settle -> attempt timeout -> the call. Where calls meet
 * their policies, and in which order, is written here and nowhere else.
 */
export function createCallGuard(settings: CallGuardSettings): CallGuard {
  const run = compose<PaidCall, unknown>(layersOf(settings), async (call) => call.execute());
  return async <R>(call: Call<R>): Promise<CallOutcome<R>> => {
    const guarded = new BudgetedCall(call, settings);
    try {
      const value = (await run(guarded)) as R;
      return { ok: true, value, ...guarded.facts() };
    } catch (thrown) {
      concludeFailure(guarded);
      const error = settings.scope.aborted ? reasonOf(settings.scope) : thrown;
      const failure = toOutputError(error, guarded.attempts, guarded.note, guarded.classify(error));
      return { ok: false, error, failure, ...guarded.facts() };
    }
  };
}

function layersOf({ policies, clock, random }: CallGuardSettings) {
  if (!policies) return [reserve, timeout({}, clock)];
  const { config, hasFallback } = policies;
  return [
    retry({ config, clock, random, hasFallback }),
    circuit({
      clock,
      random,
      maxDelayMs: config.maxDelayMs,
      spreadMs: config.jitter ? config.initialDelayMs : 0,
      hasFallback,
    }),
    reserve,
    timeout(config, clock),
  ];
}

function reasonOf(scope: CancelScope): unknown {
  return isOrchestratorError(scope.reason) ? scope.reason : new CancelledError(scope.reason);
}

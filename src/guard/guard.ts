import type { Call, CallGuard, CallOutcome } from "../contract/call.ts";
import { CancelledError, isOrchestratorError } from "../contract/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { CallGuardSettings } from "./budgeted-call.ts";
import { BudgetedCall } from "./budgeted-call.ts";
import { Circuit } from "./circuit.ts";
import { toOutputError } from "./classify.ts";
import type { GuardedCall } from "./guarded-call.ts";
import { AttemptScope, type AttemptTimeouts } from "./guarded-call.ts";
import type { Pacing } from "./pacing.ts";
import { Retry } from "./retry.ts";

/** Policies of calls. One that is left out does not apply. */
export interface Policies {
  readonly retry?: Retry | undefined;
  readonly circuit?: Circuit | undefined;
  readonly pacing?: Pacing | undefined;
  readonly timeouts: AttemptTimeouts;
  readonly clock: Clock;
  /** Resolves once an attempt may start; `undefined` where it may at once. */
  readonly ready?: (() => Promise<void> | undefined) | undefined;
}

/**
 * Runs a call under its policies: retry -> circuit breaker -> reserve and settle -> pace -> attempt timeout -> the call.
 * The order is written here and nowhere else.
 */
export async function runGuarded(call: GuardedCall, policies: Policies): Promise<unknown> {
  const { retry, circuit, pacing, timeouts, clock } = policies;
  const { runScope } = call.facts;
  let wait: Promise<void> | undefined;
  for (;;) {
    try {
      if (wait) await wait;
      for (let held = policies.ready?.(); held; held = policies.ready?.()) await held;
      if (runScope?.aborted) throw runScope.reason;
      const pause = circuit?.enter(call);
      if (pause) await pause;
      const reserving = call.reserve();
      if (reserving) await reserving;
      const pacedStart = pacing?.enter(call);
      if (pacedStart) await pacedStart;
      if ((reserving || pacedStart) && circuit?.hasTurned(call)) {
        call.endAttempt(false);
        continue;
      }
      // A lease may have run out while the call waited for its turn.
      for (let held = policies.ready?.(); held; held = policies.ready?.()) await held;
      if (runScope?.aborted) throw runScope.reason;
      call.scope = new AttemptScope(call, timeouts, clock);
      const value = await call.scope.run();
      const left = call.endAttempt(true);
      if (left) await left;
      circuit?.succeeded(call);
      pacing?.succeeded(call);
      retry?.succeeded(call);
      call.succeed();
      return value;
    } catch (error) {
      const left = call.endAttempt(false);
      // Before what is left has ended: other calls hear of a pause at once.
      circuit?.failed(call, error);
      pacing?.failed(call, error);
      if (left) await left;
      wait = retry?.next(call, error);
      if (wait) continue;
      circuit?.gaveUp(call);
      throw call.fail(error);
    }
  }
}

/** The guarded calls of a run. */
export function createCallGuard(settings: CallGuardSettings): CallGuard {
  const policies = policiesOf(settings);
  return async <R>(call: Call<R>): Promise<CallOutcome<R>> => {
    const guarded = new BudgetedCall(call, settings, createCallGuard);
    try {
      const value = (await runGuarded(guarded, policies)) as R;
      return { ok: true, value, ...guarded.totals() };
    } catch (thrown) {
      const error = settings.scope.aborted ? reasonOf(settings) : thrown;
      const failure = toOutputError(error, guarded.attempts, guarded.note, guarded.classify(error));
      return { ok: false, error, failure, ...guarded.totals() };
    }
  };
}

function policiesOf({ policies, pacing, clock, random, ready }: CallGuardSettings): Policies {
  if (!policies) return { timeouts: {}, clock, ready, pacing };
  const { config } = policies;
  const shared = { config, clock, random };
  return { retry: new Retry(shared), circuit: new Circuit(shared), timeouts: config, clock, ready, pacing };
}

/** Returns the error of calls that their scope has ended: a run is cancelled, an attempt may have timed out. */
function reasonOf({ scope: { reason }, outer }: CallGuardSettings): unknown {
  return outer || isOrchestratorError(reason) ? reason : new CancelledError(reason);
}

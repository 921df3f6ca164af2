import type { Call, CallAttempt } from "../../src/contract/call.ts";
import type { Budget } from "../../src/contract/usage.ts";
import { seededRandom } from "../../src/core/random.ts";
import { CancelScope } from "../../src/core/signal.ts";
import { AdaptiveRates } from "../../src/guard/adaptive-rate.ts";
import { BudgetLedger } from "../../src/guard/budget.ts";
import { createCallGuard } from "../../src/guard/guard.ts";
import type { Pacer } from "../../src/guard/pacer.ts";
import { Pacing } from "../../src/guard/pacing.ts";
import { BreakerRegistry, RetryBudgets } from "../../src/guard/per-provider.ts";
import { type ReliabilityConfig, resolveReliabilityConfig } from "../../src/guard/reliability-config.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";

export interface SetUp {
  readonly limits?: Budget;
  /** `false`: no policies. */
  readonly config?: ReliabilityConfig | false;
  readonly hasFallback?: boolean;
  readonly pacer?: Pacer;
  readonly clock?: FakeClock;
  /** Holds attempts up, as a run does that is unsure of its key. */
  readonly ready?: () => Promise<void> | undefined;
  /** Another run, whose clock and breakers this one shares. */
  readonly beside?: { readonly clock: FakeClock; readonly breakers: BreakerRegistry };
}

/** The guard of a run, and everything around it. */
export function setUp({ limits = {}, config = {}, hasFallback = false, pacer, ready, beside, ...given }: SetUp = {}) {
  const clock = beside?.clock ?? given.clock ?? createFakeClock();
  const scope = new CancelScope();
  const ledger = new BudgetLedger({ limits, clock });
  const events: { readonly type: string; readonly attempt: number; readonly [key: string]: unknown }[] = [];
  const breakers = beside?.breakers ?? new BreakerRegistry({ clock });
  const retryBudgets = new RetryBudgets();
  const policies = config
    ? { config: resolveReliabilityConfig(config), breakers, retryBudgets, hasFallback: () => hasFallback }
    : undefined;
  const guard = createCallGuard({
    scope,
    clock,
    random: seededRandom(1),
    ledger,
    emit: (type, data, attempt) => events.push({ type, attempt, ...data }),
    policies,
    ready,
    pacing: new Pacing({ pacer, rates: new AdaptiveRates({ clock }), clock }),
  });
  const eventTypes = () => events.map(({ type }) => type);
  return { clock, scope, ledger, events, eventTypes, breakers, retryBudgets, guard };
}

export function call<R>(execute: (attempt: CallAttempt) => PromiseLike<R> | R, more: Partial<Call<R>> = {}): Call<R> {
  return { provider: "p", bound: () => undefined, execute, ...more };
}

/** A call that takes one step an attempt: throws it where it is an error. */
export function script<R>(steps: readonly (R | Error)[], more: Partial<Call<R>> = {}): Call<R> & { attempts: number } {
  const scripted = {
    attempts: 0,
    ...call((): R => {
      const step = steps[scripted.attempts++];
      if (step instanceof Error) throw step;
      return step as R;
    }, more),
  };
  return scripted;
}

export function httpError(status: number, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error(`HTTP ${status}`), { status, headers });
}

export function usage(inputTokens: number, outputTokens: number) {
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
}

/** What a promise has settled to by now, without time passing. */
export async function stateOf<T>(promise: Promise<T>): Promise<T | "pending"> {
  let state: T | "pending" = "pending";
  promise.then(
    (value) => (state = value),
    (error) => (state = error),
  );
  for (let turn = 0; turn < 20; turn++) await undefined;
  return state;
}

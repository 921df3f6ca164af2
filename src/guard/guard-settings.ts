import type { EventData } from "../contract/event.ts";
import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { CancelScope } from "../core/signal.ts";
import type { BreakerRegistry } from "./breaker-registry.ts";
import type { BudgetLedger } from "./budget.ts";
import type { BudgetedAttempt } from "./budgeted-call.ts";
import type { GuardEventType } from "./guarded-call.ts";
import type { ResolvedReliabilityConfig } from "./reliability-config.ts";
import type { RetryBudgets } from "./retry-budget.ts";

export interface CallGuardSettings {
  /** The run's: its abort ends every call at once. */
  readonly scope: CancelScope;
  readonly clock: Clock;
  readonly random: Random;
  /** The run's ceilings. Its `timeMs` is the run's deadline, which is watched by whoever aborts `scope`. */
  readonly ledger: BudgetLedger;
  /** @param attempt of the call, from 1 */
  emit<E extends GuardEventType>(type: E, data: EventData[E], attempt: number): void;
  /** Left out, each call has one attempt. */
  readonly policies?: CallPolicies | undefined;
  /** The attempt that the calls are part of. */
  readonly outer?: BudgetedAttempt | undefined;
}

export interface CallPolicies {
  readonly config: ResolvedReliabilityConfig;
  readonly breakers: BreakerRegistry;
  readonly retryBudgets: RetryBudgets;
  /** Whether another tool could take over. */
  hasFallback(): boolean;
}

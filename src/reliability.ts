export { StoreError, type StoreErrorFacts, type StoreFailure, type StoreOperation } from "./contract/store-error.ts";
export { CancelScope } from "./core/signal.ts";
export { type BreakerState, CircuitBreaker, type CountedFailure, type Permit } from "./guard/breaker.ts";
export { BudgetLedger, type BudgetLedgerOptions, type ReservationRequest } from "./guard/budget.ts";
export { CircuitOpenError } from "./guard/circuit-open-error.ts";
export { type Classification, classify } from "./guard/classify.ts";
export { Cooldown } from "./guard/cooldown.ts";
export {
  createGuard,
  type Guard,
  type GuardEvent,
  type GuardOptions,
  type GuardRunOptions,
} from "./guard/create-guard.ts";
export type { ErrorCategory } from "./guard/error-categories.ts";
export { canFallBack, type FallbackOptions, withFallback } from "./guard/fallback.ts";
export type { GuardEventType } from "./guard/guarded-call.ts";
export type { Attempt } from "./guard/plain-call.ts";
export type { CircuitBreakerConfig, ReliabilityConfig, RetryConfig } from "./guard/reliability-config.ts";
export type { BudgetOverrun, Reservation } from "./guard/reservation.ts";
export { RetryBudget } from "./guard/retry-budget.ts";
export { RetryableError } from "./guard/retryable-error.ts";
export { TimeoutError, type TimeoutPhase } from "./guard/timeout-error.ts";
export { ReliabilityState } from "./orchestrate/state.ts";
export type { Claim, ClaimOptions, FencingToken, RunStore } from "./store/store.ts";

export type { ErrorCategory } from "./contract/error-category.ts";
export { StoreError, type StoreErrorFacts, type StoreFailure, type StoreOperation } from "./contract/errors.ts";
export { CancelScope } from "./core/signal.ts";
export type { BudgetOverrun, Reservation } from "./guard/account.ts";
export { type BreakerState, CircuitBreaker, Cooldown, type CountedFailure, type Permit } from "./guard/breaker.ts";
export { BudgetLedger, type BudgetLedgerOptions, type ReservationRequest } from "./guard/budget.ts";
export { type Classification, classify } from "./guard/classify.ts";
export type { Attempt } from "./guard/create-guard.ts";
export {
  createGuard,
  type Guard,
  type GuardEvent,
  type GuardOptions,
  type GuardRunOptions,
} from "./guard/create-guard.ts";
export { CircuitOpenError, RetryableError, TimeoutError, type TimeoutPhase } from "./guard/errors.ts";
export { canFallBack, type FallbackOptions, withFallback } from "./guard/fallback.ts";
export type { GuardEventType } from "./guard/guarded-call.ts";
export type { PaceCost } from "./guard/lanes.ts";
export type { RateLimit, RateLimits } from "./guard/limits.ts";
export { createMemoryPacer, type PaceReservation, type Pacer } from "./guard/pacer.ts";
export { RetryBudget } from "./guard/per-provider.ts";
export type { CircuitBreakerConfig, ReliabilityConfig, RetryConfig } from "./guard/reliability-config.ts";
export { ReliabilityState } from "./orchestrate/state.ts";
export type { Claim, ClaimOptions, FencingToken, RunStore, SettledRun } from "./store/store.ts";

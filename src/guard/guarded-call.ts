import type { EventData } from "../contract/event.ts";
import type { Layer } from "../core/compose.ts";
import type { CancelScope } from "../core/signal.ts";
import type { CircuitBreaker, CountedFailure } from "./breaker.ts";
import type { Classification } from "./classify.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { TimedScope } from "./timeout.ts";

export type GuardEventType =
  | "budget_reserved"
  | "retry_scheduled"
  | "attempt_discarded"
  | "circuit_opened"
  | "circuit_half_open"
  | "circuit_closed";

/** A call on its way through the policies, and what they keep about it between its attempts. */
export interface GuardedCall {
  readonly provider: string;
  readonly replicateId: string | undefined;
  /** Whose abort ends the call. */
  readonly scope: CancelScope;
  readonly breaker: CircuitBreaker | undefined;
  readonly retryBudget: RetryBudget | undefined;

  /** Attempts that were started. */
  attempts: number;
  /** The scope of the attempt that is about to start. */
  attemptScope: TimedScope;
  /** Content of the latest attempt was delivered. */
  isCommitted: boolean;
  previousError: unknown;
  /** The one failure that this call counts for in the window of its circuit breaker. */
  countedFailure: CountedFailure | undefined;
  /** Why it is not tried again, where that is not plain from the error. */
  note: string | undefined;

  /** Milliseconds to the nearest deadline; `Infinity` where there is none. */
  leftMs(): number;
  /** The deadline of the call itself, as far as nobody else watches it. */
  ownDeadline(): { readonly leftMs: number; error(): unknown } | undefined;
  classify(error: unknown): Classification;
  emit<E extends GuardEventType>(type: E, data: EventData[E]): void;
  /** Starts an attempt. */
  execute(): unknown;
}

export type GuardLayer = Layer<GuardedCall, unknown>;

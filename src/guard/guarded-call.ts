import type { EventData } from "../contract/event.ts";
import type { CancelScope } from "../core/signal.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import type { CircuitBreaker, CountedFailure, Permit } from "./breaker.ts";
import { CircuitOpenError } from "./circuit-open-error.ts";
import type { Classification } from "./classify.ts";
import type { Retries } from "./retries.ts";
import type { RetryBudget } from "./retry-budget.ts";

/** The types of events that a guard reports. */
export type GuardEventType =
  | "budget_reserved"
  | "retry_scheduled"
  | "attempt_discarded"
  | "circuit_opened"
  | "circuit_half_open"
  | "circuit_closed";

/** A call on its way through the policies, and what they keep about it between its attempts. */
export abstract class GuardedCall {
  /** Attempts that were started. */
  attempts = 0;
  /** The attempt under way. */
  scope: AttemptScope | undefined = undefined;
  /** Content of the latest attempt was delivered. */
  isCommitted = false;
  previousError: unknown = undefined;
  retries: Retries | undefined = undefined;
  permit: Permit | undefined = undefined;
  /** The one failure that this call counts for in the window of its circuit breaker. */
  countedFailure: CountedFailure | undefined = undefined;
  /** Why it is not tried again, where that is not plain from the error. */
  note: string | undefined = undefined;
  #classified: unknown = undefined;
  #classification: Classification | undefined = undefined;

  abstract readonly provider: string;
  abstract readonly replicateId: string | undefined;
  /** Whose abort ends the call. */
  abstract readonly runScope: CancelScope | undefined;
  abstract readonly breaker: CircuitBreaker | undefined;
  abstract readonly retryBudget: RetryBudget | undefined;

  /** Milliseconds to the nearest deadline; `Infinity` where there is none. */
  abstract leftMs(): number;
  /** Milliseconds to the deadline that is this call's alone, so that nobody else watches it. */
  abstract ownLeftMs(): number;
  /** What a call that passes its own deadline fails with. */
  abstract outOfTime(): unknown;
  /** Whether something else could take over, so that a long wait makes no sense. */
  abstract hasFallback(): boolean;
  abstract emit<E extends GuardEventType>(type: E, data: EventData[E]): void;
  /** Sets aside what the next attempt may use; a promise where it has to wait for that. */
  abstract reserve(): Promise<void> | undefined;
  abstract startAttempt(scope: AttemptScope): unknown;

  protected abstract judge(error: unknown): Classification;

  /** What an error means. The policies ask several times about the same one. */
  classify(error: unknown): Classification {
    if (this.#classification === undefined || this.#classified !== error) {
      this.#classified = error;
      this.#classification = this.judge(error);
    }
    return this.#classification;
  }

  /** The attempt has ended, or is given up. */
  endAttempt(): void {
    this.scope?.dispose();
  }

  /** The call has ended well. */
  succeed(): void {}

  /**
   * The call has failed for good.
   *
   * @returns what it fails with: an open circuit that ends its retries is not what went wrong
   */
  fail(error: unknown): unknown {
    return error instanceof CircuitOpenError && this.attempts > 0 ? this.previousError : error;
  }
}

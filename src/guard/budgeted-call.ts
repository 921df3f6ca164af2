import type { Call, CallAttempt } from "../contract/call.ts";
import { BudgetExceeded } from "../contract/errors.ts";
import type { EventData } from "../contract/event.ts";
import { addSpent, type Budget, nothingSpent, type Spent, type Usage, zeroUsage } from "../contract/usage.ts";
import type { CancelScope } from "../core/signal.ts";
import type { CircuitBreaker, CountedFailure } from "./breaker.ts";
import type { BudgetLedger } from "./budget.ts";
import { type Classification, classify } from "./classify.ts";
import type { CallGuardSettings } from "./guard-settings.ts";
import type { GuardEventType } from "./guarded-call.ts";
import { circuitBreakerOf } from "./reliability-config.ts";
import type { Reservation } from "./reservation.ts";
import type { PaidCall } from "./reserve.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { TimedScope } from "./timeout.ts";

/** One call of a run: what the policies ask of it, and what its attempts tell. */
export class BudgetedCall<R> implements PaidCall {
  readonly breaker: CircuitBreaker | undefined;
  readonly retryBudget: RetryBudget | undefined;
  attempts = 0;
  isCommitted = false;
  previousError: unknown;
  countedFailure: CountedFailure | undefined;
  note: string | undefined;
  declare attemptScope: TimedScope;
  declare reservation: Reservation;
  spent: Spent = nothingSpent;
  readonly #call: Call<R>;
  readonly #settings: CallGuardSettings;
  readonly #ledger: BudgetLedger;
  readonly #startedAtMs: number;

  constructor(call: Call<R>, settings: CallGuardSettings) {
    const { policies, ledger, clock } = settings;
    this.#call = call;
    this.#settings = settings;
    this.#ledger = call.limits ? ledger.forCall(call.limits) : ledger;
    this.#startedAtMs = clock.now();
    this.breaker = policies?.breakers.of(call.provider, circuitBreakerOf(policies.config, call.provider));
    this.retryBudget = policies?.retryBudgets.of(call.provider);
  }

  get provider(): string {
    return this.#call.provider;
  }

  get replicateId(): string | undefined {
    return this.#call.replicateId;
  }

  get scope(): CancelScope {
    return this.#settings.scope;
  }

  leftMs(): number {
    return this.#ledger.leftMs();
  }

  ownDeadline() {
    const limitMs = this.#call.limits?.timeMs;
    if (limitMs === undefined) return undefined;
    const elapsedMs = this.#settings.clock.now() - this.#startedAtMs;
    return { leftMs: limitMs - elapsedMs, error: () => new BudgetExceeded("timeMs", limitMs, limitMs) };
  }

  classify(error: unknown): Classification {
    return classify(error, this.provider, this.#settings.clock.now());
  }

  emit<E extends GuardEventType>(type: E, data: EventData[E]): void {
    this.#settings.emit(type, data, Math.max(1, this.attempts));
  }

  async reserve(): Promise<Reservation> {
    const { scope } = this;
    const reservation = await this.#ledger.reserve({ scope, bound: (remaining) => this.#call.bound(remaining) });
    const { reserved } = reservation;
    const replicate = this.replicateId === undefined ? {} : { replicateId: this.replicateId };
    if (Object.keys(reserved).length > 0) this.emit("budget_reserved", { reserved, ...replicate });
    return reservation;
  }

  execute(): PromiseLike<R> | R {
    this.attempts++;
    return this.#call.execute(new BudgetedAttempt(this));
  }

  facts() {
    const { usage, costUsd } = this.spent;
    return { usage, costUsd, attempts: this.attempts, elapsedMs: this.#settings.clock.now() - this.#startedAtMs };
  }
}

/** One attempt. What it reports counts, also late; it speaks for the call only while it is the current one. */
class BudgetedAttempt implements CallAttempt {
  readonly attempt: number;
  readonly previousError: unknown;
  readonly #call: BudgetedCall<unknown>;
  readonly #scope: TimedScope;
  readonly #reservation: Reservation;

  constructor(call: BudgetedCall<any>) {
    this.attempt = call.attempts;
    this.previousError = call.previousError;
    this.#call = call;
    this.#scope = call.attemptScope;
    this.#reservation = call.reservation;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get reserved(): Budget {
    return this.#reservation.reserved;
  }

  spend(usage: Usage | undefined, costUsd: number | null | undefined): void {
    const spent = { usage: usage ?? zeroUsage(), costUsd: costUsd === undefined && usage ? null : (costUsd ?? 0) };
    this.#call.spent = addSpent(this.#call.spent, spent);
    this.#reservation.charge(spent);
  }

  commit(): void {
    if (!this.#scope.aborted) this.#call.isCommitted = true;
  }

  expectChunks(): void {
    this.#scope.expectChunks();
  }

  chunk(): void {
    this.#scope.chunk();
  }
}

import type { Call, CallAttempt, CallGuard, CallOutcome } from "../contract/call.ts";
import { BudgetExceeded } from "../contract/errors.ts";
import type { EventData } from "../contract/event.ts";
import type { ModelTraitsSource } from "../contract/model.ts";
import { addSpent, type Budget, nothingSpent, type Spent, toSpent, type Usage } from "../contract/usage.ts";
import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import { CancelScope, onAbort } from "../core/signal.ts";
import { Reservation } from "./account.ts";
import type { BudgetLedger } from "./budget.ts";
import { classifyAttempt } from "./classify.ts";
import { type AttemptScope, type CallFacts, type GuardEventType, GuardedCall } from "./guarded-call.ts";
import type { Pacing } from "./pacing.ts";
import type { BreakerRegistry, RetryBudgets } from "./per-provider.ts";
import { circuitBreakerOf, type ResolvedReliabilityConfig } from "./reliability-config.ts";

/** One call of a run: its facts for the policies, and the reports of its attempts. */
export class BudgetedCall<R> extends GuardedCall {
  /** Reservation of the attempt under way. */
  reservation: Reservation | undefined = undefined;
  spent: Spent = nothingSpent;
  readonly #call: Call<R>;
  readonly #settings: CallGuardSettings;
  readonly #createGuard: (settings: CallGuardSettings) => CallGuard;
  readonly #ledger: BudgetLedger;
  readonly #startedAtMs: number;
  #attempt: BudgetedAttempt | undefined = undefined;
  /** Tokens of earlier attempts. */
  #spentBefore = 0;

  /** @param createGuard makes the guards of calls that are part of this one's attempts */
  constructor(call: Call<R>, settings: CallGuardSettings, createGuard: (settings: CallGuardSettings) => CallGuard) {
    const { ledger, clock, outer } = settings;
    const ownLedger = call.limits ? ledger.forCall(call.limits) : ledger;
    super(factsOf(call, settings, ownLedger, () => call.expectedTokens?.(this.previousError)));
    this.#call = call;
    this.#settings = settings;
    this.#createGuard = createGuard;
    if (outer) this.attempts = outer.attempt - 1;
    this.#ledger = ownLedger;
    this.#startedAtMs = clock.now();
  }

  /** The attempt that this call is part of, under whose number its own one goes. */
  get outer(): BudgetedAttempt | undefined {
    return this.#settings.outer;
  }

  override reserve(): Promise<void> | undefined {
    const { scope } = this.#settings;
    const bound = (remaining: Budget, unspent: Budget) => this.#call.bound(remaining, this.previousError, unspent);
    const granted = this.#ledger.reserveOrWait({ scope, bound });
    if (granted instanceof Reservation) return this.#hold(granted);
    return granted.then((reservation) => this.#hold(reservation));
  }

  #hold(reservation: Reservation): undefined {
    this.reservation = reservation;
    const { reserved } = reservation;
    if (Object.keys(reserved).length === 0) return;
    const { replicateId } = this.#call;
    const replicate = replicateId === undefined ? {} : { replicateId };
    this.#settings.emit("budget_reserved", { reserved, ...replicate }, this.attempts + 1);
  }

  startAttempt(scope: AttemptScope): PromiseLike<R> | R {
    this.attempts++;
    this.#attempt = new BudgetedAttempt(this, scope, this.reservation as Reservation);
    return this.#call.execute(this.#attempt);
  }

  override endAttempt(hasAnswered: boolean): Promise<unknown> | undefined {
    const left = super.endAttempt(hasAnswered);
    this.reservation?.release();
    this.paced?.end(this.spent.usage.totalTokens - this.#spentBefore);
    this.#spentBefore = this.spent.usage.totalTokens;
    return left;
  }

  /** Reads the limits in the headers of an answer. */
  heard(headers: Readonly<Record<string, string>>): void {
    this.facts.pace?.rate.heard(headers, this.#settings.clock.now());
  }

  countInner({ usage, costUsd }: Spent): void {
    this.#attempt?.spend(usage, costUsd);
  }

  /** Leaves its place under the limits to the calls that are part of the attempt. */
  leavePace(): void {
    const { paced } = this;
    if (!paced) return;
    paced.isShared = true;
    paced.end(0);
  }

  /** The guard of calls that are part of an attempt of this one: they end with it, and when `signal` aborts. */
  guardWithin(outer: BudgetedAttempt, attemptScope: AttemptScope, signal: AbortSignal, limits: Budget): CallGuard {
    const ledger = this.#ledger.child(limits);
    const guard = async <T>(call: Call<T>): Promise<CallOutcome<T>> => {
      const scope = new CancelScope(attemptScope);
      const stop = onAbort(signal, () => scope.abort(signal.reason));
      try {
        return await this.#createGuard({ ...this.#settings, scope, ledger, policies: undefined, outer })(call);
      } finally {
        stop();
        scope.dispose();
      }
    };
    return (call) => {
      const outcome = guard(call);
      attemptScope.work.follow(outcome);
      return outcome;
    };
  }

  /** Returns what the call has used and taken, attempts of every outcome included. */
  totals() {
    const { usage, costUsd } = this.spent;
    return { usage, costUsd, attempts: this.attempts, elapsedMs: this.#elapsedMs() };
  }

  #elapsedMs(): number {
    return this.#settings.clock.now() - this.#startedAtMs;
  }
}

function factsOf(
  { provider, modelId, replicateId }: Call<unknown>,
  { policies, pacing, scope, clock, emit }: CallGuardSettings,
  ledger: BudgetLedger,
  expectedTokens: () => number | undefined,
): CallFacts {
  return {
    provider,
    replicateId,
    runScope: scope,
    breaker: policies?.breakers.of(provider, circuitBreakerOf(policies.config, provider)),
    pause: policies?.breakers.pauseOf(provider, modelId),
    retryBudget: policies?.retryBudgets.of(provider),
    pace: pacing?.factsOf(provider, modelId, expectedTokens),
    maxRetryAfterMs: policies?.maxRetryAfterMs,
    time: {
      leftMs: () => ledger.leftMs(),
      ownLeftMs: () => ledger.innerTime()?.leftMs ?? Number.POSITIVE_INFINITY,
      outOfTime() {
        const { limitMs, leftMs } = ledger.innerTime() ?? { limitMs: 0, leftMs: 0 };
        const waitedFor = replicateId === undefined ? `"${provider}"` : `replicate ${replicateId}`;
        return new BudgetExceeded("timeMs", limitMs, Math.max(limitMs, limitMs - leftMs), { waitedFor });
      },
    },
    hasFallback: () => policies?.hasFallback() ?? false,
    classify: (error, isAborted) => classifyAttempt(error, isAborted, clock.now()),
    emit: (type, data, attempts) => emit(type, data, Math.max(1, attempts)),
  };
}

/** One attempt. What it reports counts, also late; it speaks for the call only while it is the current one. */
export class BudgetedAttempt implements CallAttempt {
  readonly attempt: number;
  readonly previousError: unknown;
  hasSpent = false;
  readonly #call: BudgetedCall<unknown>;
  readonly #scope: AttemptScope;
  readonly #reservation: Reservation;

  constructor(call: BudgetedCall<any>, scope: AttemptScope, reservation: Reservation) {
    this.attempt = call.attempts;
    this.previousError = call.previousError;
    this.#call = call;
    this.#scope = scope;
    this.#reservation = reservation;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get reserved(): Budget {
    return this.#reservation.reserved;
  }

  spend(usage: Usage | undefined, costUsd: number | null | undefined): void {
    if (this.#scope.isOver && this.#scope.work.hasCounted(usage)) return;
    const spent = toSpent(usage, costUsd);
    this.#count(spent);
    this.#reservation.charge(spent);
  }

  /** Adds to what is used here and by all that this attempt is part of. The ledgers have it once, by its reservation. */
  #count(spent: Spent): void {
    this.hasSpent = true;
    this.#call.spent = addSpent(this.#call.spent, spent);
    const { outer } = this.#call;
    if (outer) outer.#count(spent);
  }

  commit(): void {
    if (!this.#scope.isOver) this.#call.isCommitted = true;
    this.#call.outer?.commit();
  }

  // The longest times are those of the outermost attempt.
  expectChunks(): () => void {
    return (this.#call.outer ?? this.#scope).expectChunks();
  }

  chunk(): void {
    (this.#call.outer ?? this.#scope).chunk();
  }

  heard(headers: Readonly<Record<string, string>>): void {
    this.#call.heard(headers);
  }

  guardWithin(signal: AbortSignal, limits: Budget = {}): CallGuard {
    this.#reservation.release();
    this.#call.leavePace();
    return this.#call.guardWithin(this, this.#scope, signal, limits);
  }
}

export interface CallGuardSettings {
  /** The run's: its abort ends every call at once. */
  readonly scope: CancelScope;
  readonly clock: Clock;
  readonly random: Random;
  /** Ceilings of the run. Its `timeMs` is the run's deadline, which the owner of `scope` watches. */
  readonly ledger: BudgetLedger;
  /** @param attempt of the call, from 1 */
  emit<E extends GuardEventType>(type: E, data: EventData[E], attempt: number): void;
  /** Left out, each call has one attempt. */
  readonly policies?: CallPolicies | undefined;
  /** Left out, no limit is heeded. It holds for calls that are part of an attempt, too. */
  readonly pacing?: Pacing | undefined;
  /** Resolves once an attempt may start, with a key whose claim has to be confirmed first; `undefined` where it may at once. */
  readonly ready?: (() => Promise<void> | undefined) | undefined;
  /** The attempt that the calls are part of. */
  readonly outer?: BudgetedAttempt | undefined;
}

export interface CallPolicies {
  readonly config: ResolvedReliabilityConfig;
  readonly breakers: BreakerRegistry;
  readonly retryBudgets: RetryBudgets;
  /** Longest pause that a server can mean. Default: 15 minutes. */
  readonly maxRetryAfterMs?: number | undefined;
  readonly modelTraits?: ModelTraitsSource | undefined;
  readonly pacing?: Pacing | undefined;
  /** Returns whether another tool could take over. */
  hasFallback(): boolean;
}

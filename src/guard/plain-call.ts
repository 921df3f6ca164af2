import type { EventData } from "../contract/event.ts";
import type { CancelScope } from "../core/signal.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import type { CircuitBreaker } from "./breaker.ts";
import type { Classification } from "./classify.ts";
import { type GuardEventType, GuardedCall } from "./guarded-call.ts";
import { toOutputError } from "./output-error.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { TimeoutError } from "./timeout-error.ts";

/** What an attempt is given. */
export interface Attempt {
  /** From 1. */
  readonly attempt: number;
  /** Aborts when the caller's signal does, and when time is up. It is made when it is first read. */
  readonly signal: AbortSignal;
}

/** What all calls of one guard have in common. */
export interface PlainCallSettings {
  readonly name: string;
  readonly breaker: CircuitBreaker | undefined;
  readonly retryBudget: RetryBudget | undefined;
  now(): number;
  classify(error: unknown): Classification;
  emit<E extends GuardEventType | "error">(type: E, data: EventData[E]): void;
}

/** One call of a guard that stands alone: it has no budget, and nothing of it is delivered before its end. */
export class PlainCall extends GuardedCall {
  readonly runScope: CancelScope | undefined;
  readonly #settings: PlainCallSettings;
  readonly #start: (attempt: Attempt) => unknown;
  readonly #timeoutMs: number | undefined;
  readonly #hasFallback: boolean;
  readonly #startedAtMs: number;

  constructor(
    settings: PlainCallSettings,
    start: (attempt: Attempt) => unknown,
    runScope: CancelScope | undefined,
    timeoutMs: number | undefined,
    hasFallback: boolean,
  ) {
    super();
    this.runScope = runScope;
    this.#settings = settings;
    this.#start = start;
    this.#timeoutMs = timeoutMs;
    this.#hasFallback = hasFallback;
    this.#startedAtMs = timeoutMs === undefined ? 0 : settings.now();
  }

  get provider(): string {
    return this.#settings.name;
  }

  get replicateId(): undefined {
    return undefined;
  }

  get breaker(): CircuitBreaker | undefined {
    return this.#settings.breaker;
  }

  get retryBudget(): RetryBudget | undefined {
    return this.#settings.retryBudget;
  }

  leftMs(): number {
    return this.ownLeftMs();
  }

  ownLeftMs(): number {
    if (this.#timeoutMs === undefined) return Number.POSITIVE_INFINITY;
    return this.#startedAtMs + this.#timeoutMs - this.#settings.now();
  }

  outOfTime(): TimeoutError {
    return new TimeoutError("call", this.#timeoutMs ?? Number.POSITIVE_INFINITY);
  }

  hasFallback(): boolean {
    return this.#hasFallback;
  }

  protected judge(error: unknown): Classification {
    return this.#settings.classify(error);
  }

  emit<E extends GuardEventType | "error">(type: E, data: EventData[E]): void {
    this.#settings.emit(type, data);
  }

  reserve(): undefined {
    return undefined;
  }

  startAttempt(scope: AttemptScope): unknown {
    this.attempts++;
    return this.#start(new PlainAttempt(this.attempts, scope));
  }

  override succeed(): void {
    this.runScope?.dispose();
  }

  override fail(error: unknown): unknown {
    this.runScope?.dispose();
    const failure = super.fail(error);
    this.emit("error", { error: toOutputError(failure, this.attempts, this.note, this.classify(failure)) });
    return failure;
  }
}

class PlainAttempt implements Attempt {
  readonly attempt: number;
  readonly #scope: AttemptScope;

  constructor(attempt: number, scope: AttemptScope) {
    this.attempt = attempt;
    this.#scope = scope;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }
}

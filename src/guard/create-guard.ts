import * as v from "valibot";
import { enclosingWork } from "../contract/enclosing-work.ts";
import type { EventData } from "../contract/event.ts";
import type { Spent } from "../contract/usage.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { tellListener } from "../core/emitter.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import {
  checkedBy,
  collectOptions,
  declareOptions,
  milliseconds,
  type OptionsInput,
  type ResolvedOptions,
  resolveOptions,
  text,
} from "../core/options.ts";
import { type Random, systemRandom } from "../core/random.ts";
import { CancelScope } from "../core/signal.ts";
import { ignorePromise } from "../core/thenable.ts";
import { type BreakerState, CircuitBreaker } from "./breaker.ts";
import { Circuit } from "./circuit.ts";
import { type Classification, classifyAttempt, toOutputError } from "./classify.ts";
import { TimeoutError } from "./errors.ts";
import { type Policies, runGuarded } from "./guard.ts";
import { type AttemptScope, type CallTime, type GuardEventType, GuardedCall } from "./guarded-call.ts";
import { RetryBudget } from "./per-provider.ts";
import { type CircuitBreakerConfig, collectBreaker, type RetryConfig, retryConfig } from "./reliability-config.ts";
import { Retry } from "./retry.ts";

type GuardEventName = Exclude<GuardEventType, "budget_reserved" | "attempt_discarded"> | "error";

/** Event of a guard, told as it happens. */
export type GuardEvent = { [E in GuardEventName]: { type: E } & EventData[E] }[GuardEventName];

const isFunction = (value: unknown): boolean => typeof value === "function";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isObjectOrFalse = (value: unknown): boolean => value === false || isObject(value);

/** Options by which a guard that does not retry waits for a pause that its service asks for. */
const defaultRetry = resolveOptions(retryConfig, {});

export const guardOptions = declareOptions("GuardOptions", "createGuard(…)", {
  /** Names the guard in errors and events. */
  name: v.optional(text(), "guard"),
  /** Options of retries; `false` for none. */
  retry: v.optional(checkedBy<RetryConfig | false>(isObjectOrFalse, "retry options, or false"), {}),
  /** Options of the circuit breaker; `false` for none. */
  circuitBreaker: v.optional(
    checkedBy<CircuitBreakerConfig | false>(isObjectOrFalse, "circuit breaker options, or false"),
    {},
  ),
  /** Longest time of a call, its retries included. Default: none. */
  timeoutMs: v.optional(milliseconds({ minimum: 1 })),
  /** Longest time of one attempt. Default: none. */
  attemptTimeoutMs: v.optional(milliseconds({ minimum: 1 })),
  /** Decides what an error means. Default: `classify`, which also decides where this throws or gives nothing. */
  classify: v.optional(
    checkedBy<(error: unknown) => Classification>(isFunction, "a function from an error to a classification"),
  ),
  /** Hears of retries, changes of the circuit, and failures. */
  onEvent: v.optional(checkedBy<(event: GuardEvent) => void>(isFunction, "a function")),
  /** Default: the real one. */
  clock: v.optional(checkedBy<Clock>(isObject, "a clock"), systemClock),
  /** Default: the process's own. */
  random: v.optional(checkedBy<Random>(isObject, "a source of random numbers"), systemRandom),
});

/** Options of a guard. */
export interface GuardOptions extends OptionsInput<typeof guardOptions> {}

/** Options of a single call. */
export interface GuardRunOptions {
  /** Its abort ends the call at once, with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** In place of the guard's own. */
  timeoutMs?: number | undefined;
  /** True where something else could take over, as `withFallback` says: then no pause above `maxDelayMs` is waited for. */
  hasFallback?: boolean | undefined;
}

/** Retry, circuit breaker and timeouts around anything asynchronous. */
export interface Guard {
  /** @throws what the last attempt threw; the signal's reason; `TimeoutError`; `CircuitOpenError` */
  run<R>(fn: (attempt: Attempt) => PromiseLike<R> | R, options?: GuardRunOptions): Promise<R>;
  /** A function that runs under the guard each time that it is called. */
  wrap<A extends readonly unknown[], R>(
    fn: (attempt: Attempt, ...parameters: A) => PromiseLike<R> | R,
  ): (...parameters: A) => Promise<R>;
  /** The circuit's. Always `"closed"` without a circuit breaker. */
  readonly state: BreakerState["kind"];
}

/**
 * A guard for calls that may fail: it tries again what is worth it, stops calling what keeps failing, and lets nothing
 * take too long. Share one guard between all calls of one service.
 *
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const guard = createGuard({ name: "crm", retry: { maxRetries: 2 }, timeoutMs: 10_000 });
 * const user = await guard.run(async ({ signal }) => {
 *   const response = await fetch("https://crm.example/users/1", { signal });
 *   if (!response.ok) throw Object.assign(new Error("CRM failed"), { status: response.status });
 *   return response.json();
 * });
 * ```
 */
export function createGuard(options?: GuardOptions): Guard {
  const { settings, timeoutMs, policies } = prepare(options);

  function run<R>(fn: (attempt: Attempt) => PromiseLike<R> | R, runOptions?: GuardRunOptions): Promise<R> {
    if (!isFunction(fn)) return Promise.reject(noFunction("run", fn));
    const limitMs = runOptions?.timeoutMs ?? timeoutMs;
    if (limitMs !== undefined && !(limitMs > 0)) return Promise.reject(invalidTimeout(limitMs));
    const scope = runOptions?.signal && new CancelScope(runOptions.signal);
    const hasFallback = runOptions?.hasFallback ?? false;
    return runGuarded(new PlainCall(settings, fn, scope, limitMs, hasFallback), policies) as Promise<R>;
  }

  return {
    run,
    wrap: (fn) => {
      if (!isFunction(fn)) throw noFunction("wrap", fn);
      return (...parameters) => run((attempt) => fn(attempt, ...parameters));
    },
    get state() {
      return settings.breaker?.kind ?? "closed";
    },
  };
}

/** Checks the options, naming every fault at once, and lays out the policies. */
function prepare(given: GuardOptions | undefined) {
  const issues: OptionIssue[] = [];
  const options = collectOptions(guardOptions, given, guardOptions.place, issues);
  const { retry = {}, circuitBreaker = {} } = isObject(given) ? (given as GuardOptions) : {};
  const retryPolicy = isObject(retry) ? collectOptions(retryConfig, retry, "retry", issues) : undefined;
  const breakerPolicy = isObject(circuitBreaker) ? collectBreaker(circuitBreaker, "circuitBreaker", issues) : undefined;
  if (!options || issues.length > 0) throw new InvalidOptionsError(issues);
  const { name, clock, random, attemptTimeoutMs, timeoutMs, onEvent } = options;
  const settings: PlainCallSettings = {
    name,
    breaker: breakerPolicy && new CircuitBreaker(name, breakerPolicy, clock),
    retryBudget: retryPolicy && new RetryBudget(),
    now: () => clock.now(),
    classify: classifierOf(options),
    emit: (type, data) => onEvent && tellListener(onEvent, { type, ...data } as GuardEvent),
  };
  const shared = { config: retryPolicy ?? defaultRetry, clock, random };
  const policies: Policies = {
    retry: retryPolicy && new Retry(shared),
    circuit: breakerPolicy && new Circuit(shared),
    timeouts: { attemptTimeoutMs },
    clock,
  };
  return { settings, timeoutMs, policies };
}

/** A classifier that throws, or gives no classification, neither hides the error that it was asked about nor leaves its call unfinished. */
function classifierOf({ classify: own, clock }: ResolvedOptions<typeof guardOptions>): PlainCallSettings["classify"] {
  const usual = (error: unknown, isAborted: boolean) => classifyAttempt(error, isAborted, clock.now());
  if (!own) return usual;
  return (error, isAborted) => {
    try {
      const given: unknown = own(error);
      return !ignorePromise(given) && isClassification(given) ? given : usual(error, isAborted);
    } catch {
      return usual(error, isAborted);
    }
  };
}

function isClassification(given: unknown): given is Classification {
  const { category, isRetryable } = (given ?? {}) as Partial<Classification>;
  return typeof category === "string" && typeof isRetryable === "boolean";
}

function noFunction(method: "run" | "wrap", given: unknown): InvalidOptionsError {
  return new InvalidOptionsError([{ path: `${method}(…)`, given, allowed: "a function that makes the call" }]);
}

function invalidTimeout(given: unknown): InvalidOptionsError {
  return new InvalidOptionsError([{ path: "timeoutMs", given, allowed: "a number of milliseconds above 0" }]);
}

/** One attempt, as the guarded function is given it. */
export interface Attempt {
  /** From 1. */
  readonly attempt: number;
  /** Aborts when the caller's signal does, and when time is up. It is made when it is first read. */
  readonly signal: AbortSignal;
}

/** Settings that all calls of one guard share. */
export interface PlainCallSettings {
  readonly name: string;
  readonly breaker: CircuitBreaker | undefined;
  readonly retryBudget: RetryBudget | undefined;
  now(): number;
  classify(error: unknown, isAborted: boolean): Classification;
  emit<E extends GuardEventType | "error">(type: E, data: EventData[E]): void;
}

/** One call of a guard that stands alone: it has no budget, and nothing of it is delivered before its end. */
class PlainCall extends GuardedCall {
  readonly #settings: PlainCallSettings;
  readonly #start: (attempt: Attempt) => unknown;
  readonly #around = enclosingWork();

  constructor(
    settings: PlainCallSettings,
    start: (attempt: Attempt) => unknown,
    runScope: CancelScope | undefined,
    timeoutMs: number | undefined,
    hasFallback: boolean,
  ) {
    const { name, breaker, retryBudget, classify, emit } = settings;
    const time = timeFrom(settings, timeoutMs);
    super({ provider: name, runScope, breaker, retryBudget, time, hasFallback: () => hasFallback, classify, emit });
    this.#settings = settings;
    this.#start = start;
  }

  startAttempt(scope: AttemptScope): unknown {
    this.attempts++;
    return this.#start(new PlainAttempt(this.attempts, scope));
  }

  /** An attempt that gave a value keeps its signal: the value may be a response whose body is still to be read. */
  override endAttempt(hasAnswered: boolean): Promise<unknown> | undefined {
    if (!hasAnswered) return super.endAttempt(hasAnswered);
    this.scope?.dispose();
    return undefined;
  }

  countInner(spent: Spent): void {
    if (this.#around && this.#around !== "over") this.#around.count(spent);
  }

  override succeed(): void {
    this.facts.runScope?.dispose();
  }

  override fail(error: unknown): unknown {
    this.facts.runScope?.dispose();
    const failure = super.fail(error);
    this.#settings.emit("error", { error: toOutputError(failure, this.attempts, this.note, this.classify(failure)) });
    return failure;
  }
}

/** Time of a call that ends `timeoutMs` from now on. */
function timeFrom({ now }: PlainCallSettings, timeoutMs = Number.POSITIVE_INFINITY): CallTime {
  const endsAtMs = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : now() + timeoutMs;
  const leftMs = () => (endsAtMs === Number.POSITIVE_INFINITY ? endsAtMs : endsAtMs - now());
  return { leftMs, ownLeftMs: leftMs, outOfTime: () => new TimeoutError("call", timeoutMs) };
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

import * as v from "valibot";
import { optionPlaces } from "../contract/option-places.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import {
  checkedBy,
  collectOptions,
  declareOptions,
  finiteNumber,
  milliseconds,
  nested,
  type OptionsInput,
  type OptionsInputWith,
  oneOf,
  type ResolvedOptions,
  trueOrFalse,
  wholeNumber,
} from "../core/options.ts";

const retryEntries = {
  /**
   * Attempts after the first one. An answer that does not fit its schema is corrected once beside them, since the model
   * is shown the faults: also with 0.
   */
  maxRetries: v.optional(wholeNumber({ minimum: 0, unit: "retries" }), 3),
  /** Longest wait before the first retry. */
  initialDelayMs: v.optional(milliseconds(), 1000),
  /** Longest wait before any retry. Only a provider's Retry-After may be longer. */
  maxDelayMs: v.optional(milliseconds(), 60_000),
  /** Growth of the longest wait from one retry to the next. */
  exponentialBase: v.optional(finiteNumber({ minimum: 1 }), 2),
  /** Wait a random part of the longest wait, so that calls that failed together do not come back together. */
  jitter: v.optional(trueOrFalse(), true),
  /** Longest sum of the waits of one call. What a provider's Retry-After asks for is not counted. */
  maxTotalDelayMs: v.optional(milliseconds(), 300_000),
};

const circuitBreakerEntries = {
  /** Calls of the window that failed for good, their retries included, from which on the circuit may open. */
  failureThreshold: v.optional(wholeNumber({ minimum: 1, unit: "calls" }), 5),
  /** The least share of failures in the window at which it does; calls that are still tried again count as such. */
  failureRatio: v.optional(finiteNumber({ minimum: 0, maximum: 1 }), 0.5),
  /** Time for which calls count. It moves on in tenths. */
  windowMs: v.optional(milliseconds({ minimum: 1 }), 60_000),
  /** Time for which an open circuit refuses every call. */
  openMs: v.optional(milliseconds({ minimum: 1 }), 60_000),
  /** Calls let through to test a provider after that. */
  halfOpenRequests: v.optional(wholeNumber({ minimum: 1, unit: "calls" }), 3),
  /** Successes among them that close the circuit. At most `halfOpenRequests`. */
  successThreshold: v.optional(wholeNumber({ minimum: 1, unit: "calls" }), 2),
};

const breakersAllowed = "an object of circuit breaker options by provider";

export const reliabilityConfig = declareOptions(
  "ReliabilityConfig",
  "reliabilityConfig",
  {
    ...retryEntries,
    /** Options of the circuit breaker. */
    circuitBreaker: v.optional(nested(circuitBreakerEntries), {}),
    /** The same for single providers, by `tool.provider`; what is left out is as in `circuitBreaker`. */
    circuitBreakers: v.optional(
      checkedBy<Readonly<Record<string, CircuitBreakerConfig>>>(isRecord, breakersAllowed),
      Object.freeze({}),
    ),
    /** Time for which a finished run's output is kept under its idempotency key. */
    idempotencyTtlMs: v.optional(milliseconds(), 3_600_000),
    /** Time for which a claim on an idempotency key outlives a process that died with it. A live run renews it. */
    leaseMs: v.optional(milliseconds({ minimum: 10 }), 30_000),
    /** Longest time of one attempt. Default: none but the run's deadline. */
    attemptTimeoutMs: v.optional(milliseconds({ minimum: 1 })),
    /** Longest wait for the first chunk of a streamed answer. Default: none. */
    firstChunkTimeoutMs: v.optional(milliseconds({ minimum: 1 })),
    /** Longest wait between two chunks of a streamed answer. Default: none. */
    chunkTimeoutMs: v.optional(milliseconds({ minimum: 1 })),
    /** Conduct of a run whose idempotency key is in flight elsewhere. */
    onInFlight: v.optional(oneOf(["wait", "reject"]), "wait"),
    /**
     * Longest time for which a run waits for a store that cannot be reached or is locked, within its deadline. Not where
     * `onStoreError` is `"run_unprotected"`.
     */
    storeRetryMs: v.optional(milliseconds(), 120_000),
    /** Conduct of a run with an idempotency key when the store fails. */
    onStoreError: v.optional(oneOf(["fail", "run_unprotected"]), "fail"),
  },
  optionPlaces,
);

export const retryConfig = declareOptions("RetryConfig", "retry", retryEntries);
export const circuitBreakerConfig = declareOptions("CircuitBreakerConfig", "circuitBreaker", circuitBreakerEntries);

/** Options of retries. */
export interface RetryConfig extends OptionsInput<typeof retryConfig> {
  maxRetries?: number | undefined;
}
export type ResolvedRetryConfig = ResolvedOptions<typeof retryConfig>;

/** Options of a circuit breaker. */
export interface CircuitBreakerConfig extends OptionsInput<typeof circuitBreakerConfig> {
  failureThreshold?: number | undefined;
}
export type ResolvedCircuitBreakerConfig = ResolvedOptions<typeof circuitBreakerConfig>;

/** Options by which `ReliableOrchestrator` deals with failure. */
export interface ReliabilityConfig extends OptionsInputWith<typeof retryEntries, typeof reliabilityConfig> {
  maxRetries?: number | undefined;
}
export interface ResolvedReliabilityConfig extends Omit<ResolvedOptions<typeof reliabilityConfig>, "circuitBreakers"> {
  readonly circuitBreakers: Readonly<Record<string, ResolvedCircuitBreakerConfig>>;
}

/**
 * Checks a configuration and fills in its defaults.
 *
 * @throws InvalidOptionsError naming every fault, a `successThreshold` that can never be reached included
 */
export function resolveReliabilityConfig(given: unknown, path = reliabilityConfig.place): ResolvedReliabilityConfig {
  const issues: OptionIssue[] = [];
  const config = collectReliabilityConfig(given, path, issues);
  if (!config || issues.length > 0) throw new InvalidOptionsError(issues);
  return config;
}

/** Like `resolveReliabilityConfig`, but adds the faults to `issues`. */
export function collectReliabilityConfig(
  given: unknown,
  path: string,
  issues: OptionIssue[],
): ResolvedReliabilityConfig | undefined {
  const config = collectOptions(reliabilityConfig, given, path, issues);
  const base = config && checkBreaker(config.circuitBreaker, `${path}.circuitBreaker`, issues);
  const circuitBreakers: Record<string, ResolvedCircuitBreakerConfig> = {};
  for (const [provider, own] of Object.entries(config?.circuitBreakers ?? {})) {
    const breaker = collectBreaker(own, `${path}.circuitBreakers.${provider}`, issues, base);
    if (breaker) circuitBreakers[provider] = breaker;
  }
  return config && Object.freeze({ ...config, circuitBreakers });
}

/** Checks a circuit breaker's options and fills in what is left out from `base`, else from the defaults. */
export function collectBreaker(
  given: unknown,
  path: string,
  issues: OptionIssue[],
  base?: ResolvedCircuitBreakerConfig,
): ResolvedCircuitBreakerConfig | undefined {
  const ownOptions = isRecord(given) ? Object.entries(given).filter(([, value]) => value !== undefined) : undefined;
  const merged = ownOptions ? { ...base, ...Object.fromEntries(ownOptions) } : given;
  const breaker = collectOptions(circuitBreakerConfig, merged, path, issues);
  return breaker && checkBreaker(breaker, path, issues);
}

/** @throws InvalidOptionsError */
export function resolveBreaker(given: CircuitBreakerConfig | undefined): ResolvedCircuitBreakerConfig {
  const issues: OptionIssue[] = [];
  const breaker = collectBreaker(given ?? {}, circuitBreakerConfig.place, issues);
  if (!breaker || issues.length > 0) throw new InvalidOptionsError(issues);
  return breaker;
}

function checkBreaker<B extends ResolvedCircuitBreakerConfig>(breaker: B, path: string, issues: OptionIssue[]): B {
  const { successThreshold, halfOpenRequests } = breaker;
  if (successThreshold > halfOpenRequests) {
    const allowed = `at most halfOpenRequests, which is ${halfOpenRequests}; more successes than calls never come`;
    issues.push({ path: `${path}.successThreshold`, given: successThreshold, allowed });
  }
  return breaker;
}

/** The options of one provider's circuit breaker. */
export function circuitBreakerOf(config: ResolvedReliabilityConfig, provider: string): ResolvedCircuitBreakerConfig {
  const own = Object.hasOwn(config.circuitBreakers, provider) ? config.circuitBreakers[provider] : undefined;
  return own ?? config.circuitBreaker;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

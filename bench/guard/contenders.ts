import {
  ConsecutiveBreaker,
  ConstantBackoff,
  circuitBreaker,
  handleAll,
  type IPolicy,
  retry as retryPolicy,
  TimeoutStrategy,
  timeout as timeoutPolicy,
  wrap,
} from "cockatiel";
import { Effect } from "effect";
import Opossum from "opossum";
import pRetry from "p-retry";
import { createGuard } from "../../src/reliability.ts";

/** A call that may read the signal it is given. */
export type Work = (signal: () => AbortSignal | undefined) => Promise<number>;

/** Runs work under a library's policies; `signal` is the caller's. */
export type Contender = (work: Work, signal?: AbortSignal) => Promise<unknown>;

const attemptTimeoutMs = 30_000;
const timeoutMs = 60_000;
const maxRetries = 3;

/** No policy at all: the floor. */
export const bare: Contender = (work) => work(() => undefined);

/** Work that fails is repeated at once, up to three times. */
export const bareRetryLoop: Contender = async (work) => {
  for (let retries = 0; ; retries++) {
    try {
      return await work(() => undefined);
    } catch (error) {
      if (retries === maxRetries) throw error;
    }
  }
};

/** Retry, circuit breaker, attempt timeout, total timeout, events: the guard of this package. */
export function guard(): Contender {
  const { run } = createGuard({
    retry: { maxRetries, initialDelayMs: 0 },
    attemptTimeoutMs,
    timeoutMs,
    onEvent: () => {},
  });
  return (work, signal) => run((attempt) => work(() => attempt.signal), signal && { signal });
}

/** Retry, circuit breaker, attempt timeout, total timeout, within policies of the caller's. */
export function cockatiel(...outer: IPolicy[]): Contender {
  const policy = wrap(
    ...outer,
    timeoutPolicy(timeoutMs, TimeoutStrategy.Aggressive),
    retryPolicy(handleAll, { maxAttempts: maxRetries, backoff: new ConstantBackoff(0) }),
    circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) }),
    timeoutPolicy(attemptTimeoutMs, TimeoutStrategy.Aggressive),
  );
  return (work, signal) => policy.execute((context) => work(() => context.signal), signal);
}

/** Retry, attempt timeout, total timeout; Effect has no circuit breaker. */
export function effect(): Contender {
  return (work, signal) => {
    const attempt = Effect.tryPromise({ try: (own) => work(() => own), catch: (error) => error });
    const guarded = attempt.pipe(
      Effect.timeout(attemptTimeoutMs),
      Effect.retry({ times: maxRetries }),
      Effect.timeout(timeoutMs),
    );
    return Effect.runPromise(guarded, signal && { signal });
  };
}

/** Retry alone. */
export function pRetryAlone(): Contender {
  const options = { retries: maxRetries, minTimeout: 0, factor: 1 };
  return (work, signal) => pRetry(() => work(() => signal), signal ? { ...options, signal } : options);
}

/** Circuit breaker and timeout. */
export function opossum(): Contender {
  const breaker = new Opossum((work: Work) => work(() => undefined), { timeout: attemptTimeoutMs });
  return (work) => breaker.fire(work);
}

/** A new contender every so many calls: where each call needs two retries, a guard's retry budget runs out. */
export function renewed(make: () => Contender, every: number): Contender {
  let calls = 0;
  let run = make();
  return (work, signal) => {
    if (calls++ % every === 0) run = make();
    return run(work, signal);
  };
}

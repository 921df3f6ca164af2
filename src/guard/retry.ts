import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Classification } from "./classify.ts";
import type { GuardedCall, GuardLayer } from "./guarded-call.ts";
import { toOutputError } from "./output-error.ts";
import type { ResolvedRetryConfig } from "./reliability-config.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { sleep } from "./sleep.ts";

/** New attempts after an answer that does not fit its schema: the model is shown the faults, so it need not wait. */
const invalidOutputRetries = 1;

export interface RetrySettings {
  readonly config: ResolvedRetryConfig;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether something else could take over, so that a long wait makes no sense. */
  hasFallback(): boolean;
}

/** Tries again what failed, as far as its error allows and the policies grant. */
export function retry(settings: RetrySettings): GuardLayer {
  return async (call, next) => {
    let retries: Retries | undefined;
    for (;;) {
      try {
        const value = await next();
        call.retryBudget?.deposit(retries?.lastCost);
        return value;
      } catch (error) {
        if (call.scope.aborted) throw error;
        retries ??= new Retries(settings, call.retryBudget);
        await prepareRetry(settings, call, retries, error);
      }
    }
  };
}

/** Waits until the next attempt is due. @throws the error itself, where there is none */
async function prepareRetry(
  settings: RetrySettings,
  call: GuardedCall,
  retries: Retries,
  error: unknown,
): Promise<void> {
  const classification = call.classify(error);
  if (classification.category === "circuit_open" && call.attempts > 0) {
    call.note = `not tried again: ${messageOf(error)}`;
    throw call.previousError;
  }
  const verdict = judge(call, retries, classification);
  if (!verdict.isRetried) {
    call.note = verdict.reason;
    throw error;
  }
  const { delayMs } = verdict;
  const replicate = call.replicateId === undefined ? {} : { replicateId: call.replicateId };
  if (call.isCommitted) call.emit("attempt_discarded", replicate);
  const failure = toOutputError(error, call.attempts, undefined, classification);
  call.emit("retry_scheduled", { delayMs, error: failure, ...replicate });
  call.isCommitted = false;
  call.previousError = error;
  if (delayMs > 0) await sleep(settings.clock, delayMs, call.scope);
}

function judge(call: GuardedCall, retries: Retries, classification: Classification): RetryVerdict {
  const isShownToCaller = call.isCommitted && call.replicateId === undefined;
  if (isShownToCaller && classification.isRetryable)
    return { isRetried: false, reason: "not tried again: part of the answer had been delivered" };
  return retries.next(classification, call.leftMs());
}

export type RetryVerdict =
  | { readonly isRetried: true; readonly delayMs: number }
  | { readonly isRetried: false; readonly reason: string | undefined };

const refused: RetryVerdict = { isRetried: false, reason: undefined };

/** The retries of one call. */
export class Retries {
  readonly #settings: Omit<RetrySettings, "clock">;
  readonly #budget: RetryBudget | undefined;
  #count = 0;
  #invalidOutputCount = 0;
  #totalDelayMs = 0;
  #lastCost = 0;

  constructor(settings: Omit<RetrySettings, "clock">, budget?: RetryBudget | undefined) {
    this.#settings = settings;
    this.#budget = budget;
  }

  /** What the latest retry cost the retry budget. */
  get lastCost(): number {
    return this.#lastCost;
  }

  /** Whether and when to try again after an error, with so much time left. */
  next(classification: Classification, leftMs: number): RetryVerdict {
    const { maxRetries } = this.#settings.config;
    if (!classification.isRetryable || this.#count >= maxRetries) return refused;
    const verdict =
      classification.category === "invalid_output" ? this.#correction() : this.#backoff(classification, leftMs);
    if (verdict.isRetried) this.#count++;
    return verdict;
  }

  #correction(): RetryVerdict {
    if (this.#invalidOutputCount >= invalidOutputRetries) return refused;
    this.#invalidOutputCount++;
    this.#lastCost = 0;
    return { isRetried: true, delayMs: 0 };
  }

  #backoff({ category, retryAfterMs }: Classification, leftMs: number): RetryVerdict {
    const { config, random } = this.#settings;
    const delayMs = backoffDelayMs(config, this.#count, random, retryAfterMs);
    const ownDelayMs = delayMs - (retryAfterMs ?? 0);
    const reason = this.#reasonAgainst(delayMs, ownDelayMs, retryAfterMs ?? 0, leftMs);
    if (reason) return { isRetried: false, reason: `not tried again: ${reason}` };
    this.#lastCost = this.#budget?.withdraw(category === "timeout") ?? 0;
    if (this.#budget && this.#lastCost === 0)
      return {
        isRetried: false,
        reason: "not tried again: the provider's retry budget is empty, too many of its calls fail",
      };
    this.#totalDelayMs += ownDelayMs;
    return { isRetried: true, delayMs };
  }

  #reasonAgainst(delayMs: number, ownDelayMs: number, askedMs: number, leftMs: number): string | undefined {
    const { config, hasFallback } = this.#settings;
    if (askedMs >= leftMs) return `Retry-After asks for ${ms(askedMs)}, the deadline is in ${ms(leftMs)}`;
    if (delayMs >= leftMs) return `the next attempt is due in ${ms(delayMs)}, the deadline in ${ms(leftMs)}`;
    if (askedMs > config.maxDelayMs && hasFallback())
      return `Retry-After asks for ${ms(askedMs)}, more than maxDelayMs = ${ms(config.maxDelayMs)}, and there is a fallback`;
    if (this.#totalDelayMs + ownDelayMs > config.maxTotalDelayMs)
      return `its waits would pass maxTotalDelayMs = ${ms(config.maxTotalDelayMs)}`;
    return undefined;
  }
}

/**
 * How long to wait before retry `n` (from 0): with jitter a uniform part of
 * `min(maxDelayMs, initialDelayMs * exponentialBase ** n)` ("full jitter": Brooker, "Exponential Backoff And Jitter",
 * AWS 2015), without jitter all of it. What the provider asks for with Retry-After is a floor, to which jitter adds.
 *
 * @returns milliseconds
 */
export function backoffDelayMs(
  config: ResolvedRetryConfig,
  n: number,
  random: Random,
  retryAfterMs: number | undefined = 0,
): number {
  const longestMs = Math.min(config.maxDelayMs, config.initialDelayMs * config.exponentialBase ** n);
  return config.jitter ? retryAfterMs + random.next() * longestMs : Math.max(retryAfterMs, longestMs);
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}

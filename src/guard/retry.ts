import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { type Classification, toOutputError } from "./classify.ts";
import type { GuardedCall } from "./guarded-call.ts";
import type { RetryBudget } from "./per-provider.ts";
import type { ResolvedRetryConfig } from "./reliability-config.ts";
import { sleep } from "./wait-queue.ts";

/** Tries again what failed, as far as the error allows, time is left, and the options and the retry budget grant. */
export class Retry {
  readonly #parts: PolicyParts;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  succeeded(call: GuardedCall): void {
    call.facts.retryBudget?.deposit(call.retries?.lastCost);
  }

  /**
   * Returns the wait for the next attempt; `undefined` where there is none.
   *
   * @returns a promise that rejects with the abort's reason as soon as the call is aborted
   */
  next(call: GuardedCall, error: unknown): Promise<void> | undefined {
    if (call.facts.runScope?.aborted) return undefined;
    const classification = call.classify(error);
    const verdict = this.#judge(call, error, classification);
    if (!verdict.isRetried) {
      if (verdict.reason) call.note = `not tried again: ${verdict.reason}`;
      return undefined;
    }
    this.#announce(call, error, classification, verdict.delayMs);
    call.isCommitted = false;
    call.previousError = error;
    return verdict.delayMs > 0 ? sleep(this.#parts.clock, verdict.delayMs, call.facts.runScope) : Promise.resolve();
  }

  #judge(call: GuardedCall, error: unknown, classification: Classification): RetryVerdict {
    if (classification.category === "circuit_open" && call.attempts > 0)
      return { isRetried: false, reason: messageOf(error) };
    if (call.isCommitted && call.facts.replicateId === undefined && classification.isRetryable)
      return { isRetried: false, reason: "part of the answer had been delivered" };
    call.retries ??= new RetryState(this.#parts, call.facts.retryBudget);
    return call.retries.next(classification, call.facts.time.leftMs(), call.facts.hasFallback());
  }

  #announce(call: GuardedCall, error: unknown, classification: Classification, delayMs: number): void {
    const { replicateId } = call.facts;
    const replicate = replicateId === undefined ? {} : { replicateId };
    if (call.isCommitted) call.emit("attempt_discarded", replicate);
    const failure = toOutputError(error, call.attempts, undefined, classification);
    call.emit("retry_scheduled", { delayMs, error: failure, ...replicate });
  }
}

/**
 * New attempts after an answer that does not fit its schema. The provider has not failed and the model is shown the
 * faults: so there is no wait, and no retry is used up.
 */
const maxCorrections = 1;

/** Parts that retry and circuit are made of. */
export interface PolicyParts {
  readonly config: ResolvedRetryConfig;
  readonly clock: Clock;
  readonly random: Random;
}

export type RetryVerdict =
  | { readonly isRetried: true; readonly delayMs: number }
  /** `reason`: why not, where that is not plain from the error. */
  | { readonly isRetried: false; readonly reason?: string };

const refused: RetryVerdict = { isRetried: false };

/** State of one call's retries: decides whether there is another one, and when. */
export class RetryState {
  readonly #parts: Pick<PolicyParts, "config" | "random">;
  readonly #budget: RetryBudget | undefined;
  #count = 0;
  #corrections = 0;
  #totalDelayMs = 0;
  #lastCost = 0;

  constructor(parts: Pick<PolicyParts, "config" | "random">, budget: RetryBudget | undefined) {
    this.#parts = parts;
    this.#budget = budget;
  }

  /** Cost of the latest retry, to the retry budget. */
  get lastCost(): number {
    return this.#lastCost;
  }

  /**
   * @param leftMs the time to the deadline
   * @param hasFallback whether something else could take over, so that a long wait makes no sense
   */
  next(classification: Classification, leftMs: number, hasFallback = false): RetryVerdict {
    if (!classification.isRetryable) return refused;
    if (classification.category === "invalid_output") return this.#correction();
    if (this.#count >= this.#parts.config.maxRetries) return refused;
    const verdict = this.#backoff(classification, leftMs, hasFallback);
    if (verdict.isRetried) this.#count++;
    return verdict;
  }

  #correction(): RetryVerdict {
    if (this.#corrections >= maxCorrections) return refused;
    this.#corrections++;
    this.#lastCost = 0;
    return { isRetried: true, delayMs: 0 };
  }

  #backoff({ category, retryAfterMs = 0 }: Classification, leftMs: number, hasFallback: boolean): RetryVerdict {
    const { config, random } = this.#parts;
    const delayMs = backoffDelayMs(config, this.#count, random, retryAfterMs);
    const ownDelayMs = delayMs - retryAfterMs;
    const reason = this.#reasonAgainst(delayMs, retryAfterMs, leftMs, hasFallback) ?? this.#withdraw(category);
    if (reason) return { isRetried: false, reason };
    this.#totalDelayMs += ownDelayMs;
    return { isRetried: true, delayMs };
  }

  #reasonAgainst(delayMs: number, askedMs: number, leftMs: number, hasFallback: boolean): string | undefined {
    const { config } = this.#parts;
    if (leftMs <= 0) return "the deadline has passed";
    if (askedMs >= leftMs) return `Retry-After asks for ${ms(askedMs)}, the deadline is in ${ms(leftMs)}`;
    if (delayMs >= leftMs) return `the next attempt is due in ${ms(delayMs)}, the deadline in ${ms(leftMs)}`;
    if (askedMs > config.maxDelayMs && hasFallback)
      return `Retry-After asks for ${ms(askedMs)}, more than maxDelayMs = ${ms(config.maxDelayMs)}, and there is a fallback`;
    if (this.#totalDelayMs + delayMs - askedMs > config.maxTotalDelayMs)
      return `its waits would pass maxTotalDelayMs = ${ms(config.maxTotalDelayMs)}`;
    return undefined;
  }

  /**
   * Pays for the retry. Gives the reason where there is not enough to pay with. A refusal for the rate costs nothing: the
   * rate is cut, so that its retries are no storm.
   */
  #withdraw(category: Classification["category"]): string | undefined {
    this.#lastCost = 0;
    if (!this.#budget || category === "rate_limit") return undefined;
    this.#lastCost = this.#budget.withdraw(category === "timeout");
    return this.#lastCost > 0 ? undefined : "the provider's retry budget is empty, because too many of its calls fail";
  }
}

/**
 * Returns the wait before retry `n` (from 0): with jitter a uniform part of
 * `min(maxDelayMs, initialDelayMs * exponentialBase ** n)` ("full jitter": Brooker, "Exponential Backoff And Jitter",
 * AWS 2015), without jitter all of it. What the provider asks for with Retry-After is a floor, to which jitter adds.
 *
 * @returns milliseconds
 */
export function backoffDelayMs(config: ResolvedRetryConfig, n: number, random: Random, retryAfterMs = 0): number {
  // The power may overflow, and 0 times that is not a number.
  const growth = Math.min(Number.MAX_VALUE, config.exponentialBase ** n);
  const longestMs = Math.min(config.maxDelayMs, config.initialDelayMs * growth);
  return config.jitter ? retryAfterMs + random.next() * longestMs : Math.max(retryAfterMs, longestMs);
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}

import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Classification } from "./classify.ts";
import type { GuardedCall } from "./guarded-call.ts";
import { toOutputError } from "./output-error.ts";
import { Retries, type RetrySettings, type RetryVerdict } from "./retries.ts";
import { sleep } from "./sleep.ts";

/** Tries again what failed, as far as the error allows and the options grant. */
export class Retry {
  readonly #settings: RetrySettings;
  readonly #clock: Clock;

  constructor(settings: RetrySettings & { readonly clock: Clock }) {
    this.#settings = settings;
    this.#clock = settings.clock;
  }

  succeeded(call: GuardedCall): void {
    call.retryBudget?.deposit(call.retries?.lastCost);
  }

  /**
   * The wait for the next attempt; `undefined` where there is none.
   *
   * @returns a promise that rejects with the abort's reason as soon as the call is aborted
   */
  next(call: GuardedCall, error: unknown): Promise<void> | undefined {
    if (call.runScope?.aborted) return undefined;
    const classification = call.classify(error);
    const verdict = this.#judge(call, error, classification);
    if (!verdict.isRetried) {
      if (verdict.reason) call.note = `not tried again: ${verdict.reason}`;
      return undefined;
    }
    this.#announce(call, error, classification, verdict.delayMs);
    call.isCommitted = false;
    call.previousError = error;
    return verdict.delayMs > 0 ? sleep(this.#clock, verdict.delayMs, call.runScope) : Promise.resolve();
  }

  #judge(call: GuardedCall, error: unknown, classification: Classification): RetryVerdict {
    if (classification.category === "circuit_open" && call.attempts > 0)
      return { isRetried: false, reason: messageOf(error) };
    if (call.isCommitted && call.replicateId === undefined && classification.isRetryable)
      return { isRetried: false, reason: "part of the answer had been delivered" };
    call.retries ??= new Retries(this.#settings, call.retryBudget);
    return call.retries.next(classification, call.leftMs(), call.hasFallback());
  }

  #announce(call: GuardedCall, error: unknown, classification: Classification, delayMs: number): void {
    const replicate = call.replicateId === undefined ? {} : { replicateId: call.replicateId };
    if (call.isCommitted) call.emit("attempt_discarded", replicate);
    const failure = toOutputError(error, call.attempts, undefined, classification);
    call.emit("retry_scheduled", { delayMs, error: failure, ...replicate });
  }
}

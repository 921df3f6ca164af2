/**
 * Thrown by a tool that knows that the call may be tried again.
 *
 * @example
 * ```ts
 * if (answer.status === "warming_up") throw new RetryableError("The index is warming up", { retryAfterMs: 2000 });
 * ```
 */
export class RetryableError extends Error {
  /** Read by the classification of errors. */
  readonly isRetryable = true;
  /** Milliseconds before which it is of no use to try again. */
  declare readonly retryAfterMs?: number;

  constructor(message: string, options?: { retryAfterMs?: number | undefined; cause?: unknown }) {
    super(message, options);
    this.name = "RetryableError";
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

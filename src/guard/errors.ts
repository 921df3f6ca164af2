/** A call was not made, because its provider is failing or has asked for a pause. Nothing was spent. */
export class CircuitOpenError extends Error {
  readonly code = "CIRCUIT_OPEN";
  /** Provider whose circuit it is. */
  readonly provider: string;
  /** `"open"`: too many calls failed; `"cooldown"`: the provider asked, with Retry-After, not to be called for now. */
  readonly reason: "open" | "cooldown";
  /** Milliseconds until a call may be made; 0 where that depends on calls that are under way. */
  readonly retryAfterMs: number;

  constructor(provider: string, reason: "open" | "cooldown", retryAfterMs: number) {
    const why = reason === "open" ? "its recent calls failed" : "it asked for a pause";
    const when = retryAfterMs > 0 ? `in ${Math.ceil(retryAfterMs)} ms` : "when the calls that test it have ended";
    super(`"${provider}" is not called because ${why}. Try again ${when}, or on another provider.`);
    this.name = "CircuitOpenError";
    this.provider = provider;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Wait that ran out: of the whole call, of one attempt, for its first chunk, or for its next one. */
export type TimeoutPhase = "call" | "attempt" | "first_chunk" | "chunk";

const phrases: Record<TimeoutPhase, string> = {
  call: "The call, its retries included, took longer than timeoutMs",
  attempt: "The attempt took longer than attemptTimeoutMs",
  first_chunk: "No chunk of the answer came within firstChunkTimeoutMs",
  chunk: "No further chunk of the answer came within chunkTimeoutMs",
};

/** Something took too long. Never used for an abort, so that the two can be told apart. */
export class TimeoutError extends Error {
  readonly code = "TIMEOUT";
  /** The wait that ran out. */
  readonly phase: TimeoutPhase;
  /** Length of the wait, in milliseconds. */
  readonly limitMs: number;

  constructor(phase: TimeoutPhase, limitMs: number) {
    super(`${phrases[phase]} = ${limitMs} ms. Raise it, or ask for less.`);
    this.name = "TimeoutError";
    this.phase = phase;
    this.limitMs = limitMs;
  }
}

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
  /** Milliseconds before which another attempt is of no use. */
  declare readonly retryAfterMs?: number;

  constructor(message: string, options?: { retryAfterMs?: number | undefined; cause?: unknown }) {
    super(message, options);
    this.name = "RetryableError";
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

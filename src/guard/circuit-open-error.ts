/** A call was not made, because its provider is failing or has asked for a pause. Nothing was spent. */
export class CircuitOpenError extends Error {
  readonly code = "CIRCUIT_OPEN";
  /** Whose circuit it is. */
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

/** What ran out of time: the whole call, one attempt, the wait for its first chunk, or the wait for its next one. */
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
  /** Which wait ran out. */
  readonly phase: TimeoutPhase;
  /** How long the wait was, in milliseconds. */
  readonly limitMs: number;

  constructor(phase: TimeoutPhase, limitMs: number) {
    super(`${phrases[phase]} = ${limitMs} ms. Raise it, or ask for less.`);
    this.name = "TimeoutError";
    this.phase = phase;
    this.limitMs = limitMs;
  }
}

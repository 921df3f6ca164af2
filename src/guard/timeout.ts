import { type Clock, schedule } from "../core/clock.ts";
import { CancelScope } from "../core/signal.ts";
import type { GuardLayer } from "./guarded-call.ts";
import { TimeoutError, type TimeoutPhase } from "./timeout-error.ts";

/** The longest times of an attempt, in milliseconds; none where left out. */
export interface AttemptTimeouts {
  readonly attemptTimeoutMs?: number | undefined;
  /** From the start to the first chunk. */
  readonly firstChunkTimeoutMs?: number | undefined;
  /** From each chunk to the next. */
  readonly chunkTimeoutMs?: number | undefined;
}

interface Deadline {
  readonly atMs: number;
  error(): unknown;
}

/**
 * Ends an attempt that takes too long, or whose call is aborted, at once: what it gives later is ignored. Its signal
 * aborts with the same reason.
 */
export function timeout(timeouts: AttemptTimeouts, clock: Clock): GuardLayer {
  return async (call, next) => {
    if (call.scope.aborted) throw call.scope.reason;
    const scope = new TimedScope(call.scope, clock, timeouts);
    const own = call.ownDeadline();
    if (own) scope.endAt({ atMs: clock.now() + own.leftMs, error: () => own.error() });
    call.attemptScope = scope;
    try {
      return await scope.race(next());
    } finally {
      scope.dispose();
    }
  };
}

/** A scope that aborts itself when time is up. Invariant: at most one timer at a time, none once it is over. */
export class TimedScope extends CancelScope {
  readonly #clock: Clock;
  readonly #timeouts: AttemptTimeouts;
  #end: Deadline | undefined;
  #nextChunk: Deadline | undefined;
  #stopTimer: (() => void) | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(parent: CancelScope, clock: Clock, timeouts: AttemptTimeouts) {
    super(parent);
    this.#clock = clock;
    this.#timeouts = timeouts;
    const { attemptTimeoutMs } = timeouts;
    if (attemptTimeoutMs !== undefined) this.endAt(this.#deadline("attempt", attemptTimeoutMs));
  }

  /** Sets the end; the earliest of several holds. */
  endAt(deadline: Deadline): void {
    if (this.#end && this.#end.atMs <= deadline.atMs) return;
    this.#end = deadline;
    this.#arm();
  }

  /** A stream is open: from here on chunks must come in time. */
  expectChunks(): void {
    this.#expectChunk("first_chunk", this.#timeouts.firstChunkTimeoutMs);
  }

  /** A chunk came. */
  chunk(): void {
    this.#expectChunk("chunk", this.#timeouts.chunkTimeoutMs);
  }

  override dispose(): void {
    super.dispose();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #expectChunk(phase: TimeoutPhase, limitMs: number | undefined): void {
    this.#nextChunk = limitMs === undefined ? undefined : this.#deadline(phase, limitMs);
    this.#arm();
  }

  #deadline(phase: TimeoutPhase, limitMs: number): Deadline {
    return { atMs: this.#clock.now() + limitMs, error: () => new TimeoutError(phase, limitMs) };
  }

  #next(): Deadline | undefined {
    const [end, chunk] = [this.#end, this.#nextChunk];
    return chunk && (!end || chunk.atMs < end.atMs) ? chunk : end;
  }

  /** A timer that is due too early is left alone: when it fires it looks again. */
  #arm(): void {
    const next = this.#next();
    if (!next || this.aborted || (this.#stopTimer && this.#timerAtMs <= next.atMs)) return;
    this.#stopTimer?.();
    this.#timerAtMs = next.atMs;
    this.#stopTimer = schedule(this.#clock, () => this.#fire(), next.atMs - this.#clock.now());
  }

  #fire(): void {
    this.#stopTimer = undefined;
    const next = this.#next();
    if (next && this.#clock.now() >= next.atMs) this.abort(next.error());
    else this.#arm();
  }
}

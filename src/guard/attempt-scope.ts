/**
 * Job: run one attempt, and end it at once when its time is up or its run is aborted.
 * Boundary: whether and when another attempt follows is decided elsewhere.
 * Invariants:
 * 1. What an attempt gives after its end is ignored, a rejection too.
 * 2. Its signal aborts with the error that the attempt ends with, so that a timeout is told apart from an abort.
 * 3. No timer is left once it is disposed of.
 * 4. Nothing is started once the time of its call is up.
 */
import { type Clock, schedule } from "../core/clock.ts";
import { CancelScope } from "../core/signal.ts";
import type { GuardedCall } from "./guarded-call.ts";
import { TimeoutError, type TimeoutPhase } from "./timeout-error.ts";

/** The longest times of an attempt, in milliseconds; none where left out. */
export interface AttemptTimeouts {
  readonly attemptTimeoutMs?: number | undefined;
  /** From the start to the first chunk of a streamed answer. */
  readonly firstChunkTimeoutMs?: number | undefined;
  /** From each chunk to the next. */
  readonly chunkTimeoutMs?: number | undefined;
}

/** One attempt of a call. */
export class AttemptScope extends CancelScope {
  readonly #call: GuardedCall;
  readonly #timeouts: AttemptTimeouts;
  readonly #clock: Clock;
  #reject: ((reason: unknown) => void) | undefined = undefined;
  #stopTimer: (() => void) | undefined = undefined;
  #stopChunkTimer: (() => void) | undefined = undefined;
  #openStreams = 0;
  #isStarted = false;
  #isOver = false;

  /** @param call of a run that is not aborted */
  constructor(call: GuardedCall, timeouts: AttemptTimeouts, clock: Clock) {
    super(call.runScope);
    this.#call = call;
    this.#timeouts = timeouts;
    this.#clock = clock;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Starts the attempt if there is time for it, and settles as it does or as soon as it is ended. */
  run(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      const ownLeftMs = this.#call.ownLeftMs();
      if (ownLeftMs <= 0) return this.abort(this.#call.outOfTime());
      this.#startTimer(ownLeftMs);
      this.#isStarted = true;
      Promise.resolve(this.#call.startAttempt(this)).then(resolve, reject);
    });
  }

  override abort(reason: unknown): void {
    super.abort(reason);
    this.#reject?.(reason);
  }

  override dispose(): void {
    super.dispose();
    this.#isOver = true;
    this.#stopTimer?.();
    this.#stopChunkTimer?.();
  }

  /**
   * The answer comes as a stream from here on, one of perhaps several of this attempt.
   *
   * @returns what to call once, when the stream has ended: what is done with the answer then is no chunk that is late
   */
  expectChunks(): () => void {
    this.#openStreams++;
    this.#expectChunk("first_chunk", this.#timeouts.firstChunkTimeoutMs);
    return () => {
      if (--this.#openStreams === 0) this.#expectNoChunk();
    };
  }

  chunk(): void {
    this.#expectChunk("chunk", this.#timeouts.chunkTimeoutMs);
  }

  #startTimer(ownLeftMs: number): void {
    const { attemptTimeoutMs = Number.POSITIVE_INFINITY } = this.#timeouts;
    if (ownLeftMs <= attemptTimeoutMs) {
      if (ownLeftMs === Number.POSITIVE_INFINITY) return;
      this.#stopTimer = schedule(this.#clock, () => this.abort(this.#call.outOfTime()), ownLeftMs);
    } else {
      this.#stopTimer = schedule(this.#clock, () => this.#timeOut("attempt", attemptTimeoutMs), attemptTimeoutMs);
    }
  }

  #expectChunk(phase: TimeoutPhase, limitMs: number | undefined): void {
    this.#expectNoChunk();
    if (limitMs === undefined || this.#isOver) return;
    this.#stopChunkTimer = schedule(this.#clock, () => this.#timeOut(phase, limitMs), limitMs);
  }

  #expectNoChunk(): void {
    this.#stopChunkTimer?.();
    this.#stopChunkTimer = undefined;
  }

  #timeOut(phase: TimeoutPhase, limitMs: number): void {
    this.abort(new TimeoutError(phase, limitMs));
  }
}

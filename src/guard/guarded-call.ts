import { EnclosingWork } from "../contract/enclosing-work.ts";
import type { EventData } from "../contract/event.ts";
import type { Spent } from "../contract/usage.ts";
import { type Clock, schedule } from "../core/clock.ts";
import { CancelScope } from "../core/signal.ts";
import type { CircuitBreaker, Cooldown, CountedFailure, Permit } from "./breaker.ts";
import type { Classification } from "./classify.ts";
import { CircuitOpenError, TimeoutError, type TimeoutPhase } from "./errors.ts";
import type { PacedAttempt, PaceFacts } from "./pacing.ts";
import type { RetryBudget } from "./per-provider.ts";
import type { RetryState } from "./retry.ts";

/** Types of the events that a guard reports. */
export type GuardEventType =
  | "budget_reserved"
  | "retry_scheduled"
  | "attempt_discarded"
  | "circuit_opened"
  | "circuit_half_open"
  | "circuit_closed"
  | "warning";

/** Longest pause that a server can mean, where no setting says otherwise. */
const defaultMaxRetryAfterMs = 900_000;

/** Facts that the policies ask of a call, the same for all its attempts. */
export interface CallFacts {
  readonly provider: string;
  readonly replicateId?: string | undefined;
  /** Its abort ends the call. */
  readonly runScope: CancelScope | undefined;
  readonly breaker: CircuitBreaker | undefined;
  /** Pause of the call's model, or of its provider. Default: the breaker's own. */
  readonly pause?: Cooldown | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly pace?: PaceFacts | undefined;
  /** The longest pause that a server can mean. */
  readonly maxRetryAfterMs?: number | undefined;
  readonly time: CallTime;
  /** Returns whether something else could take over, so that a long wait makes no sense. */
  hasFallback(): boolean;
  /** @param isAborted true where the run or the attempt has aborted */
  classify(error: unknown, isAborted: boolean): Classification;
  emit<E extends GuardEventType>(type: E, data: EventData[E], attempts: number): void;
}

/** Time of a call. */
export interface CallTime {
  /** Returns the milliseconds to the nearest deadline; `Infinity` where there is none. */
  leftMs(): number;
  /** Returns the milliseconds to the deadline that is this call's alone, which nothing else watches. */
  ownLeftMs(): number;
  /** Returns the error of a call that passes its own deadline. */
  outOfTime(): unknown;
}

/** A call on its way through the policies, and what they keep about it between its attempts. */
export abstract class GuardedCall {
  readonly facts: CallFacts;
  /** Attempts that were started. */
  attempts = 0;
  /** The attempt under way. */
  scope: AttemptScope | undefined = undefined;
  /** Content of the latest attempt was delivered. */
  isCommitted = false;
  previousError: unknown = undefined;
  retries: RetryState | undefined = undefined;
  permit: Permit | undefined = undefined;
  /** The latest attempt under its limits. */
  paced: PacedAttempt | undefined = undefined;
  /** The one failure that this call counts for in the window of its circuit breaker. */
  countedFailure: CountedFailure | undefined = undefined;
  /** Reason why it is not tried again, if the error does not show it. */
  note: string | undefined = undefined;
  #classified: unknown = undefined;
  #classification: Classification | undefined = undefined;

  /** @param facts that the policies ask of the call */
  constructor(facts: CallFacts) {
    this.facts = facts;
  }

  abstract startAttempt(scope: AttemptScope): unknown;
  /** Counts what an inner run has used that the end of the attempt has cut off. */
  abstract countInner(spent: Spent): void;

  /** Sets aside what the next attempt may use; a promise where it has to wait for that. */
  reserve(): Promise<void> | undefined {
    return undefined;
  }

  emit<E extends GuardEventType>(type: E, data: EventData[E]): void {
    this.facts.emit(type, data, this.attempts);
  }

  /** Returns the meaning of an error. The policies ask several times about the same one. */
  classify(error: unknown): Classification {
    if (this.#classification === undefined || this.#classified !== error) {
      this.#classified = error;
      const isAborted = (this.facts.runScope?.aborted || this.scope?.wasAborted) ?? false;
      this.#classification = this.#bounded(this.facts.classify(error, isAborted));
    }
    return this.#classification;
  }

  /** Takes a pause that no server can mean as the longest one. It holds for this call alone, and pauses nothing else. */
  #bounded(judged: Classification): Classification {
    const { provider, maxRetryAfterMs = defaultMaxRetryAfterMs } = this.facts;
    const { retryAfterMs = 0 } = judged;
    if (retryAfterMs <= maxRetryAfterMs) return judged;
    const message =
      `"${provider}" asks for a pause of ${Math.round(retryAfterMs)} ms, more than maxRetryAfterMs = ` +
      `${maxRetryAfterMs} ms. This call takes it as that, and other calls are not paused.`;
    this.emit("warning", { code: "retry_after_too_long", message });
    const breaker = judged.breaker === "cooldown" ? "neutral" : judged.breaker;
    return { ...judged, breaker, retryAfterMs: maxRetryAfterMs };
  }

  /**
   * Ends the attempt, and what it has started.
   *
   * @param hasAnswered true where the attempt gave a value
   * @returns a promise until what the attempt has started has settled; `undefined` where nothing is left
   */
  endAttempt(_hasAnswered: boolean): Promise<unknown> | undefined {
    return this.scope?.end();
  }

  /** The call has ended well. */
  succeed(): void {}

  /**
   * The call has failed for good.
   *
   * @returns what it fails with: an open circuit that ends its retries is not what went wrong
   */
  fail(error: unknown): unknown {
    return error instanceof CircuitOpenError && this.attempts > 0 ? this.previousError : error;
  }
}

/**
 * Job: run one attempt, and end it at once when its time is up or its run is aborted.
 * Boundary: whether and when another attempt follows is decided elsewhere.
 * Invariants:
 * 1. What an attempt gives after its end is ignored, a rejection too.
 * 2. Its signal aborts with the error that the attempt ends with, so that a timeout is told apart from an abort.
 * 3. No timer is left once it is disposed of, and once it is ended nothing that it has started.
 * 4. Nothing is started once the time of its call is up.
 */

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
  readonly work: EnclosingWork;
  #reject: ((reason: unknown) => void) | undefined = undefined;
  #stopTimer: (() => void) | undefined = undefined;
  #stopChunkTimer: (() => void) | undefined = undefined;
  #openStreams = 0;
  #isStarted = false;
  #isOver = false;
  #wasAborted: boolean | undefined = undefined;

  /** @param call of a run that is not aborted */
  constructor(call: GuardedCall, timeouts: AttemptTimeouts, clock: Clock) {
    super(call.facts.runScope);
    this.#call = call;
    this.#timeouts = timeouts;
    this.#clock = clock;
    this.work = new EnclosingWork(this, (spent) => call.countInner(spent));
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** True where the attempt was aborted before it ended: its end aborts what it has started. */
  get wasAborted(): boolean {
    return this.#wasAborted ?? this.aborted;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Starts the attempt if there is time for it, and settles as it does or as soon as it is ended. */
  run(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      const ownLeftMs = this.#call.facts.time.ownLeftMs();
      if (ownLeftMs <= 0) return this.abort(this.#call.facts.time.outOfTime());
      this.#startTimer(ownLeftMs);
      this.#isStarted = true;
      Promise.resolve(this.work.run(() => this.#call.startAttempt(this))).then(resolve, reject);
    });
  }

  /**
   * Ends the attempt, and aborts what it has started.
   *
   * @returns a promise until that has settled; `undefined` where nothing is left
   */
  end(): Promise<unknown> | undefined {
    this.#wasAborted ??= this.aborted;
    this.dispose();
    return this.work.end();
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
   * @returns a function to call once the stream has ended: the work on the answer after it does not count as a late chunk
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
      this.#stopTimer = schedule(this.#clock, () => this.abort(this.#call.facts.time.outOfTime()), ownLeftMs);
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

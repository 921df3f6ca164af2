import { CancelledError, JobStoppedError, type JobStopReason } from "../../contract/errors.ts";
import type { OutputError } from "../../contract/output.ts";
import { schedule } from "../../core/clock.ts";
import { asRejection, originalOf } from "../../core/error-marks.ts";
import { CancelScope } from "../../core/signal.ts";
import { InputSource } from "../input-source.ts";
import { HeldInputs, JobInput, type Suspect, Suspects } from "./job-input.ts";
import { type JobWait, ProviderHealth } from "./provider-health.ts";
import type { Job, JobResult } from "./run-job.ts";
import { isUnreached, JobEnd, type Outcome, type Passing, retryAfterMsOf, spentOn, verdictOf } from "./verdict.ts";

/**
 * Refusals of one input, while others were answered, after which it has failed. Failures that may be the input's own count
 * each attempt, others count each try.
 */
const mostRefusals = 20;

/** New inputs that are taken to find out whether a provider is back. */
const mostProbes = 1_000;

/** A run that would wait for longer is not finished once its job ends. */
const longestLastWaitMs = 5_000;

/**
 * Job: start inputs, hold them, and give out their results.
 * Boundary: provider-health.ts knows whether a provider answers, and verdict.ts what an outcome means.
 * Invariants:
 * 1. At most `concurrency` inputs are in flight, and as many are held, and `mostProbes` more that were probes: no more is
 *    taken from the source.
 * 2. Each input that was taken has one result, or was never sent.
 * 3. No timer is left once the loop is over.
 */
export class JobScheduler<I> {
  readonly #job: Job<I>;
  readonly #health: ProviderHealth;
  readonly #scope: CancelScope;
  readonly #source: InputSource<I>;
  readonly #running = new Set<JobInput<I>>();
  readonly #held = new HeldInputs<I>();
  readonly #suspects = new Suspects<I>();
  readonly #finished: JobResult<I>[] = [];
  readonly #stopListening: () => void;
  #startCount = 0;
  #unsentCount = 0;
  #hasEnded = false;
  #failure: { readonly error: () => unknown } | undefined;
  #told: JobWait | undefined;
  #wake = () => {};
  #stopTimer = () => {};

  constructor(job: Job<I>) {
    this.#job = job;
    this.#health = new ProviderHealth(job);
    this.#scope = new CancelScope(job.signal);
    this.#source = new InputSource(job.inputs, {
      accept: (input, index) => this.#accept(new JobInput(index, input, this)),
      fail: (error) => {
        this.#failure ??= { error: () => error };
        this.#end();
      },
      onTaken: () => this.#wake(),
    });
    const stopListening = this.#scope.onAbort(() => this.#end());
    const finish = job.finish && new CancelScope(job.finish);
    finish?.onAbort(() => this.#end());
    this.#stopListening = () => {
      stopListening();
      finish?.dispose();
    };
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get isOver(): boolean {
    if (this.#running.size > 0 || this.#finished.length > 0) return false;
    const { isExhausted, isTaking } = this.#source;
    return this.#hasEnded || (isExhausted && !isTaking && this.#held.size === 0 && this.#suspects.size === 0);
  }

  next(): JobResult<I> | undefined {
    return this.#finished.shift();
  }

  wasAway(ms: number): void {
    this.#health.wasAway(ms);
  }

  /** Starts the inputs that may start now. */
  fill(): void {
    if (this.#hasEnded) return;
    const health = this.#health;
    const nowMs = this.#job.clock.now();
    if (nowMs >= health.giveUpAtMs) {
      this.#giveUp();
      return;
    }
    if (nowMs >= health.untilMs) {
      // Of those that go first, one is new: those that are held may all be faulty themselves.
      const forNew = health.isHolding && this.#mayTake ? 1 : 0;
      while (this.#running.size + forNew < health.window) {
        const input = this.#takeHeld(nowMs);
        if (!input) break;
        this.#start(input);
      }
      if (this.#running.size < health.window && this.#mayTake) this.#takeNext();
      else if (this.#isUndecided) this.#stopFor(this.#suspects.first);
    }
    this.#tellOfWait(nowMs);
  }

  get #mayTake(): boolean {
    const most = this.#job.concurrency + (this.#health.isHolding ? mostProbes : 0);
    return !this.#source.isExhausted && this.#held.size < most;
  }

  /** Resolves when something has happened, or a time has come. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#stopTimer();
        this.#stopTimer = () => {};
        this.#wake = () => {};
        resolve();
      };
      this.#wake = wake;
      const nowMs = this.#job.clock.now();
      const dueMs = this.#nextMs(nowMs);
      if (dueMs < Number.POSITIVE_INFINITY)
        this.#stopTimer = schedule(this.#job.clock, wake, Math.max(1, dueMs - nowMs));
    });
  }

  /** @throws what the job ended with before its last input */
  throwIfCutShort(): void {
    if (this.#failure) throw this.#failure.error();
    if (!this.#job.signal?.aborted) return;
    // A loop that ends without an error says that every input has its result.
    if (!this.#source.isExhausted || this.#unsentCount > 0)
      throw asRejection(new CancelledError(this.#job.signal.reason));
  }

  async close(): Promise<void> {
    this.#stopTimer();
    this.#stopListening();
    this.#hasEnded = true;
    this.#scope.abort(new Error("the loop over runMany was left"));
    await this.#source.close();
  }

  /** Hears that an answer to an input has come in. Its run may need further ones. */
  hasAnswer(input: JobInput<I>): void {
    const wasHolding = this.#health.isHolding;
    this.#health.answered(input.index, input.startedMs);
    this.#acquitBefore(input);
    if (wasHolding) this.#wake();
  }

  /** Hears that a call of a run is tried again after a wait. */
  retries(input: JobInput<I>, delayMs: number, failure: OutputError): void {
    const nowMs = this.#job.clock.now();
    input.firstFailedMs ??= nowMs;
    input.waitsUntilMs = nowMs + delayMs;
    if (this.#hasEnded) this.#cancelIfWaiting(input, nowMs);
    this.#health.failed(isUnreached(failure.code));
    this.#health.failing(failure.message);
    const askedMs = retryAfterMsOf(failure);
    // A longer pause than the delay is one that the guard did not believe: it holds for its own call alone.
    if (askedMs > 0 && askedMs <= delayMs) this.#health.pause(askedMs, failure.message);
    this.#wake();
  }

  /** After a hold the one that has waited longest goes first, else the first whose time has come. */
  #takeHeld(nowMs: number): JobInput<I> | undefined {
    return this.#health.isHolding ? this.#held.takeFirst() : this.#held.takeDue(nowMs);
  }

  #takeNext(): void {
    if (!this.#source.isTaking) void this.#source.take();
  }

  #accept(input: JobInput<I>): void {
    const { window, untilMs } = this.#health;
    if (this.#hasEnded) this.#unsentCount++;
    else if (this.#running.size < window && this.#job.clock.now() >= untilMs) this.#start(input);
    else this.#held.add(input);
  }

  #start(input: JobInput<I>): void {
    if (this.#running.size === 0) this.#health.wasIdle();
    input.isProbe = this.#health.isHolding;
    input.tries++;
    input.startedMs = this.#job.clock.now();
    input.startNumber = this.#startCount++;
    input.holdCount = this.#health.holdCount;
    input.firstFailedMs = undefined;
    input.waitsUntilMs = 0;
    this.#running.add(input);
    this.#job.run(input.input, input).then(
      (output) => this.#settle(input, { output }),
      (error) => this.#settle(input, { error }),
    );
  }

  #settle(input: JobInput<I>, outcome: Outcome): void {
    this.#running.delete(input);
    if (input.firstFailedMs !== undefined && ![...this.#running].some(hasFailed)) this.#health.failing(undefined);
    input.spent = spentOn(outcome) ?? input.spent;
    this.#decide(input, outcome);
    this.#wake();
  }

  #decide(input: JobInput<I>, outcome: Outcome): void {
    if ("error" in outcome && outcome.error instanceof JobEnd) {
      const { error } = outcome.error;
      this.#failure ??= { error: () => error };
      this.#unsentCount++;
      this.#end();
      return;
    }
    const verdict = verdictOf(outcome);
    if (verdict.kind === "hopeless") this.#suspect(input, outcome, verdict.failure);
    else if (verdict.kind === "passing") this.#keepOpen(input, outcome, verdict);
    else if (verdict.kind === "late" && this.#hasStalled(input)) this.#keepOpen(input, outcome, stalled(verdict.why));
    else {
      if (verdict.kind === "settled" && verdict.isAnswer) this.hasAnswer(input);
      const wasCutOff = this.#hasEnded && "error" in outcome && CancelledError.isInstance(outcome.error);
      this.#finish(input, wasCutOff ? (input.outcome ?? outcome) : outcome, wasCutOff);
    }
  }

  /** True where nothing answers any more since the try began: a provider hangs, and the deadline is not the input's fault. */
  #hasStalled({ index, startedMs }: JobInput<I>): boolean {
    return this.#health.hasAnswered && !this.#health.isAnsweredSince(startedMs, index);
  }

  /** Asks an input again later that failed by what may pass, unless that was so too often. */
  #keepOpen(input: JobInput<I>, outcome: Outcome, passing: Passing): void {
    if (passing.isSent || !input.isSent) input.outcome = outcome;
    input.isSent ||= passing.isSent;
    if (passing.isSent) this.#health.failed(passing.isUnreached);
    input.why = passing.why;
    if (this.#job.giveUpAfterMs === 0) this.#finish(input, outcome, false);
    else if (this.#hasEnded) this.#finish(input, undefined, true);
    else if (this.#isAlone(input)) this.#blame(input, passing);
    else this.#hold(input, passing);
    input.failedMs = this.#job.clock.now();
  }

  /** True where this input fails while others are answered, or where all inputs that are left have done so. */
  #isAlone(input: JobInput<I>): boolean {
    const { index, startedMs, firstFailedMs = startedMs, failedMs = firstFailedMs } = input;
    if (this.#health.isAnsweredSince(failedMs, index)) return true;
    const hasFailedAlone = ({ refusals }: JobInput<I>) => refusals > 0;
    return (
      this.#source.isExhausted &&
      hasFailedAlone(input) &&
      this.#held.every(hasFailedAlone) &&
      [...this.#running].every(hasFailedAlone)
    );
  }

  /** Counts a try against its input, and asks it again later: the more often it was asked, the later. */
  #blame(input: JobInput<I>, { mayBeOwn, attempts, retryAfterMs }: Passing): void {
    input.refusals += mayBeOwn ? attempts : 1;
    if (input.isSent && input.refusals >= mostRefusals) this.#finish(input, undefined, false);
    else {
      input.dueMs = this.#job.clock.now() + this.#health.delayMs(input.tries, retryAfterMs);
      this.#held.add(input);
    }
  }

  /** Holds all inputs: nothing answers. */
  #hold(input: JobInput<I>, passing: Passing): void {
    input.dueMs = this.#job.clock.now();
    this.#health.hold(input.holdCount, passing);
    this.#held.add(input);
  }

  /** Suspects an input that failed by what would fail every other one. If others were answered before, one more must fail alike. */
  #suspect(input: JobInput<I>, outcome: Outcome, failure: OutputError): void {
    input.isSent = true;
    input.outcome = outcome;
    this.#suspects.add({ input, outcome, failure });
    if (this.#hasEnded) this.#flush();
    else if (!this.#health.hasAnswered || this.#suspects.size > 1) this.#stopFor(this.#suspects.first);
    else this.#health.probe();
  }

  /** Finishes the suspects that were asked before this input, which was answered. */
  #acquitBefore(input: JobInput<I>): void {
    for (const suspect of this.#suspects.takeThoseBefore(input)) this.#finish(suspect.input, suspect.outcome, false);
  }

  /** True where no other input is left that could tell what the suspects have met. */
  get #isUndecided(): boolean {
    const isLast = this.#source.isExhausted && this.#running.size === 0 && this.#held.size === 0;
    return isLast && this.#suspects.size > 0;
  }

  #stopFor(suspect: Suspect<I> | undefined): void {
    if (!suspect) return;
    const { failure } = suspect;
    const reason: JobStopReason = failure.category === "quota_exhausted" ? "quota_exhausted" : "authentication";
    const cause = originalOf(failure) ?? failure;
    this.#failure ??= { error: () => new JobStoppedError(reason, this.#countUnsent(), failure.message, { cause }) };
    this.#end();
  }

  /** Ends a job whose provider has answered nothing for too long. */
  #giveUp(): void {
    const { why, isUnreached, giveUpAfterMs } = this.#health;
    const message = isUnreached
      ? `no server was there for ${giveUpAfterMs} ms: ${why.replace(/\.$/, "")}. Start the server, or correct its address`
      : `no answer came for ${giveUpAfterMs} ms. The last failure: ${why}`;
    this.#failure ??= { error: () => new JobStoppedError("gave_up", this.#countUnsent(), message) };
    for (const input of this.#held.takeAll()) this.#finish(input, undefined, input.refusals === 0);
    this.#end();
    for (const input of this.#running) input.cancel(new Error("the job gave up"));
  }

  /** Starts nothing more. What is held is given up, and what is in flight is finished, unless it waits for long. */
  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#flush();
    const nowMs = this.#job.clock.now();
    for (const input of this.#running) this.#cancelIfWaiting(input, nowMs);
    this.#wake();
  }

  /** Gives up what is held. */
  #flush(): void {
    for (const input of this.#held.takeAll()) this.#finish(input, undefined, true);
    for (const { input } of this.#suspects.takeAll()) this.#finish(input, undefined, true);
  }

  /** Cancels a run that would wait for long. */
  #cancelIfWaiting(input: JobInput<I>, nowMs: number): void {
    if (input.waitsUntilMs - nowMs > longestLastWaitMs) input.cancel(new Error("the job has ended"));
  }

  /** @param outcome default: the latest of its tries */
  #finish(input: JobInput<I>, outcome: Outcome | undefined, isOpen: boolean): void {
    const last = outcome ?? (input.isSent ? input.outcome : undefined);
    if (last) this.#finished.push({ index: input.index, input: input.input, isOpen, ...last });
    else this.#unsentCount++;
  }

  #countUnsent(): number {
    return this.#unsentCount + this.#source.knownLeftCount;
  }

  /** Time at which something is to be done, if nothing happens before. */
  #nextMs(nowMs: number): number {
    if (this.#hasEnded) return Number.POSITIVE_INFINITY;
    const { untilMs, giveUpAtMs, isHolding, window } = this.#health;
    if (nowMs < untilMs) return Math.min(untilMs, giveUpAtMs);
    const hasRoom = this.#running.size < window && !isHolding;
    const dueMs = hasRoom ? this.#held.nextDueMs : Number.POSITIVE_INFINITY;
    return Math.min(dueMs, giveUpAtMs);
  }

  /** Tells of the wait of the job, each time that it changes. */
  #tellOfWait(nowMs: number): void {
    const wait = this.#health.wait ?? this.#waitOfRuns() ?? this.#waitOfHeld(nowMs);
    const isSame = wait?.untilMs === this.#told?.untilMs && wait?.why === this.#told?.why;
    if (isSame) return;
    this.#told = wait;
    this.#job.onWait?.(wait);
  }

  /** Wait of runs that have all met a failure and try again by themselves. */
  #waitOfRuns(): JobWait | undefined {
    const runs = [...this.#running];
    if (runs.length === 0 || !runs.every(hasFailed)) return undefined;
    return this.#health.waitForRuns(Math.min(...runs.map(({ waitsUntilMs }) => waitsUntilMs)));
  }

  /** Wait of the inputs that are left, each for its next try, though others were answered. */
  #waitOfHeld(nowMs: number): JobWait | undefined {
    const { first, nextDueMs: untilMs } = this.#held;
    if (!first || this.#running.size > 0 || this.#source.isTaking) return undefined;
    return untilMs > nowMs ? { why: first.why, untilMs, giveUpAtMs: Number.POSITIVE_INFINITY } : undefined;
  }
}

function stalled(why: string): Passing {
  return { kind: "passing", why, retryAfterMs: 0, isSent: true, attempts: 1, mayBeOwn: true, isUnreached: false };
}

/** True of an input that a call has failed for since its try began. */
function hasFailed({ firstFailedMs }: JobInput<unknown>): boolean {
  return firstFailedMs !== undefined;
}

import { CancelledError, JobStoppedError, type JobStopReason } from "../../contract/errors.ts";
import type { OutputError } from "../../contract/output.ts";
import { schedule } from "../../core/clock.ts";
import { asRejection, originalOf } from "../../core/error-marks.ts";
import { CancelScope } from "../../core/signal.ts";
import { iterate } from "../run-all.ts";
import { JobInput } from "./job-input.ts";
import { type JobWait, Outlook } from "./outlook.ts";
import type { Job, JobResult } from "./run-job.ts";
import { isUnreached, JobEnd, judge, type Outcome, type Passing, retryAfterMsOf, spentOn } from "./verdict.ts";

/** Refusals of one input, while others were answered, after which it has failed. Its own count each, others once a try. */
const mostRefusals = 20;

/** New inputs that are taken to find out whether a provider is back. */
const mostProbes = 1_000;

/** A run that would wait for longer is not finished once its job ends. */
const longestLastWaitMs = 5_000;

/**
 * Job: start inputs, hold them, and give out their results.
 * Boundary: whether a provider answers is the outlook's to know, and what an outcome means the verdict's.
 * Invariants:
 * 1. At most `concurrency` inputs are in flight, and as many are held, and `mostProbes` more that were probes: no more is
 *    taken from the source.
 * 2. Each input that was taken has one result, or was never sent.
 * 3. No timer is left once the loop is over.
 */
export class JobQueue<I> {
  readonly #job: Job<I>;
  readonly #outlook: Outlook;
  readonly #scope: CancelScope;
  readonly #source: AsyncIterator<I>;
  readonly #running = new Set<JobInput<I>>();
  /** Those that wait for their next try, or to be sent at all; the longest wait first. */
  readonly #held: JobInput<I>[] = [];
  /** Those that failed by what would end the job, while it is found out whether others fail alike. */
  #accused: Accused<I>[] = [];
  readonly #finished: JobResult<I>[] = [];
  readonly #stopListening: () => void;
  #taking: Promise<void> | undefined;
  #isExhausted = false;
  #takenCount = 0;
  #startCount = 0;
  #unsentCount = 0;
  #hasEnded = false;
  #failure: { readonly error: () => unknown } | undefined;
  #told: JobWait | undefined;
  #wake = () => {};
  #stopTimer = () => {};

  constructor(job: Job<I>) {
    this.#job = job;
    this.#outlook = new Outlook(job);
    this.#scope = new CancelScope(job.signal);
    this.#source = iterate(job.inputs) as AsyncIterator<I>;
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
    return (
      this.#hasEnded || (this.#isExhausted && !this.#taking && this.#held.length === 0 && this.#accused.length === 0)
    );
  }

  next(): JobResult<I> | undefined {
    return this.#finished.shift();
  }

  wasAway(ms: number): void {
    this.#outlook.wasAway(ms);
  }

  /** Starts what may start now. */
  fill(): void {
    if (this.#hasEnded) return;
    const outlook = this.#outlook;
    const nowMs = this.#job.clock.now();
    if (nowMs >= outlook.giveUpAtMs) {
      this.#giveUp();
      return;
    }
    if (nowMs >= outlook.untilMs) {
      // Of those that go first, one is new: those that are held may all be faulty themselves.
      const forNew = outlook.isHolding && this.#mayTake ? 1 : 0;
      while (this.#running.size + forNew < outlook.window) {
        const input = this.#takeHeld(nowMs);
        if (!input) break;
        this.#start(input);
      }
      if (this.#running.size < outlook.window && this.#mayTake) this.#taking ??= this.#take();
      else if (this.#isUndecided) this.#stopFor(this.#accused);
    }
    this.#tell(nowMs);
  }

  get #mayTake(): boolean {
    const most = this.#job.concurrency + (this.#outlook.isHolding ? mostProbes : 0);
    return !this.#isExhausted && this.#held.length < most;
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
    // An end of the loop would say that every input has its result.
    if (!this.#isExhausted || this.#unsentCount > 0) throw asRejection(new CancelledError(this.#job.signal.reason));
  }

  async close(): Promise<void> {
    this.#stopTimer();
    this.#stopListening();
    this.#hasEnded = true;
    this.#scope.abort(new Error("the loop over runMany was left"));
    // A source that is being waited for answers nothing else, perhaps never again.
    const returned = this.#isExhausted ? undefined : this.#source.return?.();
    if (this.#taking) returned?.catch(() => {});
    else await returned;
  }

  /** An answer to an input has come in, which its run may still need others beside. */
  hasAnswer(input: JobInput<I>): void {
    const wasHolding = this.#outlook.isHolding;
    this.#outlook.answered(input.index, input.startedMs);
    this.#acquit(input);
    if (wasHolding) this.#wake();
  }

  /** A call of a run is tried again after a wait. */
  retries(input: JobInput<I>, delayMs: number, failure: OutputError): void {
    const nowMs = this.#job.clock.now();
    input.firstFailedMs ??= nowMs;
    input.waitsUntilMs = nowMs + delayMs;
    if (this.#hasEnded) this.#leave(input, nowMs);
    this.#outlook.failed(isUnreached(failure.code));
    this.#outlook.failing(failure.message);
    const askedMs = retryAfterMsOf(failure);
    // One that no server can mean holds for its own call alone.
    if (askedMs > 0 && askedMs <= delayMs) this.#outlook.pause(askedMs, failure.message);
    this.#wake();
  }

  /** After a hold the one that has waited longest goes first, else the first whose time has come. */
  #takeHeld(nowMs: number): JobInput<I> | undefined {
    const isDue = this.#outlook.isHolding ? () => true : ({ dueMs }: JobInput<I>) => dueMs <= nowMs;
    const at = this.#held.findIndex(isDue);
    return at < 0 ? undefined : this.#held.splice(at, 1)[0];
  }

  async #take(): Promise<void> {
    try {
      const next = await this.#source.next();
      if (next.done) this.#isExhausted = true;
      else this.#accept(new JobInput(this.#takenCount++, next.value, this));
    } catch (error) {
      this.#isExhausted = true;
      this.#failure ??= { error: () => error };
      this.#end();
    }
    this.#taking = undefined;
    this.#wake();
  }

  #accept(input: JobInput<I>): void {
    const { window, untilMs } = this.#outlook;
    if (this.#hasEnded) this.#unsentCount++;
    else if (this.#running.size < window && this.#job.clock.now() >= untilMs) this.#start(input);
    else this.#held.push(input);
  }

  #start(input: JobInput<I>): void {
    if (this.#running.size === 0) this.#outlook.wasIdle();
    input.isProbe = this.#outlook.isHolding;
    input.tries++;
    input.startedMs = this.#job.clock.now();
    input.startNumber = this.#startCount++;
    input.holdCount = this.#outlook.holdCount;
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
    if (input.firstFailedMs !== undefined && ![...this.#running].some(hasFailed)) this.#outlook.failing(undefined);
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
    const verdict = judge(outcome);
    if (verdict.kind === "hopeless") this.#accuse(input, outcome, verdict.failure);
    else if (verdict.kind === "passing") this.#keepOpen(input, outcome, verdict);
    else if (verdict.kind === "late" && this.#hasStalled(input)) this.#keepOpen(input, outcome, stalled(verdict.why));
    else {
      if (verdict.kind === "settled" && verdict.isAnswer) this.hasAnswer(input);
      const wasCutOff = this.#hasEnded && "error" in outcome && CancelledError.isInstance(outcome.error);
      this.#finish(input, wasCutOff ? (input.outcome ?? outcome) : outcome, wasCutOff);
    }
  }

  /** Returns true where a deadline passed because nothing answers any more: a provider hangs. */
  #hasStalled({ index, startedMs }: JobInput<I>): boolean {
    return this.#outlook.hasAnswered && !this.#outlook.isAnsweredSince(startedMs, index);
  }

  /** An input has failed by what may pass: it is asked again later, unless that has been the case too often. */
  #keepOpen(input: JobInput<I>, outcome: Outcome, passing: Passing): void {
    if (passing.isSent || !input.isSent) input.outcome = outcome;
    input.isSent ||= passing.isSent;
    if (passing.isSent) this.#outlook.failed(passing.isUnreached);
    input.why = passing.why;
    if (this.#job.giveUpAfterMs === 0) this.#finish(input, outcome, false);
    else if (this.#hasEnded) this.#finish(input, undefined, true);
    else if (this.#isAlone(input)) this.#blame(input, passing);
    else this.#hold(input, passing);
    input.failedMs = this.#job.clock.now();
  }

  /** Returns true where this input fails while others are answered, or where all that are left have done so. */
  #isAlone(input: JobInput<I>): boolean {
    const { index, startedMs, firstFailedMs = startedMs, failedMs = firstFailedMs } = input;
    if (this.#outlook.isAnsweredSince(failedMs, index)) return true;
    const hasFailedAlone = ({ refusals }: JobInput<I>) => refusals > 0;
    return this.#isExhausted && [input, ...this.#held, ...this.#running].every(hasFailedAlone);
  }

  /** Counts a try against its input, and asks it again later: the more often it was asked, the later. */
  #blame(input: JobInput<I>, { mayBeOwn, attempts, retryAfterMs }: Passing): void {
    input.refusals += mayBeOwn ? attempts : 1;
    if (input.isSent && input.refusals >= mostRefusals) this.#finish(input, undefined, false);
    else {
      input.dueMs = this.#job.clock.now() + this.#outlook.delayMs(input.tries, retryAfterMs);
      this.#held.push(input);
    }
  }

  /** Holds all inputs: nothing answers. */
  #hold(input: JobInput<I>, passing: Passing): void {
    input.dueMs = this.#job.clock.now();
    this.#outlook.hold(input.holdCount, passing);
    this.#held.push(input);
  }

  /** An input has failed by what would fail every other one. Where others were answered before, one more has to say so. */
  #accuse(input: JobInput<I>, outcome: Outcome, failure: OutputError): void {
    input.isSent = true;
    input.outcome = outcome;
    this.#accused.push({ input, outcome, failure });
    if (this.#hasEnded) this.#flush();
    else if (!this.#outlook.hasAnswered || this.#accused.length > 1) this.#stopFor(this.#accused);
    else this.#outlook.probe();
  }

  /** An input that was asked after them was answered: what the accused have met is their own. */
  #acquit({ startNumber }: JobInput<I>): void {
    const own = this.#accused.filter(({ input }) => input.startNumber < startNumber);
    if (own.length === 0) return;
    this.#accused = this.#accused.filter((accused) => !own.includes(accused));
    for (const { input, outcome } of own) this.#finish(input, outcome, false);
  }

  /** True where no other input is left that could tell what the accused have met. */
  get #isUndecided(): boolean {
    const isLast = this.#isExhausted && this.#running.size === 0 && this.#held.length === 0;
    return isLast && this.#accused.length > 0;
  }

  #stopFor([accused]: readonly Accused<I>[]): void {
    if (!accused) return;
    const { failure } = accused;
    const reason: JobStopReason = failure.category === "quota_exhausted" ? "quota_exhausted" : "authentication";
    const cause = originalOf(failure) ?? failure;
    this.#failure ??= { error: () => new JobStoppedError(reason, this.#countUnsent(), failure.message, { cause }) };
    this.#end();
  }

  #giveUp(): void {
    const { why, isUnreached, giveUpAfterMs } = this.#outlook;
    const what = `no answer came for ${giveUpAfterMs} ms. The last failure: ${why}`;
    const advice = "Start the server, or correct its address";
    const told = isUnreached
      ? `no server was there for ${giveUpAfterMs} ms: ${why.replace(/\.$/, "")}. ${advice}`
      : what;
    this.#failure ??= { error: () => new JobStoppedError("gave_up", this.#countUnsent(), told) };
    for (const input of this.#held.splice(0)) this.#finish(input, undefined, input.refusals === 0);
    this.#end();
    for (const input of this.#running) input.cancel(new Error("the job gave up"));
  }

  /** Starts nothing more. What is held is given up, and what is in flight is finished, unless it waits for long. */
  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#flush();
    const nowMs = this.#job.clock.now();
    for (const input of this.#running) this.#leave(input, nowMs);
    this.#wake();
  }

  #flush(): void {
    for (const input of this.#held.splice(0)) this.#finish(input, undefined, true);
    for (const { input } of this.#accused.splice(0)) this.#finish(input, undefined, true);
  }

  #leave(input: JobInput<I>, nowMs: number): void {
    if (input.waitsUntilMs - nowMs > longestLastWaitMs) input.cancel(new Error("the job has ended"));
  }

  /** @param outcome default: the latest of its tries */
  #finish(input: JobInput<I>, outcome: Outcome | undefined, isOpen: boolean): void {
    const last = outcome ?? (input.isSent ? input.outcome : undefined);
    if (last) this.#finished.push({ index: input.index, input: input.input, isOpen, ...last });
    else this.#unsentCount++;
  }

  #countUnsent(): number {
    const { inputs } = this.#job;
    const total = Array.isArray(inputs) ? inputs.length : inputs instanceof Set ? inputs.size : this.#takenCount;
    return this.#unsentCount + Math.max(0, total - this.#takenCount);
  }

  #nextMs(nowMs: number): number {
    if (this.#hasEnded) return Number.POSITIVE_INFINITY;
    const { untilMs, giveUpAtMs, isHolding, window } = this.#outlook;
    if (nowMs < untilMs) return Math.min(untilMs, giveUpAtMs);
    const hasRoom = this.#running.size < window && !isHolding;
    const dueMs = hasRoom ? Math.min(...this.#held.map((input) => input.dueMs)) : Number.POSITIVE_INFINITY;
    return Math.min(dueMs, giveUpAtMs);
  }

  #tell(nowMs: number): void {
    const wait = this.#outlook.wait ?? this.#waitOfRuns() ?? this.#waitOfHeld(nowMs);
    const isSame = wait?.untilMs === this.#told?.untilMs && wait?.why === this.#told?.why;
    if (isSame) return;
    this.#told = wait;
    this.#job.onWait?.(wait);
  }

  /** Every run in flight has met a failure and tries again by itself. */
  #waitOfRuns(): JobWait | undefined {
    const runs = [...this.#running];
    if (runs.length === 0 || !runs.every(hasFailed)) return undefined;
    return this.#outlook.waitForRuns(Math.min(...runs.map(({ waitsUntilMs }) => waitsUntilMs)));
  }

  /** Every input that is left waits for its next try, though others were answered. */
  #waitOfHeld(nowMs: number): JobWait | undefined {
    const [first] = this.#held;
    if (!first || this.#running.size > 0 || this.#taking) return undefined;
    const untilMs = Math.min(...this.#held.map(({ dueMs }) => dueMs));
    return untilMs > nowMs ? { why: first.why, untilMs, giveUpAtMs: Number.POSITIVE_INFINITY } : undefined;
  }
}

/** An input that failed by what would fail every other one. */
interface Accused<I> {
  readonly input: JobInput<I>;
  readonly outcome: Outcome;
  readonly failure: OutputError;
}

function stalled(why: string): Passing {
  return { kind: "passing", why, retryAfterMs: 0, isSent: true, attempts: 1, mayBeOwn: true, isUnreached: false };
}

/** True of an input that a call has failed for since its try began. */
function hasFailed({ firstFailedMs }: JobInput<unknown>): boolean {
  return firstFailedMs !== undefined;
}

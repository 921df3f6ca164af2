import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import type { ResolvedRetryConfig } from "../../guard/reliability-config.ts";
import { backoffDelayMs } from "../../guard/retry.ts";
import type { Passing } from "./verdict.ts";

/** A job that waits. */
export interface JobWait {
  /** Message of the failure, or of the pause. */
  readonly why: string;
  /** Time of the next try, on the job's clock; it has passed while a few inputs are tried. */
  readonly untilMs: number;
  /** Time at which the job gives up if there is no answer by then. */
  readonly giveUpAtMs: number;
}

/** Parts that a job's view of its providers is made of. */
export interface HealthParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly concurrency: number;
  readonly giveUpAfterMs: number;
  /** Longest time without an answer while every failure says that no server is there: the address may be wrong. */
  readonly unreachedAfterMs: number;
  /** Delays between tries: those of retries. */
  readonly delays: ResolvedRetryConfig;
}

/** Inputs that go first after a hold: two, in case one of them is itself the fault. */
const probeCount = 2;

/** A shorter pause is not worth a word. */
const shortestToldMs = 2_000;

interface Answer {
  readonly index: number;
  readonly atMs: number;
}

/**
 * Job: know whether the providers of a job answer, and until when its inputs are held.
 * Boundary: hears of answers and failures; which input goes next is decided in job-scheduler.ts.
 * Invariants:
 * 1. A failure holds the job only where no other input was answered since the failure began.
 * 2. After a hold a few inputs go first; each answer lets one more go, up to the concurrency.
 * 3. Time in which the reader of the results was away is no time without an answer.
 * 4. One answer, or one failure that a server sent, proves the address right for the rest of the job.
 */
export class ProviderHealth {
  readonly #parts: HealthParts;
  /** Inputs that may be in flight. */
  window: number;
  /** Latest answer, and the latest of another input. */
  #latest: Answer | undefined;
  #other: Answer | undefined;
  #answeredMs: number;
  /** Holds without an answer between them; 0 while the providers answer. */
  #rounds = 0;
  /** Number of holds so far: a run knows by it what was held before it began. */
  holdCount = 0;
  #holdUntilMs = 0;
  #why = "";
  /** Message of the latest failure inside a run that is under way, since the latest answer. */
  #failing: string | undefined;
  /** False once a server was there; `undefined` before the first failure. */
  #isUnreached: boolean | undefined;
  #pause: { readonly sinceMs: number; readonly untilMs: number; readonly why: string } | undefined;

  constructor(parts: HealthParts) {
    this.#parts = parts;
    this.window = parts.concurrency;
    this.#answeredMs = parts.clock.now();
  }

  /** Time before which no input may start; one that has passed holds nothing. */
  get untilMs(): number {
    return Math.max(this.#holdUntilMs, this.#pause?.untilMs ?? 0);
  }

  /** True while nothing answers. */
  get isHolding(): boolean {
    return this.#rounds > 0;
  }

  /** True once any input of the job was answered. */
  get hasAnswered(): boolean {
    return this.#latest !== undefined;
  }

  /** Time at which the job gives up; infinite while nothing is wrong. */
  get giveUpAtMs(): number {
    const isWrong = this.#rounds > 0 || this.#isPaused || this.#failing !== undefined;
    return isWrong && this.giveUpAfterMs > 0 ? this.#answeredMs + this.giveUpAfterMs : Number.POSITIVE_INFINITY;
  }

  /** Longest time without an answer, as things stand. */
  get giveUpAfterMs(): number {
    const { giveUpAfterMs, unreachedAfterMs } = this.#parts;
    return this.isUnreached ? Math.min(giveUpAfterMs, unreachedAfterMs) : giveUpAfterMs;
  }

  /** True where no server was there so far. */
  get isUnreached(): boolean {
    return this.#isUnreached === true && !this.hasAnswered;
  }

  /** Wait that is worth telling of. */
  get wait(): JobWait | undefined {
    const { giveUpAtMs } = this;
    if (this.#rounds > 0) return { why: this.#why, untilMs: this.untilMs, giveUpAtMs };
    const pause = this.#isPaused ? this.#pause : undefined;
    if (!pause || pause.untilMs - pause.sinceMs < shortestToldMs) return undefined;
    return { why: pause.why, untilMs: pause.untilMs, giveUpAtMs };
  }

  get why(): string {
    return this.#rounds > 0 ? this.#why : (this.#failing ?? this.#pause?.why ?? "");
  }

  /** A call has failed. `isUnreached`: no server was there. */
  failed(isUnreached: boolean): void {
    this.#isUnreached = isUnreached && this.#isUnreached !== false;
  }

  /** A call has failed inside a run, which tries it again by itself; `undefined` once no such run is under way. */
  failing(why: string | undefined): void {
    this.#failing = why;
  }

  /** An input is asked after a time in which there was none to ask: that was no time without an answer. */
  wasIdle(): void {
    if (this.#rounds === 0) this.#answeredMs = this.#parts.clock.now();
  }

  /** Wait for runs that try again by themselves, until then at least; none where inputs were answered meanwhile. */
  waitForRuns(untilMs: number): JobWait | undefined {
    if (this.#failing === undefined) return undefined;
    if (this.#parts.clock.now() - this.#answeredMs < shortestToldMs) return undefined;
    return { why: this.#failing, untilMs, giveUpAtMs: this.giveUpAtMs };
  }

  /** Returns true where an input other than this one was answered after that time. */
  isAnsweredSince(sinceMs: number, index: number): boolean {
    const answer = this.#latest?.index === index ? this.#other : this.#latest;
    return answer !== undefined && answer.atMs > sinceMs;
  }

  /** A provider has answered an input, whose run began at that time. */
  answered(index: number, startedMs: number): void {
    const atMs = this.#parts.clock.now();
    if (this.#latest && this.#latest.index !== index) this.#other = this.#latest;
    this.#latest = { index, atMs };
    this.#answeredMs = Math.max(this.#answeredMs, atMs);
    this.#rounds = 0;
    this.#holdUntilMs = 0;
    this.#failing = undefined;
    // Answers that were under way before the pause say nothing about it.
    if (this.#pause && startedMs > this.#pause.sinceMs) this.#pause = undefined;
    if (this.window < this.#parts.concurrency) this.window++;
  }

  /**
   * Holds the inputs, because nothing answers.
   *
   * @param holdCount holds before the run that has failed: one that began before the last hold deepens nothing
   * @param failure `isSent`: a provider said so; that its circuit is open only follows from that
   */
  hold(holdCount: number, { retryAfterMs, why, isSent }: Pick<Passing, "retryAfterMs" | "why" | "isSent">): void {
    const nowMs = this.#parts.clock.now();
    if (this.#rounds === 0 || holdCount === this.holdCount) {
      this.#rounds++;
      this.holdCount++;
      if (isSent || this.#rounds === 1) this.#why = why;
      this.window = Math.min(probeCount, this.#parts.concurrency);
      this.#holdUntilMs = nowMs + this.delayMs(this.#rounds, retryAfterMs);
    } else if (retryAfterMs > 0) {
      this.#holdUntilMs = Math.max(this.#holdUntilMs, nowMs + retryAfterMs);
    }
  }

  /** A server asks for a pause. */
  pause(ms: number, why: string): void {
    const sinceMs = this.#parts.clock.now();
    const untilMs = sinceMs + ms;
    if (untilMs > (this.#pause?.untilMs ?? 0)) this.#pause = { sinceMs, untilMs, why };
  }

  /** Lets a few inputs go, to find out what becomes of them. */
  probe(): void {
    this.window = Math.min(this.window, probeCount);
  }

  /** Wait before the next try, after so many. */
  delayMs(tries: number, retryAfterMs: number): number {
    const { delays, random } = this.#parts;
    const longestMs = backoffDelayMs({ ...delays, jitter: false }, tries - 1, random);
    return Math.max(retryAfterMs, delays.jitter ? longestMs * (0.5 + random.next() / 2) : longestMs);
  }

  /** The reader of the results was away for so long. */
  wasAway(ms: number): void {
    if (ms > 0) this.#answeredMs = Math.min(this.#parts.clock.now(), this.#answeredMs + ms);
  }

  get #isPaused(): boolean {
    return this.#pause !== undefined && this.#pause.untilMs > this.#parts.clock.now();
  }
}

import type { ReplicateJournal } from "../../contract/call.ts";
import type { OutputError } from "../../contract/output.ts";
import type { Spent } from "../../contract/usage.ts";
import { createClaimJournal } from "../key/journal.ts";
import type { JobScheduler } from "./job-scheduler.ts";
import type { Outcome } from "./verdict.ts";

/** One try of an input, as its run knows it. */
export interface JobTry {
  /** Answers that earlier tries have paid for. */
  readonly journal: ReplicateJournal;
  /** Usage and cost of earlier tries. */
  readonly spent: Spent | undefined;
  /** Its abort cancels the run. */
  readonly signal: AbortSignal;
  /** True of a try that is to find out whether a provider is back: it makes no retries of its own. */
  readonly isProbe: boolean;
  /** Ends this run alone. Set when it starts. */
  cancel: (reason: unknown) => void;
  /** Hears of each retry inside the run. */
  onRetry(delayMs: number, failure: OutputError): void;
}

/** An input on its way to its result. */
export class JobInput<I> implements JobTry {
  readonly index: number;
  readonly input: I;
  readonly journal: ReplicateJournal;
  readonly #scheduler: JobScheduler<I>;
  cancel: (reason: unknown) => void = () => {};
  tries = 0;
  /** Tries that count against the input itself: others were answered meanwhile. */
  refusals = 0;
  /** True once a provider was asked. */
  isSent = false;
  spent: Spent | undefined = undefined;
  /** Latest outcome of a try that was sent, else of any. */
  outcome: Outcome | undefined = undefined;
  /** Message of the latest failure. */
  why = "";
  /** Time at which its latest try had failed. */
  failedMs: number | undefined = undefined;
  /** Time of the next try. */
  dueMs = 0;

  // Facts of the try under way.

  isProbe = false;
  startedMs = 0;
  /** Number of the try among all tries of the job. */
  startNumber = 0;
  /** Holds of the job before this try. */
  holdCount = 0;
  /** Time at which a call inside the run first failed. */
  firstFailedMs: number | undefined = undefined;
  /** Time until which the run waits before it tries a call again. */
  waitsUntilMs = 0;

  constructor(index: number, input: I, scheduler: JobScheduler<I>) {
    this.index = index;
    this.input = input;
    this.#scheduler = scheduler;
    this.journal = createClaimJournal([], async () => {
      scheduler.hasAnswer(this);
      return undefined;
    });
  }

  get signal(): AbortSignal {
    return this.#scheduler.signal;
  }

  onRetry(delayMs: number, failure: OutputError): void {
    this.#scheduler.retries(this, delayMs, failure);
  }
}

/** Inputs that wait for their next try, or to be sent at all; the longest wait first. */
export class HeldInputs<I> {
  readonly #inputs: JobInput<I>[] = [];

  get size(): number {
    return this.#inputs.length;
  }

  get first(): JobInput<I> | undefined {
    return this.#inputs[0];
  }

  /** Time of the next try; infinite where none waits. */
  get nextDueMs(): number {
    return Math.min(...this.#inputs.map(({ dueMs }) => dueMs));
  }

  add(input: JobInput<I>): void {
    this.#inputs.push(input);
  }

  /** Takes out the one that has waited longest. */
  takeFirst(): JobInput<I> | undefined {
    return this.#inputs.shift();
  }

  /** Takes out the first one whose time has come. */
  takeDue(nowMs: number): JobInput<I> | undefined {
    const at = this.#inputs.findIndex(({ dueMs }) => dueMs <= nowMs);
    return at < 0 ? undefined : this.#inputs.splice(at, 1)[0];
  }

  takeAll(): JobInput<I>[] {
    return this.#inputs.splice(0);
  }

  every(holds: (input: JobInput<I>) => boolean): boolean {
    return this.#inputs.every(holds);
  }
}

/** An input that failed by what would fail every other one. */
export interface Suspect<I> {
  readonly input: JobInput<I>;
  readonly outcome: Outcome;
  readonly failure: OutputError;
}

/** Inputs that failed by what would end the job, until it is known whether others fail alike. */
export class Suspects<I> {
  #suspects: Suspect<I>[] = [];

  get size(): number {
    return this.#suspects.length;
  }

  get first(): Suspect<I> | undefined {
    return this.#suspects[0];
  }

  add(suspect: Suspect<I>): void {
    this.#suspects.push(suspect);
  }

  /** Takes out those that were asked before another input, which was answered: their failures are their own. */
  takeThoseBefore({ startNumber }: JobInput<I>): readonly Suspect<I>[] {
    const own = this.#suspects.filter(({ input }) => input.startNumber < startNumber);
    if (own.length > 0) this.#suspects = this.#suspects.filter((suspect) => !own.includes(suspect));
    return own;
  }

  takeAll(): Suspect<I>[] {
    return this.#suspects.splice(0);
  }
}

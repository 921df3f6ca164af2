import type { ReplicateJournal } from "../../contract/call.ts";
import type { OutputError } from "../../contract/output.ts";
import type { Spent } from "../../contract/usage.ts";
import { createClaimJournal } from "../key/journal.ts";
import type { JobQueue } from "./job-queue.ts";
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
  readonly #queue: JobQueue<I>;
  cancel: (reason: unknown) => void = () => {};
  tries = 0;
  refusals = 0;
  isSent = false;
  spent: Spent | undefined = undefined;
  /** Latest outcome of a try that was sent, else of any. */
  outcome: Outcome | undefined = undefined;
  why = "";
  /** Time at which its latest try had failed. */
  failedMs: number | undefined = undefined;
  /** Time of the next try. */
  dueMs = 0;
  /** Facts of the try under way. */
  isProbe = false;
  startedMs = 0;
  startNumber = 0;
  holdCount = 0;
  firstFailedMs: number | undefined = undefined;
  waitsUntilMs = 0;

  constructor(index: number, input: I, queue: JobQueue<I>) {
    this.index = index;
    this.input = input;
    this.#queue = queue;
    this.journal = createClaimJournal([], async () => {
      queue.hasAnswer(this);
      return undefined;
    });
  }

  get signal(): AbortSignal {
    return this.#queue.signal;
  }

  onRetry(delayMs: number, failure: OutputError): void {
    this.#queue.retries(this, delayMs, failure);
  }
}

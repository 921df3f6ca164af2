import type { OrchestrationOutput } from "../../contract/output.ts";
import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import type { CancelScope } from "../../core/signal.ts";
import { nextTurn } from "../../core/turns.ts";
import type { ResolvedRetryConfig } from "../../guard/reliability-config.ts";
import type { JobTry } from "./job-input.ts";
import { JobScheduler } from "./job-scheduler.ts";
import type { JobWait } from "./provider-health.ts";
import type { Outcome } from "./verdict.ts";

/** A job: one tool over many inputs. */
export interface Job<I> {
  /** Taken one by one, as there is room for them. */
  readonly inputs: Iterable<I> | AsyncIterable<I>;
  readonly concurrency: number;
  /** Longest time without an answer; with 0 nothing is waited for. */
  readonly giveUpAfterMs: number;
  /** Longest time without an answer while no server was there at all. */
  readonly unreachedAfterMs: number;
  /** Delays between the tries of an input: those of retries. */
  readonly delays: ResolvedRetryConfig;
  readonly clock: Clock;
  readonly random: Random;
  /** Its abort cancels what is in flight, and ends the job. */
  readonly signal?: AbortSignal | undefined;
  /** Its abort lets what is in flight finish, and starts nothing more. */
  readonly finish?: AbortSignal | CancelScope | undefined;
  /** Runs an input once. What it throws with `JobEnd` ends the job. */
  run(input: I, attempt: JobTry): Promise<OrchestrationOutput>;
  /** Hears that the job waits, and why; `undefined` once it goes on. */
  readonly onWait?: ((wait: JobWait | undefined) => void) | undefined;
}

/** End of an input. `isOpen`: its job ended before a wait could mend it. */
export type JobResult<I> = { readonly index: number; readonly input: I; readonly isOpen: boolean } & Outcome;

/** Results after which the event loop turns. */
const resultsInTurn = 16;

/**
 * Runs a job to its end, and gives each input its result as soon as it is there. While no provider answers, inputs are
 * held and asked again later; docs/decisions/jobs.md tells the rules.
 *
 * @throws JobStoppedError for what waiting does not mend, after what had settled was given out; CancelledError where the
 *   signal aborted before all inputs had their result; what the iteration of the inputs throws
 */
export async function* runJob<I>(job: Job<I>): AsyncGenerator<JobResult<I>, void> {
  const scheduler = new JobScheduler(job);
  let givenCount = 0;
  try {
    for (;;) {
      scheduler.fill();
      const result = scheduler.next();
      if (!result && scheduler.isOver) break;
      if (!result) {
        await scheduler.changed();
        continue;
      }
      // Answers that are there at once would leave no turn of the event loop to signals, pipes and timers.
      if (++givenCount % resultsInTurn === 0) await nextTurn();
      const givenMs = job.clock.now();
      yield result;
      scheduler.wasAway(job.clock.now() - givenMs);
    }
    scheduler.throwIfCutShort();
  } finally {
    await scheduler.close();
  }
}

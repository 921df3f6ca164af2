import { BudgetExceeded, CancelledError, ConflictError, isOrchestratorError, StoreError } from "../contract/errors.ts";
import type { OrchestrationOutput, OutputError } from "../contract/output.ts";
import { toOutputError } from "../guard/classify.ts";
import { type Outcome, verdictOf } from "../orchestrate/job/verdict.ts";
import { isKeptUnderKey } from "../orchestrate/key/claimed-run.ts";
import type { ReliableOrchestrator } from "../orchestrate/reliable-orchestrator.ts";
import type { Disposition, RunJob } from "./run-queue.ts";

/** Attempts after which a job is dead: with the waits between them about an hour. */
export const mostAttempts = 20;

const firstWaitMs = 1_000;
const longestWaitMs = 300_000;
/** Wait for another worker, where this one lacks the tool. */
const elsewhereMs = 5_000;
/** Wait for a key whose store does not tell when its lease ends: a whole lease. */
const leaseMs = 30_000;

/** Facts of a job's delivery. */
export interface JobControl {
  readonly signal: AbortSignal;
  /** Attempt of the job that this is, from 1. Default: 1. */
  readonly attempt?: number | undefined;
}

/**
 * Runs a job, and says what its outcome means for the queue.
 *
 * | outcome of the run | the job |
 * | --- | --- |
 * | completed, or failed because of the request itself | done |
 * | failed retryably, partial, past its deadline, store away | again with backoff; the journal is used |
 * | circuit open, or 429 | again at `retryAfterMs`, which counts no attempt |
 * | key in flight elsewhere | again after the lease, which counts no attempt |
 * | the worker drains | again at once, which counts no attempt |
 * | tool or version not here | again for another worker, which counts no attempt |
 * | key of another request, invalid options, any other failure | dead |
 *
 * After 20 attempts a job is dead.
 *
 * @example
 * ```ts
 * const handle: JobHandler = (job, control) => runJob(orchestrator, job, control);
 * ```
 */
export async function runJob(
  orchestrator: ReliableOrchestrator<any>,
  job: RunJob,
  { signal, attempt = 1 }: JobControl,
): Promise<Disposition> {
  const { key, toolName, toolVersion, request, toolOptions, options, traceparent } = job;
  const queued = orchestrator.forQueue();
  if (queued.registry.get(toolName)?.version !== toolVersion) {
    const reason = `This worker has no tool ${toolName}@${toolVersion}`;
    return { retryInMs: elsewhereMs, reason, isAttempt: false };
  }
  const traceId = traceparent?.match(/^00-([0-9a-f]{32})-/)?.[1];
  const runOptions = { ...(traceId && { traceId }), ...options, idempotencyKey: key };
  const params = { toolName, request, toolOptions, options: runOptions, signal };
  const meaningOf = (outcome: Outcome): Disposition =>
    "error" in outcome && signal.aborted
      ? { retryInMs: 0, reason: "The worker was drained", isAttempt: false }
      : dispositionOf(outcome, attempt);
  const isCancelled = () => CancelledError.isInstance(signal.reason);
  try {
    return meaningOf({
      output: await queued.runQueued(params, (outcome) => !isCancelled() && "retryInMs" in meaningOf(outcome)),
    });
  } catch (error) {
    return meaningOf({ error });
  }
}

function dispositionOf(outcome: Outcome, attempt: number): Disposition {
  const verdict = verdictOf(outcome);
  const failure = "output" in outcome ? lastFailure(outcome.output) : toOutputError(outcome.error, attempt);
  const again = (reason: string): Disposition =>
    attempt >= mostAttempts
      ? { dead: { ...failure, message: `${reason} (after ${attempt} attempts of the job)` } }
      : { retryInMs: waitAfter(attempt), reason };
  if ("error" in outcome) return afterRejection(outcome.error, failure, again);
  const { output } = outcome;
  if (isKeptUnderKey(output)) return { done: output };
  if (verdict.kind === "passing") {
    const isHeldBack = Object.values(output.errors ?? {}).some(isPause);
    if (!isHeldBack) return again(verdict.why);
    return { retryInMs: Math.max(verdict.retryAfterMs, waitAfter(attempt)), reason: verdict.why, isAttempt: false };
  }
  return output.status === "partial" ? again(failure.message) : { dead: failure };
}

function afterRejection(error: unknown, failure: OutputError, again: (reason: string) => Disposition): Disposition {
  if (ConflictError.isInstance(error) && error.reason === "in_flight")
    return { retryInMs: error.retryAfterMs ?? leaseMs, reason: error.message, isAttempt: false };
  const isOfStore = StoreError.isInstance(error) && error.reason !== "too_large";
  const isLate = BudgetExceeded.isInstance(error) && error.budgetType === "timeMs";
  const mayPass = isOfStore || isLate || CancelledError.isInstance(error) || !isOrchestratorError(error);
  return mayPass ? again(failure.message) : { dead: failure };
}

/** A provider that says "later", or that its circuit breaker spares, has refused nothing of this job. */
function isPause({ category }: OutputError): boolean {
  return category === "circuit_open" || category === "rate_limit";
}

function waitAfter(attempt: number): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1));
}

function lastFailure(output: OrchestrationOutput): OutputError {
  const { toolName } = output.metadata;
  return (
    Object.values(output.errors ?? {}).at(-1) ?? {
      type: "Error",
      message: `Tool "${toolName}" gave less than it was asked for`,
      code: "PARTIAL",
      isRetryable: true,
      attempts: 1,
    }
  );
}

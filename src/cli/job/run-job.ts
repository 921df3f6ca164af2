import type { OrchestrationConfig } from "../../contract/config.ts";
import {
  BudgetExceeded,
  CancelledError,
  isOrchestratorError,
  JobStoppedError,
  type PartialRun,
} from "../../contract/errors.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import type { JobTry } from "../../orchestrate/job/job-input.ts";
import type { JobWait } from "../../orchestrate/job/provider-health.ts";
import type { JobResult } from "../../orchestrate/job/run-job.ts";
import { JobEnd } from "../../orchestrate/job/verdict.ts";
import { mayBeReachedLater } from "../../orchestrate/key/store-protection.ts";
import type { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import { CommandError, exitCode } from "../faults.ts";
import type { Input } from "../input/input.ts";
import { answeredLine, type OutputLine, rejectedLine } from "../output/output-line.ts";
import type { JobBudget } from "./job-tally.ts";

/** One tool over many inputs. */
export interface Job {
  readonly orchestrator: ReliableOrchestrator;
  readonly tool: AnyTool;
  readonly toolOptions: object;
  readonly options: OrchestrationConfig;
  readonly concurrency: number;
  readonly giveUpAfterMs: number | undefined;
  readonly budget: JobBudget;
  /** Taken one by one, as there is room for them. */
  readonly inputs: AsyncIterable<Input>;
  /** Its abort lets what is in flight finish, and starts nothing more. */
  readonly finish?: CancelScope | undefined;
  /** Its abort leaves what is in flight without a line: a later start goes on with it. A CommandError is what the job ends with. */
  readonly left?: CancelScope | undefined;
  /** Facts of an input, as its line carries them. */
  fingerprintOf(input: Input): string;
  /** Returns the listener of one more run; `undefined` where the run is not listened to. */
  listen?(): ((event: OrchestrationEvent) => void) | undefined;
  /** Hears that the job waits for its provider; `undefined` once it goes on. */
  readonly onWait?: ((wait: JobWait | undefined) => void) | undefined;
  /** Hears of each input once, when it is settled. */
  onLine(line: OutputLine): void;
}

/**
 * Runs a job to its end. What is in flight when something goes wrong is finished first, and gets its lines. An input
 * that a later start can still answer gets none.
 *
 * @throws CommandError for an input that cannot be read or used, where the job's budget does not reach its end, and where
 *   no wait mends what every input fails with
 */
export async function runJob(job: Job): Promise<void> {
  const { orchestrator, inputs, concurrency, giveUpAfterMs, onWait } = job;
  const finish = new CancelScope(job.finish);
  job.left?.onAbort(() => finish.abort(job.left?.reason));
  const run = (input: Input, jobTry: JobTry) => runInput(job, input, jobTry, finish);
  let fault: unknown;
  try {
    for await (const result of orchestrator.runJob({ inputs, concurrency, giveUpAfterMs, finish, onWait, run })) {
      const line = lineOf(job, result);
      if (!line) continue;
      job.onLine(line);
      if (line.costUsd !== null || !job.budget.isLimited) continue;
      fault ??= unknownCost(job.tool);
      finish.abort(fault);
    }
  } catch (error) {
    throw JobStoppedError.isInstance(error) ? stopped(error) : error;
  } finally {
    finish.dispose();
  }
  if (job.left?.reason instanceof CommandError) throw job.left.reason;
  if (fault) throw fault;
}

/** @param finish aborted once nothing more is to start */
async function runInput(job: Job, input: Input, jobTry: JobTry, finish: CancelScope): Promise<OrchestrationOutput> {
  const partUsd = await job.budget.admit();
  if (partUsd === undefined) throw new JobEnd(budgetSpent());
  if (finish.aborted) {
    job.budget.settle(partUsd, 0);
    throw new CancelledError("the job has ended");
  }
  const earlierUsd = jobTry.spent ? jobTry.spent.costUsd : 0;
  let costUsd: number | null = 0;
  try {
    const output = await start(job, input, jobTry, partUsd + (earlierUsd ?? 0));
    costUsd = costSince(earlierUsd, output.costUsd);
    return output;
  } catch (error) {
    const partial = (error as { readonly partial?: PartialRun } | undefined)?.partial;
    if (partial) costUsd = costSince(earlierUsd, partial.costUsd);
    const isTooSmall = costUsd === 0 && BudgetExceeded.isInstance(error) && job.budget.raise(partUsd, error.actual);
    const end = isTooSmall ? undefined : asEnd(error, input, partUsd);
    if (end instanceof JobEnd) finish.abort(end);
    if (end !== undefined) throw end;
  } finally {
    job.budget.settle(partUsd, costUsd);
  }
  return runInput(job, input, jobTry, finish);
}

/** @param limitUsd ceiling of the input, its earlier tries included; infinite where there is none */
function start(job: Job, { request }: Input, jobTry: JobTry, limitUsd: number): Promise<OrchestrationOutput> {
  const { orchestrator, tool, toolOptions } = job;
  const isLimited = limitUsd !== Number.POSITIVE_INFINITY;
  const options = isLimited ? { ...job.options, budget: { ...job.options.budget, costUsd: limitUsd } } : job.options;
  const signal = job.left ? AbortSignal.any([jobTry.signal, job.left.signal]) : jobTry.signal;
  return orchestrator.runTry(
    { tool, toolOptions, options, onEvent: job.listen?.(), signal, request: request as object },
    jobTry,
  );
}

function costSince(earlierUsd: number | null, costUsd: number | null): number | null {
  return earlierUsd === null || costUsd === null ? null : costUsd - earlierUsd;
}

/** Tells what ends the whole job from what is the input's own. */
function asEnd(error: unknown, { place }: Input, partUsd: number): unknown {
  if (BudgetExceeded.isInstance(error)) {
    const isOfJob = partUsd !== Number.POSITIVE_INFINITY && error.budgetType === "costUsd";
    return isOfJob ? new JobEnd(budgetSpent()) : error;
  }
  if (CancelledError.isInstance(error) || mayBeReachedLater(error)) return error;
  return new JobEnd(refusal(place, error));
}

function lineOf(job: Job, result: JobResult<Input>): OutputLine | undefined {
  const { input } = result;
  const fingerprint = job.fingerprintOf(input);
  if ("output" in result) {
    // What is paid for is kept, also where it is less than was asked for.
    if (result.isOpen && result.output.status === "failed") return undefined;
    return answeredLine(input, fingerprint, result.output);
  }
  return !result.isOpen && BudgetExceeded.isInstance(result.error)
    ? rejectedLine(input, fingerprint, result.error)
    : undefined;
}

/** A wrong key, an account without money, or a provider that stays away: no input gets a line for it. */
function stopped({ reason, what, cause }: JobStoppedError): CommandError {
  if (reason === "gave_up") {
    const message = `The job gave up: ${what}. Once the provider is back, the same command goes on. --give-up-after says how long it waits.`;
    return new CommandError(message, { cause, exitCode: exitCode.someFailed });
  }
  return new CommandError(
    `${what}.\nEvery input would fail like this, so the job stopped. Once it is mended, the same command goes on.`,
    { cause },
  );
}

function budgetSpent(): CommandError {
  return new CommandError(
    "What is left of --max-cost-usd does not cover one more input. Raise it, and run the same again.",
    { exitCode: exitCode.budgetSpent },
  );
}

function unknownCost({ name }: AnyTool): CommandError {
  return new CommandError(
    `The tool "${name}" does not say what it costs, so --max-cost-usd cannot be kept. Leave it out.`,
  );
}

/** Refused at the edge: nothing has run, and the next input would meet the same, or has to be mended itself. */
function refusal(place: string, error: unknown): unknown {
  if (!isOrchestratorError(error)) return error;
  const isOfTool =
    InvalidOptionsError.isInstance(error) && !error.issues.some(({ path }) => path.startsWith("request"));
  const message = error.message.replace(/^options\.budget\.costUsd needs/, "--max-cost-usd needs");
  return new CommandError(`${isOfTool ? "" : `${place}: `}${message}`, { cause: error });
}

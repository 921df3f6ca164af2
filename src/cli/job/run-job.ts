import type { OrchestrationConfig } from "../../contract/config.ts";
import { consequencesOf } from "../../contract/error-category.ts";
import { BudgetExceeded, isOrchestratorError } from "../../contract/errors.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import type { Orchestrator } from "../../orchestrate/orchestrator.ts";
import { CommandError, exitCode } from "../faults.ts";
import type { Input } from "../input/input.ts";
import { answeredLine, type OutputLine, rejectedLine } from "../output/output-line.ts";
import type { JobBudget } from "./job-tally.ts";

/** One tool over many inputs. */
export interface Job {
  readonly orchestrator: Orchestrator;
  readonly tool: AnyTool;
  readonly toolOptions: object;
  readonly options: OrchestrationConfig;
  readonly concurrency: number;
  readonly budget: JobBudget;
  /** Taken one by one, as there is room for them. */
  readonly inputs: AsyncIterable<Input>;
  /** Facts of an input, as its line carries them. */
  fingerprintOf(input: Input): string;
  onEvent(event: OrchestrationEvent): void;
  /** Hears of each input once, when it is settled. */
  onLine(line: OutputLine): void;
}

/**
 * Runs a job to its end. What is in flight when something goes wrong is finished first, and gets its lines.
 *
 * @throws CommandError for an input that cannot be read or used, and where the job's budget does not reach its end
 */
export async function runJob(job: Job): Promise<void> {
  const inputs = job.inputs[Symbol.asyncIterator]();
  const faults: unknown[] = [];
  const work = async () => {
    try {
      for (let next = await inputs.next(); !next.done && faults.length === 0; next = await inputs.next()) {
        await runInput(job, next.value);
      }
    } catch (error) {
      faults.push(error);
    }
  };
  await Promise.all(Array.from({ length: job.concurrency }, work));
  if (faults.length > 0) throw faults[0];
}

async function runInput(job: Job, input: Input): Promise<void> {
  const partUsd = await job.budget.admit();
  if (partUsd === undefined) throw budgetSpent();
  let costUsd: number | null = 0;
  try {
    const line = await lineFor(job, input, partUsd);
    costUsd = line.costUsd;
    job.onLine(line);
    if (costUsd === null && partUsd !== Number.POSITIVE_INFINITY) throw unknownCost(job.tool);
  } finally {
    job.budget.settle(partUsd, costUsd);
  }
}

async function lineFor(job: Job, input: Input, partUsd: number): Promise<OutputLine> {
  const fingerprint = job.fingerprintOf(input);
  const isLimited = partUsd !== Number.POSITIVE_INFINITY;
  try {
    const output = await run(job, input, isLimited ? partUsd : undefined);
    assertOthersMaySucceed(output, input);
    return answeredLine(input, fingerprint, output);
  } catch (error) {
    if (!BudgetExceeded.isInstance(error)) throw refusal(input, error);
    if (isLimited && error.budgetType === "costUsd") throw budgetSpent();
    return rejectedLine(input, fingerprint, error);
  }
}

function run(job: Job, input: Input, costUsd: number | undefined): Promise<OrchestrationOutput> {
  const { tool, toolOptions, onEvent } = job;
  const options = costUsd === undefined ? job.options : { ...job.options, budget: { ...job.options.budget, costUsd } };
  return job.orchestrator.run({ tool, toolOptions, options, onEvent, request: input.request as object });
}

/** A wrong key, or an account without money, fails every input alike: none of them gets a line for it. */
function assertOthersMaySucceed(output: OrchestrationOutput, { place }: Input): void {
  if (output.status !== "failed") return;
  const hopeless = Object.values(output.errors).find(({ category }) => consequencesOf(category).endsJob);
  if (!hopeless) return;
  throw new CommandError(
    `${place}: ${hopeless.message}\nEvery input would fail like this, so the job stopped. Once it is mended, the same command goes on.`,
  );
}

function budgetSpent(): CommandError {
  return new CommandError(
    "What is left of --max-cost-usd does not cover one more input. Raise it, and run the same again.",
    {
      exitCode: exitCode.budgetSpent,
    },
  );
}

function unknownCost({ name }: AnyTool): CommandError {
  return new CommandError(
    `The tool "${name}" does not say what it costs, so --max-cost-usd cannot be kept. Leave it out.`,
  );
}

/** Refused at the edge: nothing has run, and the next input would meet the same, or has to be mended itself. */
function refusal({ place }: Input, error: unknown): unknown {
  if (!isOrchestratorError(error)) return error;
  const isOfTool =
    InvalidOptionsError.isInstance(error) && !error.issues.some(({ path }) => path.startsWith("request"));
  return new CommandError(`${isOfTool ? "" : `${place}: `}${error.message}`, { cause: error });
}

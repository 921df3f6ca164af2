import type { BundleOptions } from "../../contract/bundle-options.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import { systemClock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { CommandError } from "../faults.ts";
import type { Input, InputSource } from "../input/input.ts";
import { checkInputs, openInputs } from "../input/open-inputs.ts";
import { OutputLog } from "../output/output-log.ts";
import { counted } from "../progress/format.ts";
import { type JobFlags, toolOptionsFrom } from "./job-flags.ts";
import { JobBudget, JobTally } from "./job-tally.ts";

/** A job of which everything was checked that can be checked before anything is asked. */
export interface PreparedJob {
  readonly tool: AnyTool;
  readonly toolOptions: BundleOptions;
  readonly tally: JobTally;
  readonly budget: JobBudget;
  readonly log: OutputLog | undefined;
  /** Those that have no line yet. */
  inputs(): AsyncIterable<Input>;
  fingerprintOf(input: Input): string;
}

/** @throws CommandError naming what cannot be used */
export async function prepareJob({ tool, definition }: LoadedTool, flags: JobFlags): Promise<PreparedJob> {
  const toolOptions = toolOptionsFrom(flags);
  checkToolOptions(tool, toolOptions);
  const source = openInputs(flags, process.stdin);
  const jobFingerprint = fingerprint({ tool: definition ?? { name: tool.name, version: tool.version }, toolOptions });
  const fingerprintOf = ({ request }: Input) => fingerprint({ request, job: jobFingerprint });

  const tally = new JobTally(systemClock.now());
  const budget = new JobBudget(flags.maxCostUsd, flags.concurrency);
  const log = await openLog(flags, tally, budget);
  const hasLine = (input: Input) => log?.has(input, fingerprintOf(input)) ?? false;
  try {
    const all = () => firstOf(source.read(), flags.limit);
    if (source.isRepeatable) tally.totalCount = await checkInputs(all(), tool, hasLine);
    return {
      tool,
      toolOptions,
      tally,
      budget,
      log,
      fingerprintOf,
      inputs: () => without(noting(all(), source), hasLine),
    };
  } catch (error) {
    log?.close();
    throw error;
  }
}

function checkToolOptions(tool: AnyTool, toolOptions: BundleOptions): void {
  try {
    tool.resolveOptions?.(toolOptions as Record<string, unknown>);
  } catch (error) {
    throw new CommandError(messageOf(error), { cause: error });
  }
}

async function openLog(flags: JobFlags, tally: JobTally, budget: JobBudget): Promise<OutputLog | undefined> {
  if (flags.output === undefined) {
    if (flags.retryFailed)
      throw new CommandError("--retry-failed needs --output: the file whose failed lines are asked again.");
    return undefined;
  }
  return OutputLog.open(flags.output, {
    retryFailed: flags.retryFailed ?? false,
    onKept(line) {
      tally.keep(line);
      budget.keep(line.costUsd);
    },
  });
}

async function* firstOf(inputs: AsyncIterable<Input>, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Input> {
  for await (const input of inputs) {
    if (input.index >= limit) return;
    yield input;
  }
}

/** Says what is seldom meant: no requests at all, rows without any value. */
async function* noting(inputs: AsyncIterable<Input>, { name, facts }: InputSource): AsyncGenerator<Input> {
  let count = 0;
  for await (const input of inputs) {
    count++;
    yield input;
  }
  if (count === 0) process.stderr.write(`${name} holds no requests: there is nothing to ask.\n`);
  const { blankRows = 0 } = facts;
  if (blankRows > 0) process.stderr.write(`${name}: ${counted(blankRows, "row")} without any value, skipped.\n`);
}

async function* without(inputs: AsyncIterable<Input>, isDone: (input: Input) => boolean): AsyncGenerator<Input> {
  for await (const input of inputs) if (!isDone(input)) yield input;
}

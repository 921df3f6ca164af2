import type { LanguageModelLike } from "../../contract/model.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { systemClock } from "../../core/clock.ts";
import { CancelScope } from "../../core/signal.ts";
import type { BatchAccess } from "../../provider/batched-model.ts";
import { batchPrefix } from "../../tool/prompt/model-reference.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { toTool } from "../definition/tool-file.ts";
import { CommandError, exitCode } from "../faults.ts";
import { folderOf } from "../input/open-inputs.ts";
import type { JobView } from "../progress/job-view.ts";
import type { JobFlags } from "./job-flags.ts";

/** Inputs whose answers go into one batch. */
const mostInputs = 10_000;
/** Longest wait for a batch: providers end it after a day, and take a while to say so. */
const defaultMaxWaitMs = 25 * 3_600_000;
/** Answers of one input that are asked for at once. */
export const mostAtOnce = 1_000;

/**
 * Returns the job of a tool whose answers are to come in batches, as a flag or its file says; any other unchanged.
 *
 * @param isGiven true where the command line names the number of inputs in flight
 * @throws CommandError for what a job in batches cannot have
 */
export function asBatchJob(
  loaded: LoadedTool,
  flags: JobFlags,
  isGiven: boolean,
): { readonly loaded: LoadedTool; readonly flags: JobFlags } {
  const { definition } = loaded;
  const isNamed = definition?.model?.startsWith(batchPrefix) ?? false;
  if (!flags.batch && !isNamed) {
    if (flags.batchMaxWait === undefined) return { loaded, flags };
    throw new CommandError("--batch-max-wait is for jobs in batches. Give --batch beside it.");
  }
  if (!definition)
    throw new CommandError('--batch is for tool files in JSON or YAML. A module names its model "batch:…".');
  if (definition.model === undefined)
    throw new CommandError(
      "--batch asks one model, and the tool file names several. Give --model, or leave --batch out.",
    );
  if (flags.timeoutMs !== undefined)
    throw new CommandError("--timeout-ms is no time for a batch, which may take a day. Give --batch-max-wait instead.");
  if (flags.output === undefined && !flags.dryRun)
    throw new CommandError(
      "--batch needs --output: beside it stands what was sent, so that a job that was stopped goes on.",
    );
  // The answers are the same model's: a job may go on without batches, and a live one with them.
  const model = isNamed ? definition.model.slice(batchPrefix.length) : definition.model;
  const live = { ...definition, model };
  return {
    loaded: { tool: toTool(live, { folder: folderOf(flags.input) }), definition: live },
    flags: { ...flags, batch: true, concurrency: isGiven ? flags.concurrency : mostInputs },
  };
}

/** Batches of a job, and what stops their wait. */
export interface JobBatches {
  /** Model whose answers come in batches. */
  readonly model: LanguageModelLike;
  /** Aborts where the job leaves its batches to the provider. */
  readonly left: CancelScope;
  readonly maxWaitMs: number;
}

/**
 * Opens the batches of a job: those that an earlier start has sent are waited for, and not sent again.
 *
 * @param journalPath of the output file's batches
 */
export async function openBatches(
  { definition }: LoadedTool,
  { batchMaxWait: maxWaitMs = defaultMaxWaitMs, retryFailed }: JobFlags,
  journalPath: string,
  view: Pick<JobView, "notify" | "wait">,
): Promise<JobBatches> {
  const { findModel } = await import("../../provider/find-model.ts");
  const left = new CancelScope();
  const batches: BatchAccess = {
    journalPath,
    forgetsEnded: retryFailed,
    maxWaitMs,
    onNews: view.notify,
    onWait: view.wait,
    onLate: (what) =>
      left.abort(new CommandError(`${what}. The same command goes on from there.`, { exitCode: exitCode.someFailed })),
  };
  const { model: name, headers, baseUrl, apiKeyEnv } = definition ?? {};
  const model = await findModel(batchPrefix + (name ?? ""), systemClock, { headers, baseUrl, apiKeyEnv, batches });
  return { model, left, maxWaitMs };
}

/** Lease of the answers of an input while it waits: ten thousand of them are renewed. */
export const batchLeaseMs = 120_000;

/** Returns the tool of a job over its model in batches. */
export function batchedTool(tool: AnyTool, model: LanguageModelLike): AnyTool {
  return (tool as unknown as { withModel(model: LanguageModelLike): AnyTool }).withModel(model);
}

/** File beside an output file that names its batches. */
export function batchesOf(path: string): string {
  return `${path}.batches`;
}

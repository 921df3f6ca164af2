import { type Command, Option } from "commander";
import type { BundleOptions, StoppingRuleName } from "../../contract/bundle-options.ts";
import type { OrchestrationConfig } from "../../contract/config.ts";
import { durationFlag, numberFlag, wholeNumberFlag } from "../flags.ts";
import { type InputFormat, inputFormats } from "../input/open-inputs.ts";

/** Flags of a job. */
export interface JobFlags {
  readonly input?: string;
  readonly format?: InputFormat;
  readonly output?: string;
  readonly retryFailed?: true;
  readonly limit?: number;
  readonly concurrency: number;
  /** In milliseconds. */
  readonly giveUpAfter?: number;
  readonly model?: string;
  readonly k?: number;
  readonly stopping?: StoppingRuleName;
  readonly epsilon?: number;
  readonly minConfidence?: number;
  readonly timeoutMs?: number;
  readonly maxCostUsd?: number;
  readonly json?: true;
}

/** Adds the flags of every command that asks for inputs. */
export function addJobFlags(command: Command): Command {
  return command
    .option("-i, --input <file|json>", "inputs: a file (.jsonl, .json, .csv, .tsv, .txt), - for a pipe, or JSON")
    .addOption(
      new Option("--format <format>", "what the inputs are, where the file's name does not say it").choices(
        inputFormats,
      ),
    )
    .option("--limit <count>", "only the first inputs", wholeNumberFlag(1))
    .option("-c, --concurrency <count>", "inputs in flight at once", wholeNumberFlag(1), 10)
    .option("-m, --model <provider:model>", "ask this model instead of the tool file's")
    .option("-k, --k <count>", "the most answers for one input", wholeNumberFlag(1))
    .option("--timeout-ms <ms>", "deadline of each input", numberFlag(1))
    .option("--give-up-after <duration>", "longest time without one answer: 30m, 90s, 2h (default 1h)", durationFlag())
    .option("--max-cost-usd <dollars>", "ceiling of the whole job, earlier starts included", numberFlag(0));
}

/** The tool's options that the command line gives. */
export function toolOptionsFrom({ k, stopping, epsilon }: JobFlags): BundleOptions {
  return { ...(k !== undefined && { k }), ...(stopping && { stopping }), ...(epsilon !== undefined && { epsilon }) };
}

/** The options of each run that the command line gives. */
export function runOptionsFrom({ timeoutMs, minConfidence }: JobFlags): OrchestrationConfig {
  return { timeoutMs, ...(minConfidence !== undefined && { qualityRequirements: { minConfidence } }) };
}

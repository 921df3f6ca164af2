import { type Command, Option } from "commander";
import { type BundleOptions, type StoppingRuleName, stoppingRuleNames } from "../../contract/bundle.ts";
import type { OrchestrationConfig } from "../../contract/run.ts";
import { numberFlag, wholeNumberFlag } from "../flags.ts";
import { type InputFormat, inputFormats } from "../input/open-inputs.ts";

/** What the command line says of a job. */
export interface JobFlags {
  readonly input?: string;
  readonly format?: InputFormat;
  readonly output?: string;
  readonly retryFailed?: true;
  readonly limit?: number;
  readonly concurrency: number;
  readonly model?: string;
  readonly k?: number;
  readonly stopping?: StoppingRuleName;
  readonly epsilon?: number;
  readonly minConfidence?: number;
  readonly timeoutMs?: number;
  readonly maxCostUsd?: number;
  readonly json?: true;
}

/** Adds the flags of a job to a command. */
export function addJobFlags(command: Command): Command {
  return command
    .option("-i, --input <file|json>", "inputs: a file (.jsonl, .json, .csv, .txt), - for a pipe, or JSON")
    .addOption(
      new Option("--format <format>", "what the inputs are, where the file's name does not say it").choices(
        inputFormats,
      ),
    )
    .option("-o, --output <file.jsonl>", "one line for each input; the same command goes on where it was stopped")
    .option("--retry-failed", "ask again for the inputs whose line in the output file says that they failed")
    .option("--limit <count>", "only the first inputs", wholeNumberFlag(1))
    .option("-c, --concurrency <count>", "inputs in flight at once", wholeNumberFlag(1), 10)
    .option("-m, --model <provider:model>", "ask this model instead of the tool file's")
    .option("-k, --k <count>", "the most answers for one input", wholeNumberFlag(1))
    .addOption(new Option("--stopping <rule>", "when fewer answers are enough").choices(stoppingRuleNames))
    .option("--epsilon <distance>", "enough once the answers are at most this far apart", numberFlag(0, 1))
    .option("--min-confidence <share>", "mark lines below this confidence", numberFlag(0, 1))
    .option("--timeout-ms <ms>", "deadline of each input", numberFlag(1))
    .option("--max-cost-usd <dollars>", "ceiling of the whole job, earlier starts included", numberFlag(0))
    .option("--json", "print the output lines instead of text for people");
}

/** The tool's options that the command line gives. */
export function toolOptionsFrom({ k, stopping, epsilon }: JobFlags): BundleOptions {
  return { ...(k !== undefined && { k }), ...(stopping && { stopping }), ...(epsilon !== undefined && { epsilon }) };
}

/** The options of each run that the command line gives. */
export function runOptionsFrom({ timeoutMs, minConfidence }: JobFlags): OrchestrationConfig {
  return { timeoutMs, ...(minConfidence !== undefined && { qualityRequirements: { minConfidence } }) };
}

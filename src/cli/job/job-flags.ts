import { type Command, InvalidArgumentError, Option } from "commander";
import type { BundleOptions, StoppingRuleName } from "../../contract/bundle-options.ts";
import type { OrchestrationConfig } from "../../contract/config.ts";
import { addDefinitionFlags, type DefinitionFlags } from "../definition/definition-flags.ts";
import { durationFlag, numberFlag, wholeNumberFlag } from "../flags.ts";
import { type InputFormat, inputFormats } from "../input/open-inputs.ts";
import type { Sample } from "../output/job-head.ts";
import { firstSeed } from "./draw.ts";

/** Flags of a job. */
export interface JobFlags extends DefinitionFlags {
  readonly input?: string;
  readonly format?: InputFormat;
  readonly output?: string;
  readonly retryFailed?: true;
  readonly fresh?: true;
  readonly limit?: number;
  readonly sample?: Sample;
  readonly shuffle?: true;
  readonly dryRun?: true;
  readonly concurrency: number;
  /** Answers come from the provider's batch API. */
  readonly batch?: true;
  /** In milliseconds. */
  readonly batchMaxWait?: number;
  /** Postgres of the workers; `true` is what DATABASE_URL says. */
  readonly queue?: true | string;
  /** In milliseconds. */
  readonly giveUpAfter?: number;
  readonly k?: number;
  readonly stopping?: StoppingRuleName;
  readonly epsilon?: number;
  readonly minConfidence?: number;
  /** Precision that accepted answers are to have. */
  readonly right?: number;
  /** `true` asks the tool's own model. */
  readonly verifier?: true | string;
  readonly secondModel?: string;
  readonly timeoutMs?: number;
  readonly maxCostUsd?: number;
  readonly json?: true;
}

/** Adds the flags of every command that asks for inputs. */
export function addJobFlags(command: Command): Command {
  return addDefinitionFlags(command)
    .option("-i, --input <file|json>", "inputs: a file (.jsonl, .json, .csv, .tsv, .txt), - for a pipe, or JSON")
    .addOption(
      new Option("--format <format>", "what the inputs are, where the file's name does not say it").choices(
        inputFormats,
      ),
    )
    .option("--limit <count>", "only the first inputs", wholeNumberFlag(1))
    .option("--sample <count>", "so many inputs drawn evenly; 100:7 draws by another seed than 100", sampleFlag)
    .option("--shuffle", "ask for the inputs in random order")
    .option("-c, --concurrency <count>", "inputs in flight at once", wholeNumberFlag(1), 10)
    .option("-k, --k <count>", "the most answers for one input", wholeNumberFlag(1))
    .option("--timeout-ms <ms>", "deadline of each input", numberFlag(1))
    .option("--give-up-after <duration>", "longest time without one answer: 30m, 90s, 2h (default 1h)", durationFlag())
    .option("--max-cost-usd <dollars>", "ceiling of the whole job, earlier starts included", numberFlag(0));
}

export function sampleFlag(text: string): Sample {
  const [count = "", seed = String(firstSeed), ...more] = text.split(":");
  if (more.length > 0 || !/^\d{1,9}$/.test(seed))
    throw new InvalidArgumentError("It has to be a count, or a count with a seed: 100, or 100:7.");
  return { count: wholeNumberFlag(1)(count), seed: Number(seed) };
}

/** The tool's options that the command line gives. */
export function toolOptionsFrom({ k, stopping, epsilon }: JobFlags): BundleOptions {
  return { ...(k !== undefined && { k }), ...(stopping && { stopping }), ...(epsilon !== undefined && { epsilon }) };
}

/** The options of each run that the command line gives. */
export function runOptionsFrom({ timeoutMs, minConfidence }: JobFlags): OrchestrationConfig {
  return { timeoutMs, ...(minConfidence !== undefined && { qualityRequirements: { minConfidence } }) };
}

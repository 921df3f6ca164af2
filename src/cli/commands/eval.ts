import { type Command, InvalidArgumentError } from "commander";
import { type StoppingRuleName, stoppingRuleNames } from "../../contract/bundle-options.ts";
import { addDefinitionFlags } from "../definition/definition-flags.ts";
import type { EvalFlags } from "../eval/evaluate.ts";
import { durationFlag, numberFlag, wholeNumberFlag } from "../flags.ts";
import { sampleFlag } from "../job/job-flags.ts";

const examples = `
Each tool file with each model is asked once, for the most answers that -k names. What fewer answers and other
stopping rules would have given, taken and cost is read off those. The same command goes on where it ended.

Exit codes
  0 done, or some row reaches --min-accuracy     1 none does            2 a file, an input or an option cannot be used
  3 --max-cost-usd was reached   130 stopped by Ctrl-C    143 by SIGTERM

Examples
  $ steer eval triage.yaml --input golden.csv --truth severity
  $ steer eval triage.yaml --input golden.csv --truth severity=expected -k 1,3,5,10 --stopping none,auto
  $ steer eval triage.yaml --input golden.csv --truth severity --models openai:gpt-5-mini,openai:gpt-5-nano --html
  $ steer eval short.yaml long.yaml --input golden.csv --truth severity -k 5 --min-accuracy 0.9`;

export function addEvalCommand(program: Command, onExitCode: (code: number) => void): void {
  addDefinitionFlags(program.command("eval"))
    .summary("find the model, the prompt and the K that are right enough, and what they cost")
    .description(
      "Ask inputs whose answers are known, and show accuracy, cost and confidence by model, prompt, K and stopping.",
    )
    .argument("<tool-file...>", "tools in JSON, YAML or TypeScript modules")
    .requiredOption("-i, --input <file>", "inputs with their right answers: .jsonl, .json, .csv, .tsv")
    .requiredOption(
      "--truth <field[=column]>",
      "where an input says what is right: a column, or a field of the answer and its column; repeatable",
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    )
    .option("--models <list>", "ask each of these models, separated by commas, in place of the tool's", listFlag)
    .option(
      "-k, --k <list>",
      "the most answers for one input, such as 1,3,5 (default: 1 and the tool's own)",
      countsFlag,
    )
    .option(
      "--stopping <list>",
      `when fewer are enough: ${stoppingRuleNames.join(", ")} (default: none,auto)`,
      rulesFlag,
    )
    .option("-o, --output <folder>", "where answers are kept, one file for each tool and model", "eval")
    .option("--min-accuracy <share>", "end with 1 where no row is right in this share", numberFlag(0, 1))
    .option("--sample <count>", "so many inputs drawn evenly; 100:7 draws by another seed than 100", sampleFlag)
    .option("-c, --concurrency <count>", "inputs in flight at once", wholeNumberFlag(1), 10)
    .option("--timeout-ms <ms>", "deadline of each input", numberFlag(1))
    .option("--give-up-after <duration>", "longest time without one answer: 30m, 90s, 2h (default 1h)", durationFlag())
    .option("--max-cost-usd <dollars>", "ceiling of all that is asked, earlier starts included", numberFlag(0))
    .option("--retry-failed", "ask again for the inputs that failed")
    .option("--fresh", "begin anew: what the output folder holds of the same tools is moved aside")
    .option("--html [file]", "write a page with the picture (default: eval.html in the output folder)")
    .option("--open", "show the page in a browser")
    .option("--force", "overwrite a file that steer did not write")
    .option("--json", "print the rows as data")
    .addHelpText("after", examples)
    .action(async (files: string[], flags: EvalFlags) => {
      const { evaluate } = await import("../eval/evaluate.ts");
      onExitCode(await evaluate(files, flags));
    });
}

function listFlag(text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.every((item) => item !== "")) return [...new Set(items)];
  throw new InvalidArgumentError("It has to be a list, separated by commas.");
}

function countsFlag(text: string): number[] {
  return [...new Set(listFlag(text).map(wholeNumberFlag(1)))].sort((a, b) => a - b);
}

function rulesFlag(text: string): StoppingRuleName[] {
  return listFlag(text).map((name) => {
    const rule = stoppingRuleNames.find((known) => known === name);
    if (rule !== undefined) return rule;
    throw new InvalidArgumentError(`"${name}" is no stopping rule; there are: ${stoppingRuleNames.join(", ")}.`);
  });
}

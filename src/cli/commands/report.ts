import type { Command } from "commander";
import { numberFlag } from "../flags.ts";
import type { ReportFlags } from "../report/report-job.ts";

const examples = `
The file is an output file of steer run, also one that is still being written. Where steer label or
steer feedback has labels of the same task, model and schema, the report shows what they say of the confidence.

Examples
  $ steer report triaged.jsonl
  $ steer report triaged.jsonl --min-confidence 0.8
  $ steer report triaged.jsonl --html --open
  $ steer report triaged.jsonl --json | jq '.leastSure[].line'`;

export function addReportCommand(program: Command): void {
  program
    .command("report")
    .summary("look at a whole job: how sure, what is contested, what failed, what it cost")
    .description(
      "Show a whole job on one page: how sure its answers are, where they differ, what failed, what it cost.",
    )
    .argument("<file.jsonl>", "an output file of steer run")
    .option("--min-confidence <share>", "count the answers that are less sure than this", numberFlag(0, 1))
    .option(
      "--html [file]",
      "write a page that needs nothing else, instead of text (default: the output's name with .html)",
    )
    .option("--open", "show the page in a browser")
    .option("--force", "overwrite a file that steer did not write")
    .option("--json", "print the report as data")
    .option("--calibrations <folder>", "where steer feedback keeps labels", ".steer/calibrations")
    .addHelpText("after", examples)
    .action(async (file: string, flags: ReportFlags) => {
      const { reportJob } = await import("../report/report-job.ts");
      await reportJob(file, flags);
    });
}

import type { Command } from "commander";
import { wholeNumberFlag } from "../flags.ts";
import type { ViewFlags } from "../view/view-bundle.ts";

const examples = `
The file is an evidence bundle, an output that holds one, or an output file of steer run, of which --line names the
answer; - reads standard input. Where steer feedback has labels of the same task, model and schema, the view shows what
they say of the confidence. A page of an output file shows all of its answers where --line names none.

Examples
  $ steer view bundle.json
  $ steer view triaged.jsonl --line 17
  $ steer view triaged.jsonl --line 17 --html answer.html
  $ steer view triaged.jsonl --open
  $ steer run triage.yaml --input '{"report": "It crashes"}' --json | steer view -`;

export function addViewCommand(program: Command): void {
  program
    .command("view")
    .summary("look at an evidence bundle: votes, disagreements, distances, confidence, cost")
    .description(
      "Show an evidence bundle: who said what, how far apart the answers are, and what their confidence means.",
    )
    .argument("<file>", "a bundle in JSON, an output file of steer run, or - for a pipe")
    .option("--line <number>", "the answer on this line of an output file, from 1", wholeNumberFlag(1))
    .option("--html <file>", "write a page that needs nothing else, instead of text")
    .option("--open", "show the page in a browser")
    .option("--force", "overwrite a file that steer did not write")
    .option("--calibrations <folder>", "where steer feedback keeps labels", ".steer/calibrations")
    .addHelpText("after", examples)
    .action(async (file: string, flags: ViewFlags) => {
      const { viewBundle } = await import("../view/view-bundle.ts");
      await viewBundle(file, flags);
    });
}

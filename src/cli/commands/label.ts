import { type Command, InvalidArgumentError } from "commander";
import { wholeNumberFlag } from "../flags.ts";
import type { LabelFlags } from "../label/label-answers.ts";
import { draws } from "../label/labels.ts";

const examples = `
Shows the answers one by one: the question, the consensus, the votes. A key says what it was:

  r  right         w  wrong         f  field by field, for answers with several fields
  u  unsure        b  back          q  quit; the labels so far are kept, and the next time goes on after them

A pipe gives one key a line. Labels stand in <file.jsonl>.labels.jsonl, and are learnt from as those of steer feedback.
Ten labels begin to correct confidence; with thirty it can be relied on. Judge what is shown, not what is easy to judge:
skipped answers (u) count for nothing.

A uniform draw shows answers of all kinds as often as the job has them, and its labels alone certify what steer run
--right accepts. A stratified draw shows as many unsure answers as sure ones, and
least-sure begins with the least sure: they find errors sooner.

Examples
  $ steer label triaged.jsonl
  $ steer label triaged.jsonl --draw stratified --seed 7
  $ steer label triaged.jsonl --draw least-sure
  $ printf 'r\\nr\\nw\\n' | steer label triaged.jsonl`;

export function addLabelCommand(program: Command): void {
  program
    .command("label")
    .summary("judge answers one by one, so that confidence can be trusted")
    .description("Judge answers of an output file one by one, and learn from it how far confidence can be trusted.")
    .argument("<file.jsonl>", "an output file of steer run")
    .option("--draw <kind>", `${draws.join(", ")}; default: as before, at first uniform`, toDraw)
    .option("--seed <number>", "of the draw; default: as before, at first a new one", wholeNumberFlag(0))
    .option("--calibrations <folder>", "where labels are learnt from", ".steer/calibrations")
    .addHelpText("after", examples)
    .action(async (file: string, flags: LabelFlags) => {
      const { labelAnswers } = await import("../label/label-answers.ts");
      await labelAnswers(file, flags);
    });
}

function toDraw(text: string): (typeof draws)[number] {
  const draw = draws.find((each) => each === text);
  if (draw) return draw;
  throw new InvalidArgumentError(`It has to be one of ${draws.join(", ")}.`);
}

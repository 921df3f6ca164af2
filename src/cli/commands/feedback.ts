import type { Command } from "commander";
import type { FeedbackFlags } from "../feedback/give-feedback.ts";

const examples = `
An answer's id is the "id" of its input where that has one, else its "index" in the output file. A labels file has one
JSON object a line: {"id": "bug-17", "correct": true}, or {"id": "bug-17", "expected": {"severity": "high"}}, which is
compared with the consensus.

Labels are kept by task, model and schema. From 30 of them on, steer run in the same folder gives each answer a
calibratedConfidence, --min-confidence is held against it, and steer view shows what confidence has meant.

Examples
  $ steer feedback triaged.jsonl --correct bug-3,bug-4 --wrong bug-17
  $ steer feedback triaged.jsonl --labels labels.jsonl`;

export function addFeedbackCommand(program: Command): void {
  program
    .command("feedback")
    .summary("say which answers were right, so that confidence can be trusted")
    .description("Say which answers of an output file were right, and learn from it how far confidence can be trusted.")
    .argument("<file.jsonl>", "an output file of steer run")
    .option("--correct <ids>", "these were right, separated by commas", toIds)
    .option("--wrong <ids>", "these were wrong, separated by commas", toIds)
    .option("--labels <file.jsonl>", "a label a line")
    .option("--calibrations <folder>", "where labels are kept", ".steer/calibrations")
    .addHelpText("after", examples)
    .action(async (file: string, flags: FeedbackFlags) => {
      const { giveFeedback } = await import("../feedback/give-feedback.ts");
      await giveFeedback(file, flags);
    });
}

function toIds(text: string): string[] {
  return text
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
}

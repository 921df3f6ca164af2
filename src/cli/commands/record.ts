import type { Command } from "commander";
import { addJobFlags } from "../job/job-flags.ts";
import type { RecordFlags } from "../job/record-job.ts";

const examples = `
Each input is asked k times, whatever the answers say. A recording replays as the model recorded:FILE, without a key
and without a network. The same command goes on where it was stopped: an answer in the file is not asked for again.

Examples
  $ steer record triage.yaml --input reports.jsonl --k 10 --output triage-answers.jsonl
  $ steer run triage.yaml --input reports.jsonl --model recorded:triage-answers.jsonl`;

export function addRecordCommand(program: Command, onExitCode: (code: number) => void): void {
  addJobFlags(program.command("record"))
    .summary("keep a model's answers in a file that replays them")
    .description("Ask a tool's model for inputs, and keep every answer in a file that replays them.")
    .argument("<tool-file>", "a tool in JSON or YAML")
    .requiredOption("-o, --output <file.jsonl>", "the recording")
    .addHelpText("after", examples)
    .action(async (file: string, flags: RecordFlags) => {
      const { recordJob } = await import("../job/record-job.ts");
      onExitCode(await recordJob(file, flags));
    });
}

import type { Command } from "commander";
import { addJobFlags, type JobFlags } from "../job/job-flags.ts";

const examples = `
Tool files
  JSON or YAML with name, model, prompt, and optionally system, schema, defaultOptions, temperature,
  maxOutputTokens, providerOptions, version, description; or a .ts or .js module whose default export is a tool.

Exit codes
  0 every input has its answer     1 some failed            2 a file, an input or an option cannot be used
  3 --max-cost-usd was reached   130 stopped by Ctrl-C    143 by SIGTERM

Examples
  $ steer run triage.yaml --input '{"report": "It crashes when I save"}'
  $ steer run triage.yaml --input reports.jsonl --output triaged.jsonl
  $ steer run triage.yaml --input reports.csv --output triaged.jsonl --k 5 --max-cost-usd 2
  $ cat reports.jsonl | steer run triage.yaml --json | jq .consensus`;

export function addRunCommand(program: Command, onExitCode: (code: number) => void): void {
  addJobFlags(program.command("run"))
    .summary("run a tool over inputs: one evidence bundle each")
    .description("Run a tool over inputs. Each input gets an evidence bundle: consensus, votes, confidence, cost.")
    .argument("<tool-file>", "a tool in JSON, YAML or a TypeScript module")
    .addHelpText("after", examples)
    .action(async (file: string, flags: JobFlags) => {
      const { runToolJob } = await import("../job/run-tool-job.ts");
      onExitCode(await runToolJob(file, flags));
    });
}

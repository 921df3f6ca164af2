import { type Command, Option } from "commander";
import { stoppingRuleNames } from "../../contract/bundle-options.ts";
import { durationFlag, numberFlag, shareFlag } from "../flags.ts";
import { addJobFlags, type JobFlags } from "../job/job-flags.ts";

const examples = `
Tool files
  JSON or YAML with name, model, prompt, and optionally system, files, schema, defaultOptions, temperature,
  maxOutputTokens, providerOptions, provider, headers, baseUrl, apiKeyEnv, prices, limits, accept, verifier,
  secondModel, version, description; or a .ts or .js module whose default export is a tool.

Exit codes
  0 every input has its answer     1 some failed            2 a file, an input or an option cannot be used
  3 --max-cost-usd was reached   130 stopped by Ctrl-C    143 by SIGTERM

Examples
  $ steer run triage.yaml --input '{"report": "It crashes when I save"}'
  $ steer run triage.yaml --input reports.jsonl --output triaged.jsonl
  $ steer run triage.yaml --input reports.csv --output triaged.csv --k 5 --max-cost-usd 2
  $ steer run triage.yaml --input reports.jsonl --output out.jsonl --limits openai:gpt-5-mini=500rpm,200000tpm,20
  $ steer run triage.yaml --input reports.jsonl --output out.jsonl --right 0.95 --verifier openai:gpt-5-mini
  $ steer run triage.yaml --input reports.jsonl --output out.jsonl --k 5 --batch
  $ steer run triage.yaml --input reports.jsonl --output out.jsonl --queue postgres://steer@db.internal/steer
  $ cat reports.jsonl | steer run triage.yaml --json | jq .consensus`;

const inputsAdvice = "Inputs follow --input: steer run triage.yaml --input reports.csv\n";

export function addRunCommand(program: Command, onExitCode: (code: number) => void): void {
  addJobFlags(program.command("run"))
    .summary("run a tool over inputs: one evidence bundle each")
    .description("Run a tool over inputs. Each input gets an evidence bundle: consensus, votes, confidence, cost.")
    .argument("<tool-file>", "a tool in JSON, YAML or a TypeScript module")
    .configureOutput({
      outputError: (text, write) => write(/^error: too many arguments/.test(text) ? text + inputsAdvice : text),
    })
    .option(
      "-o, --output <file>",
      "answers, one line of JSON each, or a table (.csv); the same command goes on with it",
    )
    .option("--dry-run", "read the inputs, show the first prompt, estimate cost and time, and send nothing")
    .option("--fresh", "begin anew: what the output file holds is moved aside, and no kept answer is used")
    .option("--retry-failed", "ask again for the inputs whose line in the output file says that they failed")
    .addOption(new Option("--stopping <rule>", "when fewer answers are enough").choices(stoppingRuleNames))
    .option("--epsilon <distance>", "enough once the answers are at most this far apart", numberFlag(0, 1))
    .option("--min-confidence <share>", "mark what is less sure than this", numberFlag(0, 1))
    .option("--right <share>", "accept the answers that are right in this share, as labels certify it", shareFlag)
    .option("--verifier [provider:model]", "with --right: ask a model, else the tool's own, if an answer is right")
    .option("--second-model <provider:model>", "with --right: ask another model the same, and compare")
    .option("--batch", "experimental: ask in the provider's batches, for half the price, within a day")
    .option("--batch-max-wait <duration>", "longest wait for one batch: 90m, 6h (default 25h)", durationFlag())
    .addOption(
      new Option(
        "--queue [postgres-url]",
        "let workers run it: steer worker; without an address, what DATABASE_URL says",
      ).conflicts(["batch", "limits"]),
    )
    .option("--json", "print the output lines instead of text for people")
    .addHelpText("after", examples)
    .action(async (file: string, given: JobFlags, command: Command) => {
      const { loadTool } = await import("../definition/load-tool.ts");
      const { folderOf } = await import("../input/open-inputs.ts");
      const { asBatchJob } = await import("../job/batch-job.ts");
      const isGiven = command.getOptionValueSource("concurrency") !== "default";
      const { loaded, flags } = asBatchJob(await loadTool(file, given, folderOf(given.input)), given, isGiven);
      const { dryRun } = await import("../job/dry-run.ts");
      const { runToolJob } = await import("../job/run-tool-job.ts");
      onExitCode(await (flags.dryRun ? dryRun : runToolJob)(loaded, flags));
    });
}

import { type Command, Option } from "commander";
import { limitsFlag } from "../definition/definition-flags.ts";
import { durationFlag, wholeNumberFlag } from "../flags.ts";
import type { WorkerFlags } from "../queue/work-queue.ts";

const examples = `
Takes runs from the queue that steer run --queue and createFleet put in, for the tools that it is given, in the versions
that these have. Start as many as you need, on any machine that reaches the Postgres: it holds the queue, the store and
the log of events. A worker that dies loses nothing: another one takes its runs and asks only for what is missing.
SIGTERM takes no more runs, and lets those under way end until --deadline; what is left goes back into the queue.

Exit codes
  0 drained     2 a tool or the Postgres cannot be used     130 Ctrl-C, 143 SIGTERM, twice each

Examples
  $ steer worker --tools triage.yaml
  $ steer worker --tools tools.ts invoice.yaml --concurrency 200 --url postgres://steer@db.internal/steer`;

export function addWorkerCommand(program: Command, onExitCode: (code: number) => void): void {
  program
    .command("worker")
    .summary("work on runs of a queue in Postgres")
    .description("Work on runs of a queue in Postgres, beside other workers on any number of machines.")
    .requiredOption("--tools <files...>", "tools in JSON, YAML or TypeScript modules")
    .option("-c, --concurrency <count>", "most runs at once", wholeNumberFlag(1), 50)
    .option("--url <postgres-url>", "the Postgres; without it, what DATABASE_URL says")
    .addOption(
      new Option(
        "--limits <model=limits>",
        "limits that all workers share: openai:gpt-5-mini=500rpm,200000tpm; repeatable",
      ).argParser(limitsFlag),
    )
    .option("--deadline <duration>", "time for runs under way to end, after SIGTERM", durationFlag(), 25_000)
    .addHelpText("after", examples)
    .action(async (flags: WorkerFlags) => {
      const { workQueue } = await import("../queue/work-queue.ts");
      onExitCode(await workQueue(flags));
    });
}

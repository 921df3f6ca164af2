import { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { exitCode } from "../exit-code.ts";
import { Interrupt } from "../interrupt.ts";
import type { OutputLine } from "../output/output-line.ts";
import { createJobView } from "../progress/create-job-view.ts";
import { createTerminal } from "../progress/terminal.ts";
import { describeEnd } from "./describe-end.ts";
import { type JobFlags, runOptionsFrom } from "./job-flags.ts";
import { prepareJob } from "./prepare-job.ts";
import { runJob } from "./run-job.ts";

/**
 * A tool over inputs, followed on the terminal, with an output file that a later run goes on with.
 *
 * @returns the exit code
 * @throws CommandError for what cannot be used; what was answered by then is kept
 */
export async function runToolJob(loaded: LoadedTool, flags: JobFlags): Promise<number> {
  const job = await prepareJob(loaded, flags);
  const { tally, log } = job;
  const terminal = createTerminal(flags.json ? process.stderr : process.stdout);
  const view = createJobView(terminal, tally);
  const end = () => {
    view.end();
    if (tally.totalCount !== 1 || log) terminal.write(`${describeEnd(tally, log?.path, terminal)}\n`);
  };
  const interrupt = new Interrupt({
    onFirst: () => view.notify("Finishing what is in flight. Once more stops at once."),
    onSecond: end,
  });
  process.stdout.on("error", () => interrupt.request(exitCode.brokenPipe));
  const onLine = (line: OutputLine) => {
    log?.append(line);
    tally.settle(line);
    if (flags.json) process.stdout.write(`${JSON.stringify(line)}\n`);
    view.settle(line, tally);
  };
  try {
    const inputs = interrupt.stopping(job.inputs());
    const { concurrency } = flags;
    const orchestrator = new ReliableOrchestrator();
    await runJob({
      ...job,
      orchestrator,
      options: runOptionsFrom(flags),
      concurrency,
      inputs,
      onLine,
      onEvent: view.observe,
    });
  } finally {
    end();
    interrupt[Symbol.dispose]();
    process.stdin.destroy();
    log?.close();
  }
  return interrupt.exitCode ?? (tally.failedCount > 0 ? exitCode.someFailed : exitCode.done);
}

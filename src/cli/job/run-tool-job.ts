import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import type { LoadedTool } from "../definition/load-tool.ts";
import { exitCode } from "../exit-code.ts";
import { Interrupt } from "../interrupt.ts";
import { followJob } from "./follow-job.ts";
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
  const view = followJob(tally, log?.path, flags.json ?? false);
  const onFirst = () => view.notify("Finishing what is in flight. Once more stops at once.");
  const interrupt = new Interrupt({ onFirst, onSecond: view.end });
  process.stdout.on("error", () => interrupt.request(exitCode.brokenPipe));
  try {
    await runJob({
      ...job,
      orchestrator: new ReliableOrchestrator({ calibrations: new CalibrationStore() }),
      options: runOptionsFrom(flags),
      concurrency: flags.concurrency,
      inputs: interrupt.stopping(job.inputs()),
      onEvent: view.observe,
      onLine(line) {
        log?.append(line);
        tally.settle(line);
        view.settle(line, tally);
      },
    });
  } finally {
    view.end();
    interrupt[Symbol.dispose]();
    process.stdin.destroy();
    log?.close();
  }
  return interrupt.exitCode ?? (tally.failedCount > 0 ? exitCode.someFailed : exitCode.done);
}

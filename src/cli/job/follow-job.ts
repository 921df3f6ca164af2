import type { OutputLine } from "../output/output-line.ts";
import { createJobView } from "../progress/create-job-view.ts";
import type { JobView } from "../progress/job-view.ts";
import { createTerminal } from "../progress/terminal.ts";
import { describeEnd } from "./describe-end.ts";
import type { JobTally } from "./job-tally.ts";

/** Shows a job: its lines on standard output with `isJson`, what is for people beside them, and what it came to. */
export function followJob(tally: JobTally, outputPath: string | undefined, isJson: boolean): JobView {
  const terminal = createTerminal(isJson ? process.stderr : process.stdout);
  const view = createJobView(terminal, tally);
  return {
    observe: view.observe,
    notify: view.notify,
    settle(line: OutputLine) {
      if (isJson) process.stdout.write(`${JSON.stringify(line)}\n`);
      view.settle(line, tally);
    },
    end() {
      view.end();
      const isSaidAlready = tally.totalCount === 1 && outputPath === undefined;
      if (!isSaidAlready) terminal.write(`${describeEnd(tally, outputPath, terminal)}\n`);
    },
  };
}

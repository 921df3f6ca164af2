import type { JobTally } from "../job/job-tally.ts";
import type { JobView } from "./job-view.ts";
import { createLiveJobView } from "./live-job-view.ts";
import { createPlainJobView } from "./plain-job-view.ts";
import { createSingleRunView } from "./single-run-view.ts";
import type { Terminal } from "./terminal.ts";

/** The view that fits: all of a single run, a moving table of many on a terminal, else a line for each. */
export function createJobView(terminal: Terminal, tally: JobTally): JobView {
  if (tally.totalCount === 1) return createSingleRunView(terminal);
  return terminal.isLive ? createLiveJobView(terminal, tally) : createPlainJobView(terminal);
}

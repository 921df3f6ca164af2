import { type Clock, systemClock } from "../../core/clock.ts";
import type { JobView } from "./job-view.ts";
import { settledLine } from "./settled-line.ts";
import type { Terminal } from "./terminal.ts";

/** A line for each input that is done: for pipes and files. */
export function createPlainJobView(terminal: Terminal, clock: Clock = systemClock): JobView {
  return {
    observe() {},
    settle: (line, tally) => terminal.write(`${settledLine(line, tally, clock.now(), terminal)}\n`),
    notify: (message) => terminal.write(`${message}\n`),
    end() {},
  };
}

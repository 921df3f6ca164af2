import { type Clock, systemClock } from "../../core/clock.ts";
import type { JobView } from "./job-view.ts";
import { LiveArea } from "./live-area.ts";
import { Redraw } from "./redraw.ts";
import { replicateTable } from "./replicate-table.ts";
import { type RunState, RunStates } from "./run-state.ts";
import { settledLine } from "./settled-line.ts";
import type { Terminal } from "./terminal.ts";

/** One run in full: its replicates, votes, confidence and cost. On a terminal while they come, in a pipe at the end. */
export function createSingleRunView(terminal: Terminal, clock: Clock = systemClock): JobView {
  const area = new LiveArea(terminal);
  const states = new RunStates();
  let shown: RunState | undefined;
  const lines = () => (shown && shown.replicates.size > 0 ? replicateTable(shown, terminal) : []);
  const redraw = new Redraw(() => area.draw(lines()), clock);
  return {
    observe(event) {
      states.observe(event);
      shown = states.inFlight[0] ?? shown;
      if (terminal.isLive) redraw.request();
    },
    settle(line, tally) {
      if (lines().length === 0 || line.status === "failed" || line.status === "rejected") {
        area.print(settledLine(line, tally, clock.now(), terminal));
      }
    },
    notify: (message) => area.print(message),
    end: () => redraw.now(),
  };
}

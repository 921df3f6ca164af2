import { type Clock, systemClock } from "../../core/clock.ts";
import type { JobTally } from "../job/job-tally.ts";
import { toColumns } from "./columns.ts";
import { counted, cut, showDuration, showOnLine, showShare, showUsd } from "./format.ts";
import type { JobView } from "./job-view.ts";
import { LiveArea } from "./live-area.ts";
import { Redraw } from "./redraw.ts";
import { type RunState, RunStates } from "./run-state.ts";
import { progressOf, settledLine } from "./settled-line.ts";
import type { Terminal } from "./terminal.ts";
import { showVotes } from "./votes.ts";

const requestLength = 28;
/** The last column: a narrow terminal cuts it off sooner. */
const votesLength = 80;

/** The runs in flight as a table that moves, above it a line for each input that is done: for terminals. */
export function createLiveJobView(terminal: Terminal, tally: JobTally, clock: Clock = systemClock): JobView {
  const area = new LiveArea(terminal);
  const states = new RunStates();
  let finished: string[] = [];
  const draw = (lines: readonly string[]) => {
    area.draw(lines, finished);
    finished = [];
  };
  const redraw = new Redraw(
    () => draw([...table(states.inFlight, terminal), footer(tally, clock.now(), terminal)]),
    clock,
  );
  return {
    observe(event) {
      states.observe(event);
      redraw.request();
    },
    settle(line) {
      finished.push(settledLine(line, tally, clock.now(), terminal));
      redraw.request();
    },
    notify(message) {
      finished.push(message);
      redraw.now();
    },
    end() {
      redraw.stop();
      draw([]);
    },
  };
}

function table(runs: readonly RunState[], terminal: Terminal): string[] {
  if (runs.length === 0) return [];
  const titles = ["input", "replicates", "confidence", "cost", "votes"].map((title) => terminal.colors.dim(title));
  return toColumns([titles, ...runs.map((run) => row(run, terminal))]);
}

function row({ request, replicates, summary, costUsd }: RunState, { colors }: Terminal): string[] {
  const marks = [...replicates.values()].map((replicate) =>
    replicate === "asked" ? colors.dim("·") : replicate.valid ? colors.green("●") : colors.red("×"),
  );
  return [
    cut(showOnLine(request), requestLength),
    marks.join(""),
    summary ? showShare(summary.confidence) : "",
    showUsd(costUsd),
    summary ? showVotes(summary, votesLength) : "",
  ];
}

function footer(tally: JobTally, nowMs: number, { colors }: Terminal): string {
  const remainingMs = tally.remainingMs(nowMs);
  const facts = [
    `${progressOf(tally)} done`,
    ...(tally.failedCount > 0 ? [colors.red(`${counted(tally.failedCount, "input")} failed`)] : []),
    showUsd(tally.costUsd),
    ...(remainingMs === undefined ? [] : [`${showDuration(remainingMs)} left`]),
  ];
  return colors.bold(facts.join("  "));
}

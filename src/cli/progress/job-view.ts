import type { BundleSummary, Replicate } from "../../contract/bundle.ts";
import { jsonOf } from "../../contract/bundle-json.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import type { EvidenceSource } from "../../contract/model.ts";
import { hasEvidence } from "../../contract/output.ts";
import { addCost } from "../../contract/usage.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { JobWait } from "../../orchestrate/job/provider-health.ts";
import type { JobTally } from "../job/job-tally.ts";
import { isFailed, type OutputLine } from "../output/output-line.ts";
import {
  answersOf,
  counted,
  cut,
  showConfidence,
  showCount,
  showDuration,
  showOnLine,
  showShare,
  showUsd,
  toColumns,
} from "./format.ts";
import { LiveArea, Redraw, type Terminal } from "./terminal.ts";
import { WaitLines, waitLine } from "./waiting.ts";

/** View by which people follow a job. */
export interface JobView {
  /** Something happened in a run in flight; left out where only lines are shown, since events cost a copy each. */
  readonly observe?: ((event: OrchestrationEvent) => void) | undefined;
  /** An input got its line. */
  settle(line: OutputLine, tally: JobTally): void;
  /** The job waits for its provider; `undefined` once it goes on. */
  wait(wait: JobWait | undefined): void;
  /** Something else to know. */
  notify(message: string): void;
  /** Nothing more is to come. */
  end(): void;
}

/** The view that fits: all of a single run, a moving table of many on a terminal, else a line for each. */
export function createJobView(terminal: Terminal, tally: JobTally): JobView {
  if (tally.totalCount === 1) return createSingleRunView(terminal);
  return terminal.isLive ? createLiveJobView(terminal, tally) : createPlainJobView(terminal);
}

/** A line for each input that is done: for pipes and files. */
function createPlainJobView(terminal: Terminal, clock: Clock = systemClock): JobView {
  const waits = new WaitLines((line) => terminal.write(`${line}\n`), terminal, clock);
  return {
    wait: (wait) => waits.wait(wait),
    settle: (line, tally) => terminal.write(`${settledLine(line, tally, clock.now(), terminal)}\n`),
    notify: (message) => terminal.write(`${message}\n`),
    end() {},
  };
}

const requestLength = 28;
/** The last column: a narrow terminal cuts it off sooner. */
const votesLength = 80;

/** The runs in flight as a table that moves, above it a line for each input that is done: for terminals. */
function createLiveJobView(terminal: Terminal, tally: JobTally, clock: Clock = systemClock): JobView {
  const area = new LiveArea(terminal);
  const states = new RunStates();
  let finished: string[] = [];
  let waiting: JobWait | undefined;
  const draw = (lines: readonly string[]) => {
    area.draw(lines, finished);
    finished = [];
  };
  const redraw = new Redraw(() => {
    const nowMs = clock.now();
    const wait = waiting ? [waitLine(waiting, nowMs, terminal)] : [];
    draw([...table(states.inFlight, terminal), ...wait, footer(tally, nowMs, terminal)]);
  }, clock);
  return {
    observe(event) {
      states.observe(event);
      redraw.request();
    },
    wait(wait) {
      waiting = wait;
      redraw.now();
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
    summary ? showConfidence(summary) : "",
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

/** One run in full: its replicates, votes, confidence and cost. On a terminal while they come, in a pipe at the end. */
export function createSingleRunView(terminal: Terminal, clock: Clock = systemClock): JobView {
  const area = new LiveArea(terminal);
  const states = new RunStates();
  let shown: RunState | undefined;
  const lines = () => (shown && shown.replicates.size > 0 ? replicateTable(shown, terminal) : []);
  const redraw = new Redraw(() => area.draw(lines()), clock);
  const waits = new WaitLines((line) => area.print(line), terminal, clock);
  return {
    wait: (wait) => waits.wait(wait),
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

/** The narrowest column of answers that still says something. */
const leastAnswerLength = 20;
/** Width of the other columns. */
const otherColumns = 32;

/** The replicates of one run, how each of them voted, and what they come to. */
export function replicateTable(run: RunState, { colors, columns }: Terminal): string[] {
  const { replicates, summary } = run;
  const answerLength = Math.max(leastAnswerLength, columns - otherColumns);
  const rows = [...replicates].map(([id, replicate]) =>
    replicate === "asked"
      ? [`  ${id}`, colors.dim("asked"), ""]
      : [`  ${id}`, answerOf(replicate, answerLength, colors), replicate.valid ? votesOf(id, summary) : ""],
  );
  const table = toColumns([["  replicate", "answer", "votes"].map((title) => colors.dim(title)), ...rows]);
  if (!summary) return table;
  const consensus =
    summary.validCount === 0 ? colors.red("none") : colors.bold(cut(showOnLine(summary.consensusJson), answerLength));
  return [...table, `  ${colors.green("consensus")}  ${consensus}`, `             ${factsOf(run, summary)}`];
}

function factsOf({ replicates, source, costUsd }: RunState, summary: BundleSummary): string {
  const { stability } = summary;
  const answers = source ? `${answersOf(replicates.size, source)}, ` : "";
  return `${answers}confidence ${showConfidence(summary)}, stability ${showShare(stability)}, ${showUsd(costUsd)}`;
}

function answerOf(replicate: Replicate, length: number, colors: Terminal["colors"]): string {
  if (replicate.valid) return cut(showOnLine(jsonOf(replicate)), length);
  return colors.red(cut(`no valid answer: ${showOnLine(replicate.quality.errors[0] ?? "")}`, length));
}

/** Votes for a replicate's value in the only field, or the number of fields in which it is with the majority. */
function votesOf(id: string, summary: BundleSummary | undefined): string {
  if (!summary) return "";
  const supports = Object.keys(summary.fields).map((path) => supportOf(id, path, summary));
  if (supports.length === 1) return `${supports[0]?.support ?? 0} of ${summary.validCount}`;
  return `${supports.filter(({ isMajority }) => isMajority).length} of ${supports.length} fields with the majority`;
}

function supportOf(id: string, path: string, summary: BundleSummary): { support: number; isMajority: boolean } {
  const disagreement = summary.disagreements.find((candidate) => candidate.path === path);
  if (!disagreement) return { support: summary.validCount, isMajority: true };
  const index = disagreement.values.findIndex(({ replicateIds }) => replicateIds.includes(id));
  return { support: disagreement.values[index]?.support ?? 0, isMajority: index === 0 };
}

/** Long values are in the output; this is how much of one a line of progress shows. */
const valueLength = 120;

/** Result of one input, and progress of the job, on one line. */
function settledLine(line: OutputLine, tally: JobTally, nowMs: number, { colors }: Terminal): string {
  const remainingMs = tally.remainingMs(nowMs);
  const status = isFailed(line) ? colors.red(line.status) : colors.green(line.status);
  const facts = [
    progressOf(tally),
    `#${line.index}`,
    line.status === "partial" ? colors.yellow(line.status) : status,
    ...evidenceOf(line, colors),
    showUsd(line.costUsd),
    ...(remainingMs === undefined || remainingMs === 0 ? [] : [`${showDuration(remainingMs)} left`]),
    cut(showOnLine(resultOf(line)), valueLength),
  ];
  return facts.join("  ");
}

/** `12/1,000`, or `12` where the end of the inputs is not known. */
function progressOf({ doneCount, totalCount }: JobTally): string {
  return totalCount === undefined ? showCount(doneCount) : `${showCount(doneCount)}/${showCount(totalCount)}`;
}

function evidenceOf(line: OutputLine, colors: Terminal["colors"]): string[] {
  if (line.status === "rejected" || line.confidence === undefined || !hasEvidence(line.output)) return [];
  const { replicates, meta, summary } = line.output.content.evidenceBundle;
  const isTooLow = line.output.metadata["belowMinConfidence"] === true;
  const confidence = `confidence ${showConfidence(summary)}${isTooLow ? ", too low" : ""}`;
  return [answersOf(replicates.length, meta.source), isTooLow ? colors.yellow(confidence) : confidence];
}

function resultOf(line: OutputLine): unknown {
  if (line.status === "rejected") return line.error.message;
  if (line.output.status === "failed")
    return Object.values(line.output.errors)
      .map(({ message }) => message)
      .join("; ");
  return line.confidence === undefined ? line.output.content : line.consensus;
}

/** Votes on one line: every value of an answer that is one value, the least settled fields of others. */
function showVotes({ fields, validCount }: BundleSummary, length: number): string {
  const entries = Object.entries(fields);
  const [only] = entries;
  const parts =
    only && entries.length === 1
      ? only[1].distribution.map(({ value, support }) => `${cut(showOnLine(value), 24)} ${support}`)
      : entries
          .toSorted(([, a], [, b]) => a.support - b.support)
          .map(
            ([path, { value, support }]) =>
              `${showOnLine(path.slice(1))} ${cut(showOnLine(value), 16)} ${support}/${validCount}`,
          );
  return cut(parts.join(", "), length);
}

/** A run as far as its events have told. */
export interface RunState {
  readonly requestId: string;
  readonly request: unknown;
  readonly replicates: Map<string, Replicate | "asked">;
  summary: BundleSummary | undefined;
  /** Known once the bundle is ready. */
  source: EvidenceSource | undefined;
  costUsd: number | null;
}

/** Follows the runs that are in flight by their events. */
export class RunStates {
  readonly #states = new Map<string, RunState>();

  get inFlight(): readonly RunState[] {
    return [...this.#states.values()];
  }

  observe(event: OrchestrationEvent): void {
    const { requestId } = event;
    if (event.type === "run_started") {
      const { request } = event;
      this.#states.set(requestId, {
        requestId,
        request,
        replicates: new Map(),
        summary: undefined,
        source: undefined,
        costUsd: 0,
      });
    }
    const state = this.#states.get(requestId);
    if (!state) return;
    if (event.type === "replicate_started") state.replicates.set(event.replicateId, "asked");
    if (event.type === "replicate_done") {
      state.replicates.set(event.replicate.id, event.replicate);
      state.costUsd = addCost(state.costUsd, event.replicate.costUsd ?? null);
    }
    if (event.type === "partial_summary") state.summary = event.summary;
    if (event.type === "bundle_ready") {
      state.summary = event.evidenceBundle.summary;
      state.source = event.evidenceBundle.meta.source;
    }
    if (isTerminal(event)) this.#states.delete(requestId);
  }
}

function isTerminal({ type }: OrchestrationEvent): boolean {
  return type === "run_completed" || type === "run_failed" || type === "cancelled";
}

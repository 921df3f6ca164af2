import { hasEvidence } from "../../contract/output.ts";
import type { JobTally } from "../job/job-tally.ts";
import { isFailed, type OutputLine } from "../output/output-line.ts";
import { answersOf, cut, showCount, showDuration, showOnLine, showShare, showUsd } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** Long values are in the output; this is how much of one a line of progress shows. */
const valueLength = 120;

/** What became of one input, and how far the job is, on one line. */
export function settledLine(line: OutputLine, tally: JobTally, nowMs: number, { colors }: Terminal): string {
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
export function progressOf({ doneCount, totalCount }: JobTally): string {
  return totalCount === undefined ? showCount(doneCount) : `${showCount(doneCount)}/${showCount(totalCount)}`;
}

function evidenceOf(line: OutputLine, colors: Terminal["colors"]): string[] {
  if (line.status === "rejected" || line.confidence === undefined || !hasEvidence(line.output)) return [];
  const { replicates, meta } = line.output.content.evidenceBundle;
  const isTooLow = line.output.metadata["belowMinConfidence"] === true;
  const confidence = `confidence ${showShare(line.calibratedConfidence ?? line.confidence)}${isTooLow ? ", too low" : ""}`;
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

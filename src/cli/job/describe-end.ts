import { counted, showCount, showUsd } from "../progress/format.ts";
import type { Terminal } from "../progress/terminal.ts";
import type { JobTally } from "./job-tally.ts";

/** What a job came to, and how to go on where it is not at its end. */
export function describeEnd(tally: JobTally, outputPath: string | undefined, { colors }: Terminal): string {
  const { doneCount, failedCount, totalCount, costUsd } = tally;
  const isComplete = totalCount === undefined || doneCount >= totalCount;
  const of = totalCount === undefined ? "" : ` of ${showCount(totalCount)}`;
  const failed = failedCount === 0 ? "" : `, ${colors.red(`${showCount(failedCount)} without an answer`)}`;
  const done = `${showCount(doneCount)}${of} ${doneCount === 1 && of === "" ? "input" : "inputs"} done${failed}, ${showUsd(costUsd)}.`;
  if (outputPath === undefined) return done;
  const kept = ` ${counted(doneCount, "line")} in ${outputPath}.`;
  if (!isComplete) return `${done}${kept} The same command goes on from there.`;
  return done + kept + (failedCount > 0 ? " --retry-failed asks the failed ones again." : "");
}

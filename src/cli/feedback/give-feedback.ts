import { CalibrationStore } from "../../calibration/calibration-store.ts";
import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import { readBytes } from "../input/input.ts";
import { outputFileOf } from "../output/output-log.ts";
import { counted, cut, showOnLine } from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";
import { describeCalibration } from "../view/confidence.ts";
import { collectLabels, type JudgedLines, judgeLines, type LabelFlags } from "./judged-lines.ts";

/** Flags of `steer feedback`. */
export interface FeedbackFlags extends LabelFlags {
  /** A folder. */
  readonly calibrations: string;
}

const longestName = 80;

/**
 * Keeps labels of the answers in an output file, and says what is learnt from them.
 *
 * @throws CommandError for labels or answers that cannot be used; nothing is kept then
 */
export async function giveFeedback(given: string, flags: FeedbackFlags): Promise<void> {
  const file = outputFileOf(given);
  const labels = await collectLabels(flags);
  const lines = await judgeLines(readBytes(file), file, labels);
  const terminal = createTerminal(process.stdout);
  terminal.write(`${describeLines(lines)}\n`);
  if (lines.judged.length === 0) return;
  const learnt = await new CalibrationStore({ path: flags.calibrations }).label(lines.judged);
  for (const calibration of learnt) terminal.write(describeLearnt(calibration, terminal));
}

function describeLines({ judged, withoutAnswer }: JudgedLines): string {
  const correct = judged.filter((one) => one.correct).length;
  const kept = `${counted(judged.length, "label")}: ${correct} right, ${judged.length - correct} wrong.`;
  if (withoutAnswer.length === 0) return kept;
  return `${kept} ${counted(withoutAnswer.length, "labelled input")} without a valid answer left out.`;
}

function describeLearnt(stored: StoredCalibration, { colors }: Terminal): string {
  const name = colors.bold(cut(showOnLine(`${stored.task}, ${stored.model}`), longestName));
  return `${name}\n  ${describeCalibration(stored)}\n  ${stored.path}\n`;
}

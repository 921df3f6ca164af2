import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import type { Terminal } from "../../progress/terminal.ts";
import type { OpenedBundle } from "../open-bundle.ts";
import { showAnswers } from "./answers.ts";
import { showCalibration } from "./calibration.ts";
import { showCost } from "./cost.ts";
import { showDistances } from "./distances.ts";
import { showHeadline } from "./headline.ts";
import { showOrigin } from "./origin.ts";
import type { Paper } from "./paper.ts";
import { showVotes } from "./votes.ts";

/** Wider lines are harder to read. */
const mostColumns = 100;

/** A bundle as lines of text: what it says first, then why it says so. */
export function showBundle(
  opened: OpenedBundle,
  calibration: StoredCalibration | undefined,
  terminal: Pick<Terminal, "colors" | "columns">,
): string {
  const { bundle } = opened;
  const paper: Paper = { colors: terminal.colors, columns: Math.min(mostColumns, terminal.columns) };
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ["Votes by field", showVotes(bundle, paper)],
    ["Distance of the answers", showDistances(bundle, paper)],
    ["Answers, and the confidence after each", showAnswers(bundle, paper)],
    ["Cost against a fixed K", showCost(bundle, paper)],
    ["Calibration", calibration ? showCalibration(bundle, calibration, paper) : []],
    ["Origin", showOrigin(bundle, paper)],
  ];
  const shown = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [paper.colors.bold(title), ...lines.map((line) => `  ${line}`.trimEnd())].join("\n"));
  return `${[showHeadline(opened, paper).join("\n"), ...shown].join("\n\n")}\n`;
}

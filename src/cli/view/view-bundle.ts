import { writeFileSync } from "node:fs";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { messageOf } from "../../core/errors.ts";
import { CommandError } from "../command-error.ts";
import { createTerminal } from "../progress/terminal.ts";
import { openBundle } from "./open-bundle.ts";
import { renderPage } from "./page/render-page.ts";
import { showBundle } from "./terminal/show-bundle.ts";

/** What the command line says of a view. */
export interface ViewFlags {
  readonly line?: number;
  readonly html?: string;
  readonly calibrations: string;
}

/**
 * Shows a bundle on the terminal, or writes it as a page.
 *
 * @throws CommandError for a file without a bundle, or a page that cannot be written
 */
export async function viewBundle(file: string, { line, html, calibrations }: ViewFlags): Promise<void> {
  const opened = await openBundle(file, line);
  const calibration = await new CalibrationStore({ path: calibrations }).find(opened.bundle);
  const terminal = createTerminal(process.stdout);
  if (html === undefined) return terminal.write(showBundle(opened, calibration, terminal));
  writePage(html, renderPage(opened, calibration));
  terminal.write(`${html} shows ${opened.place}. It needs no network, and runs no script.\n`);
}

function writePage(path: string, page: string): void {
  try {
    writeFileSync(path, page);
  } catch (error) {
    throw new CommandError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

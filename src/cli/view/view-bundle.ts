import { writeFileSync } from "node:fs";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { messageOf } from "../../core/errors.ts";
import { CommandError } from "../faults.ts";
import { createTerminal } from "../progress/terminal.ts";
import { type OpenedBundle, openBundle } from "./open-bundle.ts";
import { renderPage } from "./page/page.ts";
import { showBundle } from "./terminal.ts";

/** Flags of `steer view`. */
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
  const found = await openBundle(file, line);
  const store = new CalibrationStore({ path: calibrations });
  const calibration = await store.find(found.bundle);
  const opened = withConfidence(found, await store.confidence(found.bundle));
  const terminal = createTerminal(process.stdout);
  if (html === undefined) return terminal.write(showBundle(opened, calibration, terminal));
  writePage(html, renderPage(opened, calibration));
  terminal.write(`${html} shows ${opened.place}. It needs no network, and runs no script.\n`);
}

/** Replaces the calibrated confidence of the bundle by that of today's labels. */
function withConfidence(opened: OpenedBundle, calibratedConfidence: number | undefined): OpenedBundle {
  if (calibratedConfidence === undefined) return opened;
  const { bundle } = opened;
  return { ...opened, bundle: { ...bundle, summary: { ...bundle.summary, calibratedConfidence } } };
}

function writePage(path: string, page: string): void {
  try {
    writeFileSync(path, page);
  } catch (error) {
    throw new CommandError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

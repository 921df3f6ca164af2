import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { createTerminal } from "../progress/terminal.ts";
import { type OpenedBundle, openBundle } from "./open-bundle.ts";
import { renderPage } from "./page/page.ts";
import { type PageFlags, publishPage } from "./page-file.ts";
import { showBundle } from "./terminal.ts";

/** Flags of `steer view`. */
export interface ViewFlags extends PageFlags {
  readonly line?: number;
  readonly calibrations: string;
}

/**
 * Shows a bundle on the terminal, or writes it as a page.
 *
 * @throws CommandError for a file without a bundle, or a page that cannot be written
 */
export async function viewBundle(file: string, { line, calibrations, ...page }: ViewFlags): Promise<void> {
  const found = await openBundle(file, line);
  const store = new CalibrationStore({ path: calibrations });
  const calibration = await store.find(found.bundle);
  const opened = withConfidence(found, await store.confidence(found.bundle));
  const terminal = createTerminal(process.stdout);
  if (page.html === undefined && !page.open) return terminal.write(showBundle(opened, calibration, terminal));
  await publishPage(renderPage(opened, calibration), page, { subject: opened.place, file }, terminal);
}

/** Replaces the calibrated confidence of the bundle by that of today's labels. */
function withConfidence(opened: OpenedBundle, calibratedConfidence: number | undefined): OpenedBundle {
  if (calibratedConfidence === undefined) return opened;
  const { bundle } = opened;
  return { ...opened, bundle: { ...bundle, summary: { ...bundle.summary, calibratedConfidence } } };
}

import { closeSync, lstatSync, openSync, readSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { messageOf } from "../../core/errors.ts";
import { CommandError } from "../faults.ts";
import { createTerminal } from "../progress/terminal.ts";
import { type OpenedBundle, openBundle } from "./open-bundle.ts";
import { generator, renderPage } from "./page/page.ts";
import { showBundle } from "./terminal.ts";

/** Flags of `steer view`. */
export interface ViewFlags {
  readonly line?: number;
  readonly html?: string;
  readonly force?: true;
  readonly calibrations: string;
}

/**
 * Shows a bundle on the terminal, or writes it as a page.
 *
 * @throws CommandError for a file without a bundle, or a page that cannot be written
 */
export async function viewBundle(file: string, { line, html, force, calibrations }: ViewFlags): Promise<void> {
  const found = await openBundle(file, line);
  const store = new CalibrationStore({ path: calibrations });
  const calibration = await store.find(found.bundle);
  const opened = withConfidence(found, await store.confidence(found.bundle));
  const terminal = createTerminal(process.stdout);
  if (html === undefined) return terminal.write(showBundle(opened, calibration, terminal));
  writePage(html, renderPage(opened, calibration), force ?? false);
  terminal.write(`${html} shows ${opened.place}. It needs no network, and runs no script.\n`);
}

/** Replaces the calibrated confidence of the bundle by that of today's labels. */
function withConfidence(opened: OpenedBundle, calibratedConfidence: number | undefined): OpenedBundle {
  if (calibratedConfidence === undefined) return opened;
  const { bundle } = opened;
  return { ...opened, bundle: { ...bundle, summary: { ...bundle.summary, calibratedConfidence } } };
}

/** Writes a page aside, and puts it in place in one step. A file that is not a page of ours is left alone without `force`. */
function writePage(path: string, page: string, force: boolean): void {
  if (!force && !mayReplace(path))
    throw new CommandError(`${path} was not written by steer view, and is left alone. Give --force to overwrite it.`);
  const aside = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, page, { flag: "wx", mode: 0o600 });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new CommandError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

/** True where nothing is there, and for a page of ours; a link may lead anywhere. */
function mayReplace(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return true;
  if (!found.isFile()) return false;
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(1_024);
    return head.toString("utf8", 0, readSync(file, head, 0, head.length, 0)).includes(generator);
  } finally {
    closeSync(file);
  }
}

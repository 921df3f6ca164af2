import { CalibrationStore } from "../../calibration/calibration-store.ts";
import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import { outputFileOf } from "../output/output-log.ts";
import { createTerminal } from "../progress/terminal.ts";
import { showInput } from "../report/excerpt.ts";
import { shownCalibration } from "../report/page-data.ts";
import { reportJob } from "../report/report-job.ts";
import { spendingOf } from "./expense.ts";
import { type OpenedBundle, openBundle, SeveralAnswers } from "./open-bundle.ts";
import { type PageFlags, publishPage } from "./page-file.ts";
import { detailOf, rowFacts } from "./run-row.ts";
import { plainTerminal, showBundle } from "./terminal.ts";
import { packed, renderViewer } from "./viewer-file.ts";

/** Flags of `steer view`. */
export interface ViewFlags extends PageFlags {
  readonly line?: number;
  readonly calibrations: string;
}

/**
 * Shows a bundle on the terminal, or writes it as a page; of a file with several answers, a page of all.
 *
 * @throws CommandError for a file without a bundle, or a page that cannot be written
 */
export async function viewBundle(given: string, { line, calibrations, ...page }: ViewFlags): Promise<void> {
  const file = outputFileOf(given);
  const isPage = page.html !== undefined || page.open === true;
  const found = await openBundle(file, line).catch((error) => {
    if (isPage && error instanceof SeveralAnswers) return undefined;
    throw error;
  });
  if (!found) return reportJob(file, { ...page, calibrations });
  const store = new CalibrationStore({ path: calibrations });
  const calibration = await store.find(found.bundle);
  const opened = withConfidence(found, await store.confidence(found.bundle));
  const terminal = createTerminal(process.stdout);
  if (!isPage) return terminal.write(showBundle(opened, calibration, terminal));
  await publishPage(pageOfBundle(opened, calibration), page, { subject: opened.place, file }, terminal);
}

/** Replaces the calibrated confidence of the bundle by that of today's labels. */
function withConfidence(opened: OpenedBundle, calibratedConfidence: number | undefined): OpenedBundle {
  if (calibratedConfidence === undefined) return opened;
  const { bundle } = opened;
  return { ...opened, bundle: { ...bundle, summary: { ...bundle.summary, calibratedConfidence } } };
}

/** Returns the viewer over one bundle. */
function pageOfBundle(opened: OpenedBundle, calibration: StoredCalibration | undefined): string {
  const { bundle, place, input, output } = opened;
  const { meta, summary, costTotalUsd } = bundle;
  const row = {
    id: "1",
    tool: meta.task,
    status: summary.validCount === 0 ? "failed" : "completed",
    input: input === undefined ? "" : showInput(input),
    costUsd: costTotalUsd,
    elapsedMs: meta.totalElapsedMs,
    ...rowFacts(bundle),
  } as const;
  const page = {
    title: meta.task,
    file: place,
    isCutShort: false,
    rows: [row],
    total: 1,
    calibration: calibration && shownCalibration(calibration, summary),
  };
  const details = new Map([[row.id, packed(detailOf(bundle, input, { spending: spendingOf(output) }))]]);
  return renderViewer(page, details, showBundle(opened, calibration, plainTerminal));
}

import { existsSync } from "node:fs";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { readLabels } from "../label/labels-file.ts";
import { toSafeJson } from "../progress/format.ts";
import { createTerminal } from "../progress/terminal.ts";
import { type PageFlags, publishPage } from "../view/page-file.ts";
import { type FactsLimits, JobFacts } from "./job-facts.ts";
import { renderReport } from "./page.ts";
import { readJob } from "./read-job.ts";
import { showReport } from "./terminal.ts";

/** Flags of `steer report`. */
export interface ReportFlags extends PageFlags {
  readonly minConfidence?: number;
  readonly json?: true;
  readonly calibrations: string;
}

const onTerminal = { leastSure: 10, failed: 0 };
const asData = { leastSure: 100, failed: 0 };
/** As many rows as a page opens at once. */
const onPage = { leastSure: 500, failed: 10_000 };

/**
 * Shows a whole job: on the terminal, as data, or as a page.
 *
 * @throws CommandError for a file that is no output of `steer run`, or a page that cannot be written
 */
export async function reportJob(given: string, flags: ReportFlags): Promise<void> {
  const file = journalOf(given);
  const { minConfidence, json, calibrations, ...page } = flags;
  const isPage = page.html !== undefined || page.open === true;
  const limits: FactsLimits = { ...(isPage ? onPage : json ? asData : onTerminal), minConfidence };
  const facts = new JobFacts(limits, await readLabels(file));
  const { isCutShort } = await readJob(file, (line, number) => facts.add(line, number));
  const calibration = facts.commonest && (await new CalibrationStore({ path: calibrations }).find(facts.commonest));
  const job = { file, isCutShort, report: facts.report(), failedInputs: facts.failedInputs, calibration };
  const terminal = createTerminal(process.stdout);
  if (json) terminal.write(`${toSafeJson({ file, isCutShort, ...job.report }, 2)}\n`);
  if (isPage) {
    const named = `${file.replace(/\.jsonl$/, "")}.html`;
    const messages = json ? createTerminal(process.stderr) : terminal;
    await publishPage(renderReport(job), page, { subject: file, file, named }, messages);
  } else if (!json) terminal.write(showReport(job, terminal));
}

/** Output file beside a table that `steer run` wrote. */
function journalOf(file: string): string {
  const journal = `${file}.jsonl`;
  return /\.(csv|tsv)$/i.test(file) && existsSync(journal) ? journal : file;
}

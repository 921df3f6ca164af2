import { basename } from "node:path";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import { readAccepted } from "../accept/accept-job.ts";
import { readSignals } from "../accept/signals-file.ts";
import type { LabelLine } from "../label/labels.ts";
import { readLabels } from "../label/labels-file.ts";
import { bundleIn } from "../output/output-line.ts";
import { outputFileOf } from "../output/output-log.ts";
import { toSafeJson } from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";
import { type PageFlags, publishPage } from "../view/page-file.ts";
import { plainTerminal } from "../view/terminal.ts";
import { renderViewer } from "../view/viewer-file.ts";
import { type FactsLimits, JobFacts } from "./job-facts.ts";
import { PageData } from "./page-data.ts";
import { readJob } from "./read-job.ts";
import { mostNamed, showReport, showShortReport } from "./terminal.ts";

/** Flags of `steer report`. */
export interface ReportFlags extends PageFlags {
  readonly minConfidence?: number;
  readonly json?: true;
  readonly calibrations: string;
}

const onTerminal = { leastSure: 10 };
const asData = { leastSure: 100 };
/** A page holds rows of its own. */
const onPage = { leastSure: 10 };

/**
 * Shows a whole job: on the terminal, as data, or as a page.
 *
 * @throws CommandError for a file that is no output of `steer run`, or a page that cannot be written
 */
export async function reportJob(given: string, flags: ReportFlags): Promise<void> {
  const file = outputFileOf(given);
  const { minConfidence, json, calibrations, ...page } = flags;
  const isPage = page.html !== undefined || page.open === true;
  const limits: FactsLimits = { ...(isPage ? onPage : json ? asData : onTerminal), minConfidence };
  const store = new CalibrationStore({ path: calibrations });
  const labels = await readLabels(file);
  const data = isPage ? new PageData() : undefined;
  const { facts, isCutShort } = await takeIn(file, limits, store, labels, data);
  const calibration = facts.commonest && (await store.find(facts.commonest));
  const acceptance = await readAccepted(file, limits.leastSure);
  const job = { file, isCutShort, report: facts.report(), calibration, acceptance };
  const terminal = createTerminal(process.stdout);
  if (json) terminal.write(`${toSafeJson({ file, isCutShort, ...job.report, acceptance }, 2)}\n`);
  if (data) {
    const named = `${file.replace(/\.jsonl$/, "")}.html`;
    const messages = json ? createTerminal(process.stderr) : terminal;
    const rendered = renderViewer(await data.pageOf(job, labels), data.details, showReport(job, plainTerminal));
    await publishPage(rendered, page, { subject: file, file, named }, messages);
  } else if (!json) terminal.write(showReport(job, terminal));
}

/** Reads an output file twice: each answer is judged by those of the whole job. */
async function takeIn(
  file: string,
  limits: FactsLimits,
  store: CalibrationStore,
  labels: ReadonlyMap<string, LabelLine>,
  data?: PageData,
) {
  const facts = new JobFacts(limits, labels);
  for (const signal of await readSignals(file)) facts.addSignal(signal);
  const whole = await store.wholeJob();
  await readJob(file, (line) => {
    const bundle = bundleIn(line);
    if (bundle) whole.observe(bundle);
  });
  const { isCutShort } = await readJob(file, async (line, number) => {
    const bundle = bundleIn(line);
    if (bundle) await whole.judge(bundle);
    facts.add(line, number);
    data?.add(line, bundle, number);
  });
  return { facts, isCutShort };
}

/** Tells a job in a few lines, as `steer run` ends it. */
export async function describeShortly(
  file: string,
  minConfidence: number | undefined,
  terminal: Terminal,
): Promise<string[]> {
  const limits = { leastSure: mostNamed, minConfidence };
  const { facts } = await takeIn(file, limits, new CalibrationStore(), await readLabels(file));
  return showShortReport(facts.report(), basename(file), terminal);
}

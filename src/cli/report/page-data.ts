import type { AcceptableAnswer } from "../../calibration/job-acceptance.ts";
import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import type { BundleSummary, EvidenceBundle, FieldSummary } from "../../contract/bundle.ts";
import type { AskedPrecision, Look } from "../accept/acceptance.ts";
import { readAcceptance } from "../accept/acceptance-file.ts";
import { readSignals, withSignals } from "../accept/signals-file.ts";
import { type Answer, toAnswer } from "../label/answer.ts";
import type { LabelLine } from "../label/labels.ts";
import type { OutputLine } from "../output/output-line.ts";
import { isFailed } from "../output/output-line.ts";
import { showOnLine } from "../progress/format.ts";
import { calibrationCurve, describeCalibration } from "../view/confidence.ts";
import { type Spending, spendingOf } from "../view/expense.ts";
import { detailOf, rowOf } from "../view/run-row.ts";
import type { ReviewData, RunRow, ShownCalibration, ViewerPage } from "../view/viewer-data.ts";
import { packed } from "../view/viewer-file.ts";
import { Largest } from "./tallies.ts";
import type { ReportedJob } from "./terminal.ts";

/** A job that was run without `--right` is shown as this one would accept it: the defaults of the flag. */
const shownPrecision: AskedPrecision = { precision: 0.95, confidence: 0.9 };

const mostRows = 10_000;
const mostDetails = 1_000;
/** Characters of all details together, and of one. */
const mostCharacters = 4_000_000;
const longestDetail = 400_000;

/**
 * Job: take in the lines of a job one by one, and keep what a page can hold of them.
 * Boundary: knows lines; reads and shows nothing.
 * Invariants:
 * 1. Of more rows than a page holds, the failed and then the least sure ones are kept; memory does not grow with the job.
 * 2. Answers are judged in a page only where it holds all of them: a draw of a part certifies nothing of the whole.
 */
export class PageData {
  readonly #rows = new Largest<RunRow>(mostRows);
  readonly #details = new Largest<{ readonly id: string; readonly part: string }>(mostDetails);
  readonly #answers: Answer[] = [];
  #total = 0;
  #withoutAnswer = 0;

  add(line: OutputLine, bundle: EvidenceBundle | undefined, place: number): void {
    this.#total++;
    const rank = isFailed(line) ? 1 : -(bundle?.summary.confidence ?? 1);
    this.#rows.add(rank, () => rowOf(line, bundle, place));
    this.#details.add(rank, () => ({
      id: String(place),
      part: packed(detailOf(bundle, line.input, { line, spending: spendingIn(line) })),
    }));
    if (!bundle || bundle.summary.validCount === 0) this.#withoutAnswer++;
    else if (this.#answers.length <= mostRows) this.#answers.push(stripped(toAnswer(line, bundle, idOf(line), place)));
  }

  /** Details that a page holds, by id. */
  get details(): ReadonlyMap<string, string> {
    const held = new Map<string, string>();
    let characters = 0;
    for (const { id, part } of this.#details.items) {
      if (part.length > longestDetail || characters + part.length > mostCharacters) continue;
      characters += part.length;
      held.set(id, part);
    }
    return held;
  }

  /** @param labels verdicts on answers, as `readLabels` gives them */
  async pageOf(job: ReportedJob, labels: ReadonlyMap<string, LabelLine>): Promise<ViewerPage> {
    const { file, isCutShort, report, calibration, acceptance } = job;
    return {
      title: showOnLine(report.questions[0]?.task ?? file),
      file: showOnLine(file),
      isCutShort,
      report: { ...report, leastSure: [] },
      accepted: acceptance?.sentences,
      rows: this.#rows.items.toSorted((a, b) => Number(a.id) - Number(b.id)),
      total: this.#total,
      calibration: calibration && shownCalibration(calibration),
      review: await this.#review(file, labels),
    };
  }

  async #review(file: string, labels: ReadonlyMap<string, LabelLine>): Promise<ReviewData | undefined> {
    const answers = this.#answers;
    if (answers.length === 0 || answers.length > mostRows) return undefined;
    const kept = readAcceptance(file);
    const looks: readonly Look[] = kept?.looks ?? [];
    const signals: readonly AcceptableAnswer[] = withSignals(answers, await readSignals(file));
    return {
      answers,
      signals: signals.map((each) => each.signals),
      labels: [...labels.values()],
      withoutAnswer: this.#withoutAnswer,
      asked: kept ? { precision: kept.precision, confidence: kept.confidence } : shownPrecision,
      isAsked: kept !== undefined,
      looks,
    };
  }
}

/** Returns a calibration as a page shows it. */
export function shownCalibration(stored: StoredCalibration, summary?: BundleSummary): ShownCalibration {
  return { ...calibrationCurve(stored, summary), sentence: describeCalibration(stored) };
}

function spendingIn(line: OutputLine): Spending | undefined {
  return "output" in line ? spendingOf(line.output) : undefined;
}

function idOf({ input, index }: OutputLine): string {
  const { id } = (input ?? {}) as { id?: unknown };
  return String(typeof id === "string" || typeof id === "number" ? id : index);
}

/** Leaves out what no calibration reads: values, but for those that show that a field is yes or no. */
function stripped(answer: Answer): Answer {
  const fields = Object.entries(answer.votes.fields).map(([path, field]): [string, FieldSummary] => {
    const { support, likeness, distribution, choices, weight, logprob } = field;
    const values = distribution.map(({ value, support }) => {
      const isShort = typeof value === "boolean" || (typeof value === "string" && value.length <= 8);
      return { value: isShort ? value : 0, support };
    });
    const votes = { support, likeness, distribution: values, choices, weight, logprob };
    return [path, JSON.parse(JSON.stringify(votes)) as FieldSummary];
  });
  return { ...answer, votes: { ...answer.votes, fields: Object.fromEntries(fields) } };
}

import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import type { ReportedAcceptance } from "../accept/accept-job.ts";
import { bar, counted, cut, showCount, showOnLine, showShare, toColumns } from "../progress/format.ts";
import type { Terminal } from "../progress/terminal.ts";
import type { FieldVotes } from "../view/facts.ts";
import { type Paper, paperOf, showCalibration, showCost, showSections, showVote, wrap } from "../view/terminal.ts";
import type { FailureKind } from "./failure-tally.ts";
import type { JobReport, UnsureInput } from "./job-facts.ts";
import {
  cutShort,
  describeBelow,
  describeConfidence,
  describeContested,
  describeCost,
  describeInputs,
  describeJudged,
  describeMessage,
  describeModels,
  describeReuse,
  describeRivals,
  describeSaved,
  describeSignalCost,
  describeSingle,
  describeTime,
  fixedKNamesOf,
  hasFields,
  nameOfField,
  partOf,
  titles,
} from "./words.ts";

/** A job that was read, and what is known of it beside. */
export interface ReportedJob {
  readonly file: string;
  /** True where the last line is not complete. */
  readonly isCutShort: boolean;
  readonly report: JobReport;
  /** Labels of the same task, model and schema. */
  readonly calibration: StoredCalibration | undefined;
  /** Present for a job that was run with `--right`. */
  readonly acceptance: ReportedAcceptance | undefined;
}

/** A whole job as lines of text. */
export function showReport(job: ReportedJob, terminal: Pick<Terminal, "colors" | "columns">): string {
  const paper = paperOf(terminal);
  const { report, calibration, file, acceptance } = job;
  const sections = showSections(
    [
      ["Accepted", acceptance ? acceptance.sentences.flatMap((line) => wrap(line, paper.columns - 2)) : []],
      ["To review, what a label buys first", acceptance ? toReview(acceptance, paper) : []],
      [titles.sure, histogram(report, paper)],
      ["Least sure", leastSure(report.leastSure, file, paper)],
      [titles.contested, hasFields(report) ? contestedFields(report, paper) : []],
      [titles.failures, failures(report.failures, paper)],
      ["Cost and time", costAndTime(report, paper)],
      [
        "Labels",
        [...lines(describeJudged(report.confidence)), ...(calibration ? showCalibration(calibration, paper) : [])],
      ],
    ],
    paper,
  );
  return `${[headline(job, paper).join("\n"), ...sections].join("\n\n")}\n`;
}

function headline({ file, isCutShort, report }: ReportedJob, { colors, columns }: Paper): string[] {
  const questions = report.questions.map(({ task, model, source, count }) => {
    const origin = source === "live" || model === source ? "" : ` (${source})`;
    const part = report.questions.length > 1 ? `, ${counted(count, "input")}` : "";
    return `${colors.bold(cut(showOnLine(task), 40))}  ${colors.dim(`${cut(showOnLine(model), columns)}${origin}${part}`)}`;
  });
  const facts = [
    describeInputs(report.inputs),
    ...(isCutShort ? [cutShort] : []),
    ...lines(
      describeConfidence(report.confidence),
      describeBelow(report.confidence),
      describeSingle(report.confidence),
      describeModels(report.models),
      hasFields(report) ? undefined : describeContested(report.contested.fields),
    ),
  ];
  return [
    colors.dim(cut(showOnLine(file), columns)),
    ...questions,
    "",
    ...facts.flatMap((fact) => wrap(fact, columns)),
  ];
}

function lines(...texts: readonly (string | undefined)[]): string[] {
  return texts.filter((text) => text !== undefined);
}

const histogramColumns = 40;

/** Steps of a tenth, from the first to the last that holds an input. */
function histogram({ confidence }: JobReport, { colors }: Paper): string[] {
  const tenths = Array.from({ length: 10 }, (_, tenth) => {
    const [low, high] = [confidence.histogram[tenth * 2], confidence.histogram[tenth * 2 + 1]];
    return { from: tenth / 10, to: (tenth + 1) / 10, count: (low?.count ?? 0) + (high?.count ?? 0) };
  });
  const most = Math.max(...tenths.map(({ count }) => count));
  const first = tenths.findIndex(({ count }) => count > 0);
  const last = tenths.findLastIndex(({ count }) => count > 0);
  if (first === -1) return [];
  return toColumns(
    tenths.slice(first, last + 1).map(({ from, to, count }) => {
      const isLow = confidence.minConfidence !== null && to <= confidence.minConfidence;
      const color = isLow ? colors.yellow : colors.green;
      const range = `${from.toFixed(1)} to ${to.toFixed(1)}`;
      return [range, color(bar(count / most, histogramColumns).padEnd(histogramColumns)), showCount(count)];
    }),
  );
}

function leastSure(inputs: readonly UnsureInput[], file: string, { colors, columns }: Paper): string[] {
  const [first] = inputs;
  if (!first) return [];
  const rows = inputs.flatMap(({ line, confidence, input, votes, consensus }) => {
    const place = `line ${line}`;
    const said = votes.length === 0 ? `all agree: ${consensus}` : votes.map(showVotesOf).join(" · ");
    return [
      [place, showShare(confidence), cut(input, columns - place.length - 10)],
      ["", "", colors.dim(cut(said, columns - place.length - 10))],
    ];
  });
  return [...toColumns(rows), colors.dim(`All of one: steer view ${showOnLine(file)} --line ${first.line}`)];
}

function toReview({ toReview, review }: ReportedAcceptance, { colors, columns }: Paper): string[] {
  const rows = toReview.flatMap(({ line, score, input, consensus }) => {
    const place = `line ${line}`;
    const room = columns - place.length - 10;
    return [
      [place, showShare(score), cut(input, room)],
      ["", "", colors.dim(cut(consensus, room))],
    ];
  });
  const left = review - toReview.length;
  return [...toColumns(rows), ...(left > 0 ? [colors.dim(`… and ${showCount(left)} more`)] : [])];
}

const longestValue = 24;
const longestName = 30;

/** `/severity low 3, high 2`; of an answer without fields, its values alone. */
export function showVotesOf({ path, votes }: Pick<FieldVotes, "path" | "votes">): string {
  const isScattered = votes.every(({ support }) => support === 1);
  const values = votes.map((vote) => cut(showVote(vote), longestValue) + (isScattered ? "" : ` ${vote.support}`));
  const said = `${isScattered ? "all differ: " : ""}${values.join(", ")}`;
  return path === "" ? said : `${showOnLine(path)} ${said}`;
}

const shareColumns = 12;
const mostFields = 10;
/** Columns of the table beside the names of fields and what stood against each other. */
const otherColumns = shareColumns + 40;

function contestedFields({ contested }: JobReport, { colors, columns }: Paper): string[] {
  const { fields, moreCount } = contested;
  const shown = fields.slice(0, mostFields);
  const left = moreCount + fields.length - shown.length;
  if (shown.length === 0) return [];
  const names = shown.map((field) => cut(showOnLine(nameOfField(field)), longestName));
  const rivalColumns = Math.max(10, columns - otherColumns - Math.max(...names.map((name) => name.length)));
  const rows = shown.map((field, index) => [
    names[index] as string,
    colors.yellow(bar(field.contested / field.inputs, shareColumns).padEnd(shareColumns)),
    partOf(field.contested, field.inputs),
    showShare(field.meanConfidence),
    colors.dim(cut(describeRivals(field), rivalColumns)),
  ]);
  const titles = ["field", "", "differs in", "confidence", "most often"].map(colors.dim);
  return [...toColumns([titles, ...rows]), ...(left > 0 ? [colors.dim(`… and ${counted(left, "more field")}`)] : [])];
}

function failures(kinds: readonly FailureKind[], { colors, columns }: Paper): string[] {
  return kinds.flatMap(({ category, count, advice, messages }) => [
    `${colors.red(showCount(count))} ${cut(showOnLine(category), longestName)}`,
    ...wrap(advice, columns - 6).map((line) => `  ${line}`),
    ...messages.map((message) => colors.dim(`  ${describeMessage(message, columns - 6)}`)),
  ]);
}

function costAndTime({ cost, time }: JobReport, paper: Paper): string[] {
  const { invalidAnswers } = cost;
  const invalid = invalidAnswers > 0 ? ` ${counted(invalidAnswers, "answer")} not valid.` : "";
  return [
    ...(cost.fixed.answers > 0 ? showCost(cost, fixedKNamesOf(cost), paper) : []),
    `${describeCost(cost)} in all.${invalid}`,
    ...lines(describeSignalCost(cost)),
    ...lines(describeReuse(cost)),
    ...lines(describeTime(time)),
  ];
}

/** Most of each kind that the end of a job names. */
export const mostNamed = 3;

/** The end of a job in a few lines; none where there is nothing to tell. */
export function showShortReport(
  report: JobReport,
  file: string,
  terminal: Pick<Terminal, "colors" | "columns">,
): string[] {
  const { confidence, contested, failures, cost } = report;
  const unsure = report.leastSure
    .slice(0, mostNamed)
    .map(({ line, confidence }) => `line ${line} (${showShare(confidence)})`);
  const kinds = failures.map(({ category, count }) => `${showCount(count)} ${cut(showOnLine(category), longestName)}`);
  return lines(
    describeConfidence(confidence),
    describeBelow(confidence),
    describeSingle(confidence),
    unsure.length > 0 ? `Least sure in ${showOnLine(file)}: ${unsure.join(", ")}.` : undefined,
    describeContested(contested.fields.slice(0, mostNamed)),
    kinds.length > 0 ? `${titles.failures}: ${kinds.join(", ")}.` : undefined,
    describeSaved(cost),
    describeReuse(cost),
  ).flatMap((line) => wrap(line, paperOf(terminal).columns));
}

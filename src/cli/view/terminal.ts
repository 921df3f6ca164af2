import pc from "picocolors";
import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import type { EvidenceBundle, Replicate } from "../../contract/bundle.ts";
import {
  answersOf,
  bar,
  counted,
  cut,
  hasConfidence,
  noConfidence,
  percent,
  showConfidence,
  showCount,
  showLines,
  showOnLine,
  showShare,
  showUsd,
  toColumns,
} from "../progress/format.ts";
import type { Terminal } from "../progress/terminal.ts";
import {
  binWidth,
  calibrationCurve,
  confidenceTrace,
  describeCalibration,
  isGuess,
  isWithoutLabels,
} from "./confidence.ts";
import { distanceMap } from "./distance-map.ts";
import { type Expense, type FixedKCost, type FixedKNames, fixedKCost, fixedKNames } from "./expense.ts";
import {
  type Deviation,
  deviations,
  type FieldVotes,
  fieldVotes,
  modelsOf,
  modelVotes,
  showElapsed,
  type Vote,
  votersOf,
} from "./facts.ts";
import type { OpenedBundle } from "./open-bundle.ts";

const mostRows = 40;
const answerBarColumns = 16;
/** Ids are "r1" and the like; a file may hold anything. */
const mostIdColumns = 12;

/** The answers in their order, and how far the consensus could be trusted after each. */
function showAnswers(bundle: EvidenceBundle, { colors, columns }: Paper): string[] {
  const { points, isExact } = confidenceTrace(bundle, mostRows);
  const deviationsOf = deviations(bundle.summary);
  const rows = points.map(({ replicate, confidence }) => [
    cut(showOnLine(replicate.id), mostIdColumns),
    colors.green(bar(confidence ?? 0, answerBarColumns).padEnd(answerBarColumns)),
    confidence === undefined ? noConfidence : showShare(confidence),
    answerOf(replicate, deviationsOf(replicate), Math.max(12, columns - answerBarColumns - 20), colors),
  ]);
  const total = points.at(-1)?.count ?? 0;
  return [
    ...toColumns(rows),
    ...(total > points.length ? [colors.dim(`${points.length} of ${counted(total, "answer")}.`)] : []),
    ...(isExact ? [] : [colors.dim("By votes: the bundle does not tell how it compared its answers.")]),
  ];
}

function answerOf(
  replicate: Replicate,
  deviations: readonly Deviation[] | undefined,
  columns: number,
  colors: Paper["colors"],
): string {
  if (!replicate.valid) return colors.red(cut(`invalid: ${showOnLine(replicate.quality.errors[0] ?? "")}`, columns));
  if (!deviations) return cut(showOnLine(replicate.data), columns);
  if (deviations.length === 0) return colors.dim("as the consensus");
  return cut(deviations.map(({ path, vote }) => `${showOnLine(path)} ${showVote(vote)}`).join(", "), columns);
}

const calibrationBarColumns = 20;

/** Share of right answers among bundles of this confidence, and the calibrated confidence of this one. */
export function showCalibration(stored: StoredCalibration, { colors }: Paper): string[] {
  const { bins } = calibrationCurve(stored);
  const rows = bins.map(({ from, count, meanConfidence, rightShare }) => [
    `${showShare(from)} to ${showShare(from + binWidth)}`,
    showCount(count),
    showShare(meanConfidence),
    `${showShare(rightShare)}  ${colors.green(bar(rightShare, calibrationBarColumns))}`,
  ]);
  return [
    ...toColumns([["confidence", "labels", "mean", "right"].map(colors.dim), ...rows]),
    colors.dim(describeCalibration(stored)),
  ];
}

const costBarColumns = 20;

/** Answers asked, beside those that always asking K times would have taken. */
export function showCost(
  { actual, fixed, saved }: FixedKCost,
  { fixedName, estimate }: FixedKNames,
  { colors }: Paper,
): string[] {
  const most = Math.max(actual.answers, fixed.answers);
  const row = (name: string, expense: Expense, color: (text: string) => string) => [
    name,
    color(bar(expense.answers / most, costBarColumns).padEnd(costBarColumns)),
    counted(expense.answers, "answer"),
    expense.tokens === undefined ? "" : `${showCount(expense.tokens)} tokens`,
    showUsd(expense.costUsd),
  ];
  return [
    ...toColumns([row("asked", actual, colors.green), row(fixedName, fixed, colors.dim)]),
    ...(saved.answers > 0
      ? [colors.dim(`${percent(saved.answers / fixed.answers)} fewer answers. ${estimate}`)]
      : fixed.answers > actual.answers
        ? [colors.dim(estimate)]
        : []),
  ];
}

const mostEntries = 30;
/** From equal to different. */
const shades = ["·", "░", "▒", "▓", "█"];

/** A square for every two answers; those that voted alike stand together. */
function showDistances(bundle: EvidenceBundle, { colors, columns }: Paper): string[] {
  if (bundle.summary.validCount < 2) return [];
  if (bundle.summary.disagreements.length === 0) return ["All answers are equal."];
  const { entries, cells, perEntry } = distanceMap(bundle, Math.min(mostEntries, Math.floor((columns - 14) / 2)));
  const labels = entries.map(({ ids }) => (perEntry === 1 ? cut(showOnLine(ids[0] ?? ""), mostIdColumns) : ""));
  const labelColumns = Math.max(...labels.map(({ length }) => length));
  const rows = entries.map(({ isValid }, row) => {
    const label = (labels[row] ?? "").padEnd(labelColumns);
    return `${isValid ? label : colors.red(label)}  ${(cells[row] ?? []).map((distance) => cell(distance, colors)).join("")}`;
  });
  const each = perEntry > 1 ? `, each square the mean of ${counted(perEntry, "answer")} by ${perEntry}` : "";
  return [...rows, colors.dim(`${" ".repeat(labelColumns)}  0 ${shades.join(" ")} 1${each}`)];
}

function cell(distance: number | null, colors: Paper["colors"]): string {
  if (distance === null) return colors.dim("  ");
  const shade = shades[Math.ceil(distance * (shades.length - 1))] as string;
  if (distance === 0) return colors.dim(`${shade} `);
  return distance > 0.5 ? colors.red(shade.repeat(2)) : colors.yellow(shade.repeat(2));
}

/** More lines of a consensus than this are in the file. */
const mostLines = 24;

/** The question, the consensus, and the confidence in it. */
function showHeadline({ bundle, input }: OpenedBundle, { colors, columns }: Paper): string[] {
  const task = cut(showOnLine(bundle.meta.task), Math.floor(columns / 2));
  const model = cut(showOnLine(modelsOf(bundle)), columns - task.length - 2);
  return [
    `${colors.bold(task)}  ${colors.dim(model)}`,
    ...(input === undefined ? [] : [colors.dim(cut(showOnLine(input), columns))]),
    "",
    ...consensusLines(bundle, { colors, columns }),
    "",
    ...bundleFacts(bundle).flatMap((facts) => wrap(facts.join("   "), columns)),
  ];
}

export function consensusLines({ summary }: EvidenceBundle, { colors, columns }: Paper): string[] {
  if (summary.validCount === 0) return [colors.red("No valid answer")];
  const { consensus } = summary;
  const text = typeof consensus === "string" ? consensus : JSON.stringify(consensus, null, 2);
  const lines = showLines(text)
    .split("\n")
    .map((line) => cut(line, columns));
  const left = lines.length - mostLines;
  const shown = left > 1 ? [...lines.slice(0, mostLines), `… and ${counted(left, "more line")}`] : lines;
  const medoid =
    summary.medoidId === undefined
      ? []
      : [colors.dim(`as ${cut(showOnLine(summary.medoidId), mostIdColumns)} gave it`)];
  return [...shown.map((line) => colors.green(line)), ...medoid];
}

/** Confidence of the consensus, and its cost. */
function bundleFacts({ summary, meta, replicates, costTotalUsd }: EvidenceBundle): readonly (readonly string[])[] {
  const { weakest, stability, invalidCount, validCount, fields } = summary;
  const asked = `${answersOf(replicates.length, meta.source)} of up to ${showCount(meta.k)}`;
  return [
    [
      `confidence ${showConfidence(summary)}${isGuess(summary) ? " (a guess)" : ""}`,
      ...(isWithoutLabels(summary) ? [`without labels ${showShare(summary.confidence)}`] : []),
      ...(Object.keys(fields).length > 1 && hasConfidence(summary) ? [`weakest field ${showShare(weakest)}`] : []),
      // It speaks of the answers that are left: once K is used up, there are none.
      ...(validCount > 1 && replicates.length < meta.k ? [`stability ${showShare(stability)}`] : []),
    ],
    [asked, ...(invalidCount > 0 ? [`${showCount(invalidCount)} invalid`] : []), showUsd(costTotalUsd)],
  ];
}

const sources = {
  live: "a model, asked now",
  recorded: "recorded answers of a model, replayed",
  simulated: "a simulation: the answers say nothing about the world",
} as const;

/** Width of the name of one fact. */
const mostCharacters = 400;

/** Source of the answers, and the reason why there are no more. */
function showOrigin({ meta, replicates }: EvidenceBundle, { colors, columns }: Paper): string[] {
  const escalations = (meta.escalations ?? []).map(
    ({ from, replicateIds, confidence }) =>
      `from ${from} after ${replicateIds.join(" ")} (confidence ${showShare(confidence)})`,
  );
  const warnings = new Set(replicates.flatMap(({ quality }) => quality.warnings ?? []));
  const facts: readonly (readonly [string, string])[] = [
    ["source", `${meta.source}: ${sources[meta.source]}`],
    ["stopped", meta.earlyStopReason ?? `all ${meta.k} answers were asked for`],
    ...escalations.map((escalation) => ["escalated", escalation] as const),
    ...(meta.schemaUri === undefined ? [] : [["schema", meta.schemaUri] as const]),
    ["seeds", meta.seeds.join(" ")],
    ["time", showElapsed(meta.totalElapsedMs)],
    ...[...warnings].map((warning) => ["warning", warning] as const),
  ];
  return toColumns(
    facts.flatMap(([name, value]) =>
      wrap(cut(showOnLine(value), mostCharacters), columns - 14).map((line, index) => [
        index === 0 ? colors.dim(name) : "",
        line,
      ]),
    ),
  );
}

/** Terminal to write on: its colours and columns. */
export interface Paper {
  readonly colors: Terminal["colors"];
  readonly columns: number;
}

/** Wider lines are harder to read. */
const mostColumns = 100;

/** Paper of a page for readers without scripts. */
export const plainTerminal: Pick<Terminal, "colors" | "columns"> = { colors: pc.createColors(false), columns: 100 };

/** The part of a terminal that is written on. */
export function paperOf({ colors, columns }: Pick<Terminal, "colors" | "columns">): Paper {
  return { colors, columns: Math.min(mostColumns, columns) };
}

/** Sections under their titles; those without a line are left out. */
export function showSections(
  sections: readonly (readonly [title: string, lines: readonly string[]])[],
  { colors }: Paper,
): string[] {
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [colors.bold(title), ...lines.map((line) => `  ${line}`.trimEnd())].join("\n"));
}

/** A bundle as lines of text: what it says first, then why it says so. */
export function showBundle(
  opened: OpenedBundle,
  calibration: StoredCalibration | undefined,
  terminal: Pick<Terminal, "colors" | "columns">,
): string {
  const { bundle } = opened;
  const paper = paperOf(terminal);
  const cost = fixedKCost(bundle);
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ["Votes by field", showVotes(bundle, paper)],
    ["Distance of the answers", showDistances(bundle, paper)],
    ["Answers, and the confidence after each", showAnswers(bundle, paper)],
    ["Cost against a fixed K", cost ? showCost(cost, fixedKNames(cost), paper) : []],
    ["Calibration", calibration ? showCalibration(calibration, paper) : []],
    ["Origin", showOrigin(bundle, paper)],
  ];
  return `${[showHeadline(opened, paper).join("\n"), ...showSections(sections, paper)].join("\n\n")}\n`;
}

/** A value on a line; a field that is not there has none. */
export function showVote(vote: Vote): string {
  return "value" in vote ? showOnLine(vote.value) : "(absent)";
}

const mostFields = 30;
const mostValues = 8;
const voteBarColumns = 20;
const idsColumns = 24;
/** More would not fit there. */
const mostIds = 12;
/** Column of confidence and stability. */
const factsColumns = 34;

/** A bar for each value of each field, the most contested field first, and who said what. */
function showVotes({ summary }: EvidenceBundle, paper: Paper): string[] {
  const all = fieldVotes(summary);
  const [contested, agreed] = [all.filter(isContested), all.filter((field) => !isContested(field))];
  const shownContested = contested.slice(0, mostFields);
  const shownAgreed = agreed.slice(0, mostFields - shownContested.length);
  const left = all.length - shownContested.length - shownAgreed.length;
  return [
    ...shownContested.flatMap((field) => contestedLines(field, paper)),
    ...agreedLines(shownAgreed, paper),
    ...(left > 0 ? [paper.colors.dim(`… and ${counted(left, "more field")}`)] : []),
  ];
}

function isContested({ votes }: FieldVotes): boolean {
  return votes.length > 1;
}

function contestedLines(field: FieldVotes, { colors, columns }: Paper): string[] {
  const total = field.votes.reduce((sum, { support }) => sum + support, 0);
  const rows = field.votes.slice(0, mostValues).map((vote, index) => {
    const color = index === 0 ? colors.green : colors.yellow;
    const valueColumns = Math.max(10, columns - voteBarColumns - idsColumns - 13);
    return [
      color(bar(vote.support / total, voteBarColumns).padEnd(voteBarColumns)),
      String(vote.support).padStart(3),
      cut(showVote(vote), valueColumns),
      colors.dim(cut(votersOf(vote, mostIds), idsColumns)),
    ];
  });
  const left = field.votes.length - rows.length;
  const facts = [fieldFacts(field), ...(field.tied ? ["tied"] : [])].filter(Boolean).join("   ");
  return [
    `${cut(nameOf(field), Math.max(10, columns - factsColumns - 12))}   ${colors.dim(facts)}`,
    ...toColumns(rows).map((line) => `  ${line}`),
    ...(left > 0 ? [colors.dim(`  … and ${counted(left, "more value")}`)] : []),
  ];
}

function agreedLines(fields: readonly FieldVotes[], { colors, columns }: Paper): string[] {
  const half = Math.max(10, Math.floor((columns - factsColumns - 6) / 2));
  return toColumns(
    fields.map((field) => {
      const [winner] = field.votes as [Vote];
      const models = winner.models ? ` (${modelVotes(winner.models)})` : "";
      const value = `all ${winner.support}: ${showVote(winner)}${models}`;
      return [cut(nameOf(field), half), cut(value, half), colors.dim(fieldFacts(field))];
    }),
  );
}

/** The whole answer has no path. */
function nameOf({ path }: FieldVotes): string {
  return path === "" ? "the answer" : showOnLine(path);
}

function fieldFacts({ confidence, stability }: FieldVotes): string {
  if (stability === undefined) return "";
  const shown = confidence === undefined ? noConfidence : showShare(confidence);
  return `confidence ${shown}   stability ${showShare(stability)}`;
}

/** A text as lines of at most so many characters, broken between words where that is possible. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const end = space > 0 ? space : columns;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

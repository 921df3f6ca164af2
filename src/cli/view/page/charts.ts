import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import type { BundleSummary, EvidenceBundle } from "../../../contract/bundle.ts";
import { describeCalibration } from "../../feedback/give-feedback.ts";
import {
  counted,
  cut,
  noConfidence,
  percent,
  showCount,
  showOnLine,
  showShare,
  showUsd,
} from "../../progress/format.ts";
import {
  calibrationCurve,
  confidenceTrace,
  type DistanceMap,
  distanceMap,
  type Expense,
  type FieldVotes,
  type FixedKCost,
  type FixedKNames,
  fieldVotes,
  type LearntConfidence,
  type MapEntry,
  modelVotes,
  type TracePoint,
  type Vote,
  votersOf,
} from "../facts.ts";
import {
  bottomAxis,
  chart,
  countTicks,
  type Frame,
  type Html,
  horizontal,
  html,
  meter,
  path,
  round,
  type Scale,
  shareAxis,
  shareTicks,
  vertical,
  wholeTicks,
} from "./html.ts";

const traceFrame: Frame = { width: 440, height: 320, left: 40, right: 44, top: 14, bottom: 48 };
/** More points than this cannot be told apart. */
const mostPoints = 60;
/** More dots than this hide the line. */
const mostDots = 40;

/** The confidence after each answer, up to the K that could have been asked for. */
export function traceChart(bundle: EvidenceBundle): Html {
  const trace = confidenceTrace(bundle, mostPoints);
  const asked = trace.points.at(-1)?.count ?? 0;
  const told = trace.points.filter(isTold);
  const last = Math.max(2, bundle.meta.k, asked);
  const x = horizontal(traceFrame, 1, last);
  const y = vertical(traceFrame, 0, 1);
  return html`<figure>
${chart(
  traceFrame,
  "Confidence after each answer",
  notAsked(asked, bundle.meta.k, x),
  shareAxis(traceFrame),
  bottomAxis(traceFrame, x, wholeTicks(1, last), "answers"),
  html`<path class="line" d="${path(told.map(({ count, confidence }) => [x(count), y(confidence)]))}"/>`,
  told.length <= mostDots && told.map((point) => dot(point, x, y)),
  lastLabel(told, x, y),
)}
<figcaption>The confidence in the consensus after each answer, from the second on. ${bundle.meta.k > asked && "The shaded part was not needed. "}${!trace.isExact && "By votes: the bundle does not tell how it compared its answers."}</figcaption>
</figure>`;
}

function notAsked(asked: number, k: number, x: Scale): Html | false {
  if (asked >= k || asked === 0) return false;
  const { top, bottom, height } = traceFrame;
  return html`<rect class="unused" x="${x(asked)}" y="${top}" width="${x(k) - x(asked)}" height="${height - top - bottom}"/>`;
}

type ToldPoint = TracePoint & { readonly confidence: number };

function isTold(point: TracePoint): point is ToldPoint {
  return point.confidence !== undefined;
}

function dot({ count, confidence, replicate }: ToldPoint, x: Scale, y: Scale): Html {
  const kind = replicate.valid ? "dot" : "dot invalid";
  const what = replicate.valid ? "" : ", not valid";
  return html`<circle class="${kind}" cx="${x(count)}" cy="${y(confidence)}" r="4"><title>${replicate.id}${what}: ${showShare(confidence)}</title></circle>`;
}

function lastLabel(points: readonly ToldPoint[], x: Scale, y: Scale): Html | false {
  const last = points.at(-1);
  return (
    last !== undefined &&
    html`<text class="value" x="${x(last.count) + 9}" y="${y(last.confidence)}" dy=".32em">${showShare(last.confidence)}</text>`
  );
}

const mostEntries = 60;
/** Labels below this height touch each other. */
const leastLabelledCell = 11;
const heatMapFrame: Frame = { width: 440, height: 440, left: 44, right: 4, top: 4, bottom: 44 };
const legendSteps = [0, 0.25, 0.5, 0.75, 1];

/** A square for every two answers; those that voted alike stand together. */
export function heatMap(bundle: EvidenceBundle): Html {
  const map = distanceMap(bundle, mostEntries);
  const side = heatMapFrame.width - heatMapFrame.left - heatMapFrame.right;
  const cell = side / map.entries.length;
  const each =
    map.perEntry > 1 ? ` Each square is the mean of ${counted(map.perEntry, "answer")} by ${map.perEntry}.` : "";
  return html`<figure>
${chart(
  heatMapFrame,
  "Distance of every two answers",
  map.perEntry === 1 &&
    cell >= leastLabelledCell &&
    map.entries.map((entry, row) => rowLabel(nameOf(entry), row, cell)),
  map.cells.map((row, rowIndex) => row.map((distance, column) => square(map, distance, rowIndex, column, cell))),
  legend(side),
)}
<figcaption>Every answer against every other; those that voted alike stand together.${each}</figcaption>
</figure>`;
}

function rowLabel(label: string, row: number, cell: number): Html {
  return html`<text class="tick" x="${heatMapFrame.left - 8}" y="${round(heatMapFrame.top + (row + 0.5) * cell)}" dy=".32em" text-anchor="end">${label}</text>`;
}

function square(map: DistanceMap, distance: number | null, row: number, column: number, cell: number): Html {
  const gap = cell > 8 ? 1.5 : 0;
  const [x, y] = [heatMapFrame.left + column * cell, heatMapFrame.top + row * cell].map(round);
  const side = round(cell - gap);
  const [a, b] = [map.entries[row], map.entries[column]].map(nameOf);
  const what = distance === null ? "not valid" : showShare(distance);
  return html`<rect ${shade(distance)} x="${x}" y="${y}" width="${side}" height="${side}" rx="${gap}"><title>${a}, ${b}: ${what}</title></rect>`;
}

function nameOf(entry: MapEntry | undefined): string {
  const [first, ...others] = entry?.ids ?? [];
  return others.length === 0 ? `${first}` : `${first} and ${counted(others.length, "more answer")}`;
}

/** A little is there of equal answers too, so that the map is seen. */
function shade(distance: number | null): Html {
  if (distance === null) return html`class="missing"`;
  return html`class="cell" fill-opacity="${round((0.07 + 0.93 * distance) * 100) / 100}"`;
}

function legend(side: number): Html {
  const width = side / 12;
  const top = heatMapFrame.height - heatMapFrame.bottom + 14;
  const swatches = legendSteps.map(
    (distance, index) =>
      html`<rect ${shade(distance)} x="${round(heatMapFrame.left + index * width)}" y="${top}" width="${round(width)}" height="8"/>`,
  );
  const end = round(heatMapFrame.left + legendSteps.length * width);
  return html`${swatches}<text class="tick" x="${heatMapFrame.left}" y="${top + 23}">equal</text><text class="tick" x="${end}" y="${top + 23}" text-anchor="end">different</text>`;
}

/** Inputs by their confidence, as bars over steps of equal width. */
export interface ConfidenceHistogram {
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Steps below it are marked. */
  readonly minConfidence: number | null;
}

const histogramFrame: Frame = { width: 440, height: 260, left: 48, right: 16, top: 14, bottom: 48 };

/** @param notes what stands beside the chart */
export function histogramChart({ histogram, minConfidence }: ConfidenceHistogram, notes: Html): Html {
  const most = Math.max(1, ...histogram.map(({ count }) => count));
  const ticks = countTicks(most);
  const [x, y] = [horizontal(histogramFrame, 0, 1), vertical(histogramFrame, 0, ticks.at(-1) as number)];
  const shown = histogram.filter(({ count }) => count > 0);
  const rangeOf = ({ from, to }: { from: number; to: number }) => `${showShare(from)} to ${showShare(to)}`;
  return html`<figure class="beside">
<div>${chart(
    histogramFrame,
    "Inputs by confidence",
    countAxis(histogramFrame, y, ticks),
    bottomAxis(histogramFrame, x, shareTicks, "confidence"),
    shown.map((bin) => {
      const kind = minConfidence !== null && bin.to <= minConfidence ? "other" : "agreed";
      const [left, top] = [x(bin.from), Math.min(y(bin.count), y(0) - 1)];
      return html`<rect class="${kind}" x="${round(left + 1)}" y="${top}" width="${round(x(bin.to) - left - 2)}" height="${round(y(0) - top)}"><title>${rangeOf(bin)}: ${counted(bin.count, "input")}</title></rect>`;
    }),
    minConfidence !== null &&
      html`<line class="diagonal" x1="${x(minConfidence)}" x2="${x(minConfidence)}" y1="${histogramFrame.top}" y2="${y(0)}"/>`,
  )}
<details class="facts"><summary>As a table</summary><table>
<thead><tr><th scope="col">confidence</th><th scope="col" class="number">inputs</th></tr></thead>
<tbody>${shown.map((bin) => html`<tr><th scope="row">${rangeOf(bin)}</th><td class="number">${showCount(bin.count)}</td></tr>`)}</tbody>
</table></details></div>
<figcaption>${notes}</figcaption>
</figure>`;
}

/** Lines and labels for counts, along the left side. */
function countAxis(frame: Frame, y: Scale, ticks: readonly number[]): Html[] {
  return ticks.map(
    (tick) =>
      html`<line class="grid" x1="${frame.left}" x2="${frame.width - frame.right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${frame.left - 8}" y="${y(tick)}" dy=".32em" text-anchor="end">${showCount(tick)}</text>`,
  );
}

const calibrationFrame: Frame = { width: 440, height: 360, left: 40, right: 16, top: 16, bottom: 48 };
const largestDot = 13;
const smallestDot = 3;

/** Share of labelled bundles that were right, against their confidence, and the curve learnt from it. */
export function calibrationChart(stored: StoredCalibration, summary?: BundleSummary | undefined): Html {
  const { bins, curve, bundle } = calibrationCurve(stored, summary);
  const [x, y] = [horizontal(calibrationFrame, 0, 1), vertical(calibrationFrame, 0, 1)];
  const most = Math.max(1, ...bins.map(({ count }) => count));
  return html`<figure class="beside">
${chart(
  calibrationFrame,
  "Share of right answers by confidence",
  shareAxis(calibrationFrame),
  bottomAxis(calibrationFrame, x, shareTicks, "confidence, from the answers alone"),
  html`<line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>`,
  bins.map(({ meanConfidence, rightShare, count }) => {
    const radius = Math.max(smallestDot, round(largestDot * Math.sqrt(count / most)));
    return html`<circle class="bin" cx="${x(meanConfidence)}" cy="${y(rightShare)}" r="${radius}"><title>${counted(count, "label")}: confidence ${showShare(meanConfidence)}, right ${showShare(rightShare)}</title></circle>`;
  }),
  html`<path class="line" d="${path(curve.map(({ confidence, learnt }) => [x(confidence), y(learnt)]))}"/>`,
  bundle && ring(bundle, x, y),
)}
<figcaption><p>How many of the labelled bundles were right, by how sure their answers made them. A dot's area is their number.</p><p>The line is what is learnt from them; on the dashed line, confidence would need no correction.</p><p>${describeCalibration(stored)}</p></figcaption>
</figure>`;
}

function ring({ confidence, learnt }: LearntConfidence, x: Scale, y: Scale): Html {
  const isRight = confidence > 0.6;
  return html`<circle class="here" cx="${x(confidence)}" cy="${y(learnt)}" r="5"/><text class="value" x="${x(confidence) + (isRight ? -12 : 12)}" y="${y(learnt) + 4}" dy=".32em" text-anchor="${isRight ? "end" : "start"}">this bundle: ${showShare(learnt)}</text>`;
}

/** Answers asked, beside those that always asking K times would have taken. */
export function costBars({ actual, fixed }: FixedKCost, { fixedName, estimate }: FixedKNames): Html {
  const saved = 1 - actual.answers / fixed.answers;
  const most = Math.max(actual.answers, fixed.answers);
  const verdict = saved > 0 ? `${percent(saved)} fewer answers than ${fixedName}.` : "";
  return html`<figure>
<table class="cost">
<thead><tr><td></td><td></td><th scope="col" class="number">answers</th><th scope="col" class="number">tokens</th><th scope="col" class="number">dollars</th></tr></thead>
<tbody>${costRow("asked", actual, most, "agreed")}${costRow(fixedName, fixed, most, "muted")}</tbody>
</table>
<figcaption>${verdict} ${saved !== 0 && estimate}</figcaption>
</figure>`;
}

function costRow(name: string, { answers, tokens, costUsd }: Expense, most: number, kind: "agreed" | "muted"): Html {
  return html`<tr><th scope="row">${name}</th><td class="wide">${meter(answers / most, kind)}</td><td class="number">${showCount(answers)}</td><td class="number">${tokens === undefined ? "unknown" : showCount(tokens)}</td><td class="number">${costUsd === null ? "unknown" : showUsd(costUsd)}</td></tr>`;
}

const mostFields = 200;
const mostValues = 20;
const mostIds = 60;
const longestValue = 200;

/** Each field with its values and who gave them, the most contested field first. */
export function voteBlocks({ summary }: EvidenceBundle): Html {
  const fields = fieldVotes(summary);
  const shown = fields.slice(0, mostFields);
  const contested = shown.filter(({ votes }) => votes.length > 1);
  const agreed = shown.filter(({ votes }) => votes.length === 1);
  return html`${contested.map(contestedField)}${agreed.length > 0 && agreedTable(agreed)}${more(fields.length - shown.length, "field")}`;
}

export function contestedField(field: FieldVotes): Html {
  const { votes, tied } = field;
  const total = votes.reduce((sum, { support }) => sum + support, 0);
  return html`<article class="field">
<h3>${pointer(field)} <span class="facts">${fieldFacts(field)}${tied && " · tied"}</span></h3>
<table class="votes">${votes.slice(0, mostValues).map((vote, index) => valueRow(vote, total, index === 0))}</table>
${more(votes.length - mostValues, "value")}
</article>`;
}

function valueRow(vote: Vote, total: number, isWinner: boolean): Html {
  return html`<tr><td class="wide">${meter(vote.support / total, isWinner ? "agreed" : "other")}</td><td class="number">${vote.support}</td><td class="said">${said(vote)}</td><td class="ids">${votersOf(vote, mostIds)}</td></tr>`;
}

function agreedTable(fields: readonly FieldVotes[]): Html {
  return html`<table class="agreed-fields">
<thead><tr><th>agreed by all</th><th></th><th class="number">votes</th><th class="number">confidence</th></tr></thead>
<tbody>${fields.map((field) => {
    const [winner] = field.votes as [Vote];
    return html`<tr><th scope="row">${pointer(field)}</th><td class="said">${said(winner)}</td><td class="number">${winner.support}${winner.models && ` (${modelVotes(winner.models)})`}</td><td class="number">${field.confidence === undefined ? noConfidence : showShare(field.confidence)}</td></tr>`;
  })}</tbody>
</table>`;
}

function pointer({ path }: FieldVotes): Html {
  return path === "" ? html`the answer` : html`<code>${cut(showOnLine(path), longestValue)}</code>`;
}

function said(vote: Vote): Html {
  return "value" in vote ? html`<q>${cut(showOnLine(vote.value), longestValue)}</q>` : html`<i>absent</i>`;
}

function fieldFacts({ confidence, stability }: FieldVotes): string {
  if (confidence === undefined || stability === undefined) return "";
  return `confidence ${showShare(confidence)} · stability ${showShare(stability)}`;
}

function more(count: number, noun: string): Html | false {
  return count > 0 && html`<p class="more">… and ${counted(count, `more ${noun}`)}</p>`;
}

import type { ComponentChildren } from "preact";
import { counted, percent, showCount, showShare, showUsd } from "../../src/cli/progress/format.ts";
import type { DistanceMap, Expense, FixedKCost, FixedKNames, MapEntry } from "../../src/cli/view/facts.ts";
import type { ShownCalibration, ShownTrace } from "../../src/cli/view/viewer-data.ts";
import { Meter } from "./parts.tsx";
import { addressOf, place } from "./place.ts";

/** A drawing area in units of about a pixel, with room for labels around it. */
interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

type Scale = (value: number) => number;

function horizontal({ left, right, width }: Frame, from: number, to: number): Scale {
  return (value) => round(left + ((value - from) / (to - from || 1)) * (width - right - left));
}

function vertical({ top, bottom, height }: Frame, from: number, to: number): Scale {
  return (value) => round(height - bottom - ((value - from) / (to - from || 1)) * (height - bottom - top));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function Chart({
  frame,
  label,
  children,
}: {
  readonly frame: Frame;
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    <svg viewBox={`0 0 ${frame.width} ${frame.height}`} role="img" aria-label={label}>
      {children}
    </svg>
  );
}

const shareTicks = [0, 0.25, 0.5, 0.75, 1];

function SideAxis({
  frame,
  y,
  ticks,
}: {
  readonly frame: Frame;
  readonly y: Scale;
  readonly ticks: readonly number[];
}) {
  return (
    <>
      {ticks.map((tick) => (
        <g key={tick}>
          <line class="grid" x1={frame.left} x2={frame.width - frame.right} y1={y(tick)} y2={y(tick)} />
          <text class="tick" x={frame.left - 6} y={y(tick)} dy=".32em" text-anchor="end">
            {tick >= 1_000 ? showCount(tick) : tick}
          </text>
        </g>
      ))}
    </>
  );
}

interface BottomAxisProps {
  readonly frame: Frame;
  readonly x: Scale;
  readonly ticks: readonly number[];
  readonly title: string;
}

function BottomAxis({ frame, x, ticks, title }: BottomAxisProps) {
  const y = frame.height - frame.bottom + 15;
  return (
    <>
      {ticks.map((tick) => (
        <text key={tick} class="tick" x={x(tick)} y={y} text-anchor="middle">
          {tick}
        </text>
      ))}
      <text class="tick" x={(frame.left + frame.width - frame.right) / 2} y={y + 16} text-anchor="middle">
        {title}
      </text>
    </>
  );
}

function pathOf(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join("");
}

/** Round numbers from 0 to the first that covers a count, in about four steps. */
function countTicks(most: number): number[] {
  const rough = Math.max(1, most / 4);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

/** Whole numbers that divide a range into a handful of steps, its ends included. */
function wholeTicks(from: number, to: number): number[] {
  const step = Math.max(1, Math.ceil((to - from) / 6));
  const ticks: number[] = [];
  for (let tick = from; tick < to - step / 2; tick += step) ticks.push(tick);
  return [...ticks, to];
}

const histogramFrame: Frame = { width: 330, height: 150, left: 34, right: 8, top: 8, bottom: 36 };

interface HistogramProps {
  readonly bins: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Steps below it are marked. */
  readonly minConfidence: number | null;
}

/** Inputs by confidence. A bar leads to its runs. */
export function Histogram({ bins, minConfidence }: HistogramProps) {
  const frame = histogramFrame;
  const ticks = countTicks(Math.max(1, ...bins.map(({ count }) => count)));
  const [x, y] = [horizontal(frame, 0, 1), vertical(frame, 0, ticks.at(-1) as number)];
  const query = place.value.query;
  return (
    <svg viewBox={`0 0 ${frame.width} ${frame.height}`} role="group" aria-label="Inputs by confidence">
      <SideAxis frame={frame} y={y} ticks={ticks} />
      <BottomAxis frame={frame} x={x} ticks={shareTicks} title="confidence" />
      {bins
        .filter(({ count }) => count > 0)
        .map(({ from, to, count }) => {
          const isLow = minConfidence !== null && to <= minConfidence;
          const isShown = query.get("from") === String(from) && query.get("to") === String(to);
          const top = Math.min(y(count), y(0) - 1.5);
          const label = `${showShare(from)} to ${showShare(to)}: ${counted(count, "input")}`;
          return (
            <a key={from} href={addressOf("runs", "", { from: String(from), to: String(to) })} aria-label={label}>
              <rect class="touch" x={x(from)} y={frame.top} width={round(x(to) - x(from))} height={y(0) - frame.top} />
              <rect
                class={`${isLow ? "other" : "agreed"}${isShown ? " chosen" : ""}`}
                x={x(from) + 0.75}
                y={top}
                width={round(x(to) - x(from) - 1.5)}
                height={round(y(0) - top)}
              >
                <title>{label}</title>
              </rect>
            </a>
          );
        })}
      {minConfidence !== null && (
        <line class="diagonal" x1={x(minConfidence)} x2={x(minConfidence)} y1={frame.top} y2={y(0)} />
      )}
    </svg>
  );
}

/** Answers asked, beside those that always asking K times would have taken. */
export function CostBars({
  cost: { actual, fixed, saved },
  names: { fixedName, estimate },
}: {
  readonly cost: FixedKCost;
  readonly names: FixedKNames;
}) {
  const most = Math.max(actual.answers, fixed.answers);
  return (
    <>
      <table class="cost-bars">
        <thead>
          <tr>
            <td />
            <th scope="col" class="number">
              answers
            </th>
            <th scope="col" class="number">
              tokens
            </th>
            <th scope="col" class="number">
              dollars
            </th>
          </tr>
        </thead>
        <tbody>
          <CostRow name="asked" expense={actual} most={most} kind="agreed" />
          <CostRow name={fixedName} expense={fixed} most={most} kind="muted" />
        </tbody>
      </table>
      <p class="soft">
        {saved.answers > 0 && `${percent(saved.answers / fixed.answers)} fewer answers than ${fixedName}. `}
        {actual.answers !== fixed.answers && estimate}
      </p>
    </>
  );
}

interface CostRowProps {
  readonly name: string;
  readonly expense: Expense;
  readonly most: number;
  readonly kind: "agreed" | "muted";
}

function CostRow({ name, expense: { answers, tokens, costUsd }, most, kind }: CostRowProps) {
  return (
    <tr>
      <th scope="row">
        {name}
        <Meter share={answers / most} kind={kind} />
      </th>
      <td class="number">{showCount(answers)}</td>
      <td class="number">{tokens === undefined ? "unknown" : showCount(tokens)}</td>
      <td class="number">{costUsd === null ? "unknown" : showUsd(costUsd)}</td>
    </tr>
  );
}

const calibrationFrame: Frame = { width: 330, height: 270, left: 34, right: 12, top: 12, bottom: 38 };
const largestDot = 11;
const smallestDot = 3;

/** Share of labelled answers that were right, against their confidence, and the curve learnt from it. */
export function CalibrationChart({
  calibration: { bins, curve, bundle, sentence },
}: {
  readonly calibration: ShownCalibration;
}) {
  const frame = calibrationFrame;
  const [x, y] = [horizontal(frame, 0, 1), vertical(frame, 0, 1)];
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const isRight = bundle !== undefined && bundle.confidence > 0.6;
  return (
    <figure>
      <Chart frame={frame} label="Share of right answers by confidence">
        <SideAxis frame={frame} y={y} ticks={shareTicks} />
        <BottomAxis frame={frame} x={x} ticks={shareTicks} title="confidence, from the answers alone" />
        <line class="diagonal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
        {bins.map(({ from, meanConfidence, rightShare, count }) => (
          <circle
            key={from}
            class="bin"
            cx={x(meanConfidence)}
            cy={y(rightShare)}
            r={Math.max(smallestDot, round(largestDot * Math.sqrt(count / most)))}
          >
            <title>
              {counted(count, "label")}: confidence {showShare(meanConfidence)}, right {showShare(rightShare)}
            </title>
          </circle>
        ))}
        <path class="line" d={pathOf(curve.map(({ confidence, learnt }) => [x(confidence), y(learnt)]))} />
        {bundle && (
          <>
            <circle class="here" cx={x(bundle.confidence)} cy={y(bundle.learnt)} r="5" />
            <text
              class="value"
              x={x(bundle.confidence) + (isRight ? -10 : 10)}
              y={y(bundle.learnt) + 4}
              dy=".32em"
              text-anchor={isRight ? "end" : "start"}
            >
              this answer: {showShare(bundle.learnt)}
            </text>
          </>
        )}
      </Chart>
      <figcaption>
        How many of the judged answers were right, by how sure their votes made them: dots, whose area is their number.
        The line is what is learnt from them; on the dashed line confidence would need no correction. {sentence}
      </figcaption>
    </figure>
  );
}

const traceFrame: Frame = { width: 460, height: 230, left: 34, right: 84, top: 10, bottom: 38 };
const mostDots = 40;

interface TraceProps {
  readonly trace: ShownTrace;
  /** 0 where it is not known. */
  readonly k: number;
  /** True where a stopping rule found the answers that are left not needed. */
  readonly isSettled: boolean;
}

/** Confidence and stability after each answer, up to the K that could have been asked for. */
export function TraceChart({ trace: { points, isExact }, k, isSettled }: TraceProps) {
  const frame = traceFrame;
  const asked = points.at(-1)?.count ?? 0;
  const last = Math.max(2, k, asked);
  const [x, y] = [horizontal(frame, 1, last), vertical(frame, 0, 1)];
  const told = points.filter((point) => point.confidence !== undefined);
  const steady = points.filter((point) => point.stability !== undefined);
  const [lastTold, lastSteady] = [told.at(-1), steady.at(-1)];
  const [confidenceAt, stabilityAt] = apart(y(lastTold?.confidence ?? 0), y(lastSteady?.stability ?? 0));
  return (
    <figure>
      <Chart frame={frame} label={describeTrace(lastTold, lastSteady, asked, k)}>
        {isSettled && asked > 0 && asked < k && (
          <rect
            class="unused"
            x={x(asked)}
            y={frame.top}
            width={round(x(k) - x(asked))}
            height={frame.height - frame.top - frame.bottom}
          />
        )}
        <SideAxis frame={frame} y={y} ticks={shareTicks} />
        <BottomAxis frame={frame} x={x} ticks={wholeTicks(1, last)} title="answers" />
        <path
          class="line steady"
          d={pathOf(steady.map(({ count, stability }) => [x(count), y(stability as number)]))}
        />
        <path class="line" d={pathOf(told.map(({ count, confidence }) => [x(count), y(confidence as number)]))} />
        {told.length <= mostDots &&
          told.map(({ count, id, valid, confidence }) => (
            <circle
              key={count}
              class={valid ? "dot" : "dot invalid"}
              cx={x(count)}
              cy={y(confidence as number)}
              r="3.5"
            >
              <title>
                {id}
                {valid ? "" : ", not valid"}: confidence {showShare(confidence as number)}
              </title>
            </circle>
          ))}
        {lastTold && (
          <text class="value" x={x(lastTold.count) + 9} y={confidenceAt} dy=".32em">
            confidence {showShare(lastTold.confidence as number)}
          </text>
        )}
        {lastSteady && (
          <text class="tick" x={x(lastSteady.count) + 9} y={stabilityAt} dy=".32em">
            stability {showShare(lastSteady.stability as number)}
          </text>
        )}
      </Chart>
      <figcaption>
        The confidence in the consensus after each answer, from the second on, and the dashed stability: that the rest
        of K would keep it.
        {isSettled && k > asked && " The shaded part was not needed."}
        {!isExact && " By votes alone: the bundle does not tell how it compared its answers."}
      </figcaption>
    </figure>
  );
}

/** Keeps two labels from touching. */
function apart(a: number, b: number): [number, number] {
  const gap = 13 - Math.abs(a - b);
  if (gap <= 0) return [a, b];
  return a <= b ? [a - gap / 2, b + gap / 2] : [a + gap / 2, b - gap / 2];
}

type TracePoint = ShownTrace["points"][number];

function describeTrace(told: TracePoint | undefined, steady: TracePoint | undefined, asked: number, k: number): string {
  const numbers = [
    ...(told ? [`confidence ${showShare(told.confidence as number)}`] : []),
    ...(steady ? [`stability ${showShare(steady.stability as number)}`] : []),
  ];
  return `Confidence and stability after each answer. After ${asked}${k > 0 ? ` of ${k}` : ""}: ${numbers.join(", ") || "one answer tells neither"}.`;
}

const mapFrame: Frame = { width: 330, height: 356, left: 34, right: 2, top: 2, bottom: 34 };
/** Labels below this height touch each other. */
const leastLabelled = 11;

/** A square for every two answers; those that voted alike stand together. */
export function HeatMap({ map }: { readonly map: DistanceMap }) {
  const side = mapFrame.width - mapFrame.left - mapFrame.right;
  const cell = side / map.entries.length;
  const gap = cell > 8 ? 1.5 : 0;
  const size = round(cell - gap);
  const legend = [0, 0.25, 0.5, 0.75, 1];
  const top = mapFrame.height - mapFrame.bottom + 8;
  return (
    <figure>
      <Chart frame={mapFrame} label="Distance of every two answers">
        {map.perEntry === 1 &&
          cell >= leastLabelled &&
          map.entries.map((entry, row) => (
            <text
              key={nameOf(entry)}
              class="tick"
              x={mapFrame.left - 6}
              y={round(mapFrame.top + (row + 0.5) * cell)}
              dy=".32em"
              text-anchor="end"
            >
              {nameOf(entry).slice(0, 5)}
            </text>
          ))}
        {map.cells.map((cells, row) =>
          cells.map((distance, column) => (
            <rect
              key={`${row} ${column}`}
              {...shade(distance)}
              x={round(mapFrame.left + column * cell)}
              y={round(mapFrame.top + row * cell)}
              width={size}
              height={size}
              rx={gap}
            >
              <title>
                {nameOf(map.entries[row])}, {nameOf(map.entries[column])}:{" "}
                {distance === null ? "not valid" : showShare(distance)}
              </title>
            </rect>
          )),
        )}
        {legend.map((distance, index) => (
          <rect key={distance} {...shade(distance)} x={mapFrame.left + index * 24} y={top} width={24} height={7} />
        ))}
        <text class="tick" x={mapFrame.left} y={top + 20}>
          equal
        </text>
        <text class="tick" x={mapFrame.left + 120} y={top + 20} text-anchor="end">
          different
        </text>
      </Chart>
      <figcaption>
        Every answer against every other; those that voted alike stand together.
        {map.perEntry > 1 && ` Each square is the mean of ${counted(map.perEntry, "answer")} by ${map.perEntry}.`}
      </figcaption>
    </figure>
  );
}

function nameOf(entry: MapEntry | undefined): string {
  const [first, ...others] = entry?.ids ?? [];
  return others.length === 0 ? `${first}` : `${first} and ${counted(others.length, "more answer")}`;
}

/** A little is there of equal answers too, so that the map is seen. */
function shade(distance: number | null): { readonly class: string; readonly "fill-opacity"?: number } {
  if (distance === null) return { class: "missing" };
  return { class: "cell", "fill-opacity": Math.round((0.07 + 0.93 * distance) * 100) / 100 };
}

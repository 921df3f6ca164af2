import { counted, showShare } from "../../../src/cli/progress/format.ts";
import type { DistanceMap, MapEntry } from "../../../src/cli/view/distance-map.ts";
import type { ShownTrace } from "../../../src/cli/view/viewer-data.ts";
import { BottomAxis, Chart, type Frame, horizontal, pathOf, round, SideAxis, shareTicks, vertical } from "./axes.tsx";

const traceFrame: Frame = { width: 460, height: 230, left: 34, right: 108, top: 10, bottom: 38 };
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
        {lastSteady && asked < last && (
          <text class="tick" x={x(lastSteady.count) + 9} y={stabilityAt} dy=".32em">
            stability {showShare(lastSteady.stability as number)}
          </text>
        )}
      </Chart>
      <figcaption>
        How sure the consensus was after each answer, from the second on. Dashed: the chance that the answers left would
        not change it.
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
/** Whole numbers that divide a range into a handful of steps, its ends included. */
function wholeTicks(from: number, to: number): number[] {
  const step = Math.max(1, Math.ceil((to - from) / 6));
  const ticks: number[] = [];
  for (let tick = from; tick < to - step / 2; tick += step) ticks.push(tick);
  return [...ticks, to];
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

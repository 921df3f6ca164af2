import { counted, showCount, showShare } from "../../../src/cli/progress/format.ts";
import type { ShownCalibration } from "../../../src/cli/view/viewer-data.ts";
import { addressOf, place } from "../place.ts";
import { BottomAxis, Chart, type Frame, horizontal, pathOf, round, SideAxis, shareTicks, vertical } from "./axes.tsx";

const histogramFrame: Frame = { width: 330, height: 150, left: 34, right: 8, top: 8, bottom: 36 };

interface HistogramProps {
  readonly bins: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Steps below it are marked. */
  readonly minConfidence: number | null;
}

/** Inputs by confidence. A bar leads to its runs. */
export function Histogram({ bins, minConfidence }: HistogramProps) {
  const ticks = countTicks(Math.max(1, ...bins.map(({ count }) => count)));
  const left = Math.max(histogramFrame.left, 10 + 7 * showCount(ticks.at(-1) as number).length);
  const frame = { ...histogramFrame, left };
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
/** Round numbers from 0 to the first that covers a count, in about four steps. */
function countTicks(most: number): number[] {
  const rough = Math.max(1, most / 4);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
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

import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import type { BundleSummary } from "../../../contract/bundle.ts";
import { describeCalibration } from "../../feedback/describe-calibration.ts";
import { counted, showShare } from "../../progress/format.ts";
import { calibrationCurve, type LearntConfidence } from "../facts/calibration-curve.ts";
import {
  bottomAxis,
  chart,
  type Frame,
  horizontal,
  path,
  round,
  type Scale,
  shareAxis,
  shareTicks,
  vertical,
} from "./chart.ts";
import { type Html, html } from "./html.ts";

const frame: Frame = { width: 440, height: 360, left: 40, right: 16, top: 16, bottom: 48 };
const largestDot = 13;
const smallestDot = 3;

/** How often labelled bundles were right, against how sure they were, and what is learnt from it. */
export function calibrationChart(stored: StoredCalibration, summary: BundleSummary): Html {
  const { bins, curve, bundle } = calibrationCurve(stored, summary);
  const [x, y] = [horizontal(frame, 0, 1), vertical(frame, 0, 1)];
  const most = Math.max(1, ...bins.map(({ count }) => count));
  return html`<figure class="beside">
${chart(
  frame,
  "Share of right answers by confidence",
  shareAxis(frame),
  bottomAxis(frame, x, shareTicks, "confidence, from the answers alone"),
  html`<line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>`,
  bins.map(({ meanConfidence, rightShare, count }) => {
    const radius = Math.max(smallestDot, round(largestDot * Math.sqrt(count / most)));
    return html`<circle class="bin" cx="${x(meanConfidence)}" cy="${y(rightShare)}" r="${radius}"><title>${counted(count, "label")}: confidence ${showShare(meanConfidence)}, right ${showShare(rightShare)}</title></circle>`;
  }),
  html`<path class="line" d="${path(curve.map(({ confidence, learnt }) => [x(confidence), y(learnt)]))}"/>`,
  ring(bundle, x, y),
)}
<figcaption><p>How many of the labelled bundles were right, by how sure their answers made them. A dot's area is their number.</p><p>The line is what is learnt from them; on the dashed line, confidence would need no correction.</p><p>${describeCalibration(stored)}</p></figcaption>
</figure>`;
}

function ring({ confidence, learnt }: LearntConfidence, x: Scale, y: Scale): Html {
  const isRight = confidence > 0.6;
  return html`<circle class="here" cx="${x(confidence)}" cy="${y(learnt)}" r="5"/><text class="value" x="${x(confidence) + (isRight ? -12 : 12)}" y="${y(learnt) + 4}" dy=".32em" text-anchor="${isRight ? "end" : "start"}">this bundle: ${showShare(learnt)}</text>`;
}

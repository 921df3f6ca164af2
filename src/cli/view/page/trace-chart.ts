import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { showShare } from "../../progress/format.ts";
import { type ConfidenceTrace, confidenceTrace, type TracePoint } from "../facts/confidence-trace.ts";
import {
  bottomAxis,
  chart,
  type Frame,
  horizontal,
  path,
  type Scale,
  shareAxis,
  vertical,
  wholeTicks,
} from "./chart.ts";
import { type Html, html } from "./html.ts";

const frame: Frame = { width: 440, height: 320, left: 40, right: 44, top: 14, bottom: 48 };
/** More points than this cannot be told apart. */
const mostPoints = 60;
/** More dots than this hide the line. */
const mostDots = 40;

/** The confidence after each answer, up to the K that could have been asked for. */
export function traceChart(bundle: EvidenceBundle): Html {
  const trace = confidenceTrace(bundle, mostPoints);
  const asked = trace.points.at(-1)?.count ?? 0;
  const last = Math.max(2, bundle.meta.k, asked);
  const x = horizontal(frame, 1, last);
  const y = vertical(frame, 0, 1);
  return html`<figure>
${chart(
  frame,
  "Confidence after each answer",
  notAsked(asked, bundle.meta.k, x),
  shareAxis(frame),
  bottomAxis(frame, x, wholeTicks(1, last), "answers"),
  html`<path class="line" d="${path(trace.points.map(({ count, confidence }) => [x(count), y(confidence)]))}"/>`,
  trace.points.length <= mostDots && trace.points.map((point) => dot(point, x, y)),
  lastLabel(trace, x, y),
)}
<figcaption>The confidence in the consensus after each answer. ${bundle.meta.k > asked && "The shaded part was not needed. "}${!trace.isExact && "By votes: the bundle does not tell how it compared its answers."}</figcaption>
</figure>`;
}

function notAsked(asked: number, k: number, x: Scale): Html | false {
  if (asked >= k || asked === 0) return false;
  const { top, bottom, height } = frame;
  return html`<rect class="unused" x="${x(asked)}" y="${top}" width="${x(k) - x(asked)}" height="${height - top - bottom}"/>`;
}

function dot({ count, confidence, replicate }: TracePoint, x: Scale, y: Scale): Html {
  const kind = replicate.valid ? "dot" : "dot invalid";
  const what = replicate.valid ? "" : ", not valid";
  return html`<circle class="${kind}" cx="${x(count)}" cy="${y(confidence)}" r="4"><title>${replicate.id}${what}: ${showShare(confidence)}</title></circle>`;
}

function lastLabel({ points }: ConfidenceTrace, x: Scale, y: Scale): Html | false {
  const last = points.at(-1);
  return (
    last !== undefined &&
    html`<text class="value" x="${x(last.count) + 9}" y="${y(last.confidence)}" dy=".32em">${showShare(last.confidence)}</text>`
  );
}

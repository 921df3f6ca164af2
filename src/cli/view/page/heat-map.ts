import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { counted, showShare } from "../../progress/format.ts";
import { type DistanceMap, distanceMap, type MapEntry } from "../facts/distance-map.ts";
import { chart, type Frame, round } from "./chart.ts";
import { type Html, html } from "./html.ts";

const mostEntries = 60;
/** Labels below this height touch each other. */
const leastLabelledCell = 11;
const frame: Frame = { width: 440, height: 440, left: 44, right: 4, top: 4, bottom: 44 };
const legendSteps = [0, 0.25, 0.5, 0.75, 1];

/** A square for every two answers; those that voted alike stand together. */
export function heatMap(bundle: EvidenceBundle): Html {
  const map = distanceMap(bundle, mostEntries);
  const side = frame.width - frame.left - frame.right;
  const cell = side / map.entries.length;
  const each =
    map.perEntry > 1 ? ` Each square is the mean of ${counted(map.perEntry, "answer")} by ${map.perEntry}.` : "";
  return html`<figure>
${chart(
  frame,
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
  return html`<text class="tick" x="${frame.left - 8}" y="${round(frame.top + (row + 0.5) * cell)}" dy=".32em" text-anchor="end">${label}</text>`;
}

function square(map: DistanceMap, distance: number | null, row: number, column: number, cell: number): Html {
  const gap = cell > 8 ? 1.5 : 0;
  const [x, y] = [frame.left + column * cell, frame.top + row * cell].map(round);
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
  const top = frame.height - frame.bottom + 14;
  const swatches = legendSteps.map(
    (distance, index) =>
      html`<rect ${shade(distance)} x="${round(frame.left + index * width)}" y="${top}" width="${round(width)}" height="8"/>`,
  );
  const end = round(frame.left + legendSteps.length * width);
  return html`${swatches}<text class="tick" x="${frame.left}" y="${top + 23}">equal</text><text class="tick" x="${end}" y="${top + 23}" text-anchor="end">different</text>`;
}

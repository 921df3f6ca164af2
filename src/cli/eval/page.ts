import { basename } from "node:path";
import { showOnLine, showUsd } from "../progress/format.ts";
import { renderDocument, section } from "../view/page/document.ts";
import {
  bottomAxis,
  chart,
  type Frame,
  type Html,
  horizontal,
  html,
  path,
  round,
  shareAxis,
  vertical,
} from "../view/page/html.ts";
import { type EvaluatedRow, priceOf } from "./evaluate.ts";
import { describe, figureNames, figuresOf, type Gate, isOfSeveral, nameOf, percentOf } from "./table.ts";

const frame: Frame = { width: 640, height: 380, left: 44, right: 24, top: 16, bottom: 48 };

/** An evaluation as one page of HTML that needs nothing else. */
export function renderEvaluation(rows: readonly EvaluatedRow[], gate: Gate | undefined, input: string): string {
  return renderDocument({
    title: `${showOnLine(basename(input))}: evaluation`,
    body: html`<header><p class="eyebrow">Evaluation</p><h1>${showOnLine(basename(input))}</h1></header>
${section("Right, and what it costs", frontierChart(rows))}
${section("All settings", table(rows))}
<section>${describe(rows, gate).map((line) => html`<p>${line}</p>`)}</section>`,
  });
}

/** Accuracy over cost. A line joins the settings that no other betters. */
function frontierChart(rows: readonly EvaluatedRow[]): Html {
  const prices = rows.map((row) => priceOf(row, rows));
  const isPriced = rows.some((row, index) => prices[index] !== row.samples);
  const most = Math.max(...prices) * 1.05;
  const [x, y] = [horizontal(frame, 0, most), vertical(frame, 0, 1)];
  const best = rows
    .flatMap((row, index) => (row.isBest ? [[prices[index] as number, row.accuracy.value] as const] : []))
    .sort(([a], [b]) => a - b);
  const label = (value: number) => (isPriced ? showUsd(value * 1_000) : value.toFixed(1));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * most);
  const names = bottomAxis(
    frame,
    (value) => x(value),
    [],
    isPriced ? "dollars for 1,000 inputs" : "answers for an input",
  );
  return html`<figure>${chart(
    frame,
    "Share of right answers by cost",
    shareAxis(frame),
    names,
    ticks.map(
      (tick) =>
        html`<text class="tick" x="${x(tick)}" y="${frame.height - frame.bottom + 18}" text-anchor="middle">${label(tick)}</text>`,
    ),
    html`<path class="line" d="${path(best.map(([price, accuracy]) => [x(price), y(accuracy)]))}"/>`,
    rows.map((row, index) => {
      const [left, middle] = [x(prices[index] as number), y(row.accuracy.value)];
      return html`<line class="grid" x1="${left}" x2="${left}" y1="${y(row.accuracy.low)}" y2="${y(row.accuracy.high)}"/><circle class="${row.isBest ? "here" : "bin"}" cx="${left}" cy="${middle}" r="5"><title>${nameOf(row, rows)}: right in ${percentOf(row.accuracy.value)}, ${label(prices[index] as number)}</title></circle>${row.isBest && html`<text class="tick" x="${round(left + 8)}" y="${round(middle + 14)}">${nameOf(row, rows)}</text>`}`;
    }),
  )}<figcaption><p>Each dot is a setting, with the interval in which its accuracy lies in 95 of 100 samples of inputs. The line joins those that no other is as good as for less.</p></figcaption></figure>`;
}

function table(rows: readonly EvaluatedRow[]): Html {
  const names = (["tool", "model"] as const).filter((name) => isOfSeveral(rows, name));
  return html`<table>
<thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}${figureNames.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${names.map((name) => html`<td>${showOnLine(row[name])}</td>`)}${figuresOf(row).map((figure) => html`<td class="number">${figure}</td>`)}</tr>`)}</tbody>
</table>`;
}

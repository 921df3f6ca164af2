import { basename } from "node:path";
import { showOnLine, showUsd } from "../../progress/format.ts";
import { type EvaluatedRow, priceOf } from "../rows.ts";
import { describe, figureNames, figuresOf, type Gate, isOfSeveral, nameOf, percentOf } from "../table.ts";
import { renderDocument, section, sourceNotice } from "./document.ts";
import { bottomAxis, chart, type Frame, type Html, horizontal, html, path, round, vertical } from "./html.ts";

const frame: Frame = { width: 640, height: 380, left: 44, right: 24, top: 16, bottom: 48 };

/** An evaluation as one page of HTML that needs nothing else. */
export function renderEvaluation(rows: readonly EvaluatedRow[], gate: Gate | undefined, input: string): string {
  return renderDocument({
    title: `${showOnLine(basename(input))}: evaluation`,
    body: html`<header><p class="eyebrow">Evaluation</p><h1>${showOnLine(basename(input))}</h1>${[...new Set(rows.map(({ source }) => source))].map(sourceNotice)}</header>
${section("Right, and what it costs", frontierChart(rows))}
${section("All settings", table(rows))}
<section>${describe(rows, gate).map((line) => html`<p>${line}</p>`)}</section>`,
  });
}

/** Accuracy over cost, zoomed in on the shares that occur. A line joins the settings that no other betters. */
function frontierChart(rows: readonly EvaluatedRow[]): Html {
  const prices = rows.map((row) => priceOf(row, rows));
  const isPriced = rows.some((row, index) => prices[index] !== row.samples);
  const costs = ticksFrom(0, Math.max(...prices) * (isPriced ? 1_000 : 1));
  const shares = ticksFrom(Math.min(...rows.map(({ accuracy }) => accuracy.low)), 1);
  const [x, y] = [
    horizontal(frame, 0, (costs.at(-1) as number) / (isPriced ? 1_000 : 1)),
    vertical(frame, shares[0] as number, 1),
  ];
  const best = rows
    .flatMap((row, index) => (row.isBest ? [{ row, price: prices[index] as number }] : []))
    .sort((a, b) => a.price - b.price);
  const label = (value: number) => (isPriced ? showUsd(value * 1_000) : value.toFixed(1));
  const unit = isPriced ? "dollars for 1,000 inputs" : "answers for an input";
  return html`<figure>${chart(
    frame,
    "Share of right answers by cost",
    shares.map(
      (share) =>
        html`<line class="grid" x1="${frame.left}" x2="${frame.width - frame.right}" y1="${y(share)}" y2="${y(share)}"/><text class="tick" x="${frame.left - 8}" y="${y(share)}" dy=".32em" text-anchor="end">${Math.round(share * 100)} %</text>`,
    ),
    bottomAxis(frame, (cost) => x(isPriced ? cost / 1_000 : cost), costs, unit),
    rows.map(({ accuracy }, index) => {
      const left = x(prices[index] as number);
      return html`<line class="whisker" x1="${left}" x2="${left}" y1="${y(accuracy.low)}" y2="${y(accuracy.high)}"/>`;
    }),
    html`<path class="line" d="${path(best.map(({ row, price }) => [x(price), y(row.accuracy.value)]))}"/>`,
    rows.map((row, index) => {
      const price = prices[index] as number;
      return html`<circle class="${row.isBest ? "here" : "bin"}" cx="${x(price)}" cy="${y(row.accuracy.value)}" r="5"><title>${nameOf(row, rows)}: right in ${percentOf(row.accuracy.value)}, ${label(price)}</title></circle>`;
    }),
    // The line rises from left to right: names stand above it at its left, or below it at its right.
    best.map(({ row, price }, index) => {
      const isBelow = index % 2 === 0;
      const [left, top] = [x(price) + (isBelow ? 9 : -9), y(row.accuracy.value) + (isBelow ? 20 : -10)];
      return html`<text class="tick" x="${round(left)}" y="${round(top)}" text-anchor="${isBelow ? "start" : "end"}">${nameOf(row, rows)}</text>`;
    }),
  )}<figcaption><p>Each dot is a setting, on the interval in which its accuracy lies in 95 of 100 samples of inputs. The line joins those that no other is as good as for less.</p></figcaption></figure>`;
}

/** Round numbers in steps of 1, 2 or 5 that begin at or below a range and end at or above it. */
function ticksFrom(low: number, high: number): number[] {
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(6)));
}

function table(rows: readonly EvaluatedRow[]): Html {
  const names = (["tool", "model"] as const).filter((name) => isOfSeveral(rows, name));
  return html`<div class="scroll"><table>
<thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}${figureNames.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${names.map((name) => html`<td>${showOnLine(row[name])}</td>`)}${figuresOf(row).map((figure) => html`<td class="number">${figure}</td>`)}</tr>`)}</tbody>
</table></div>`;
}

import { percent, showCount, showUsd } from "../../progress/format.ts";
import type { Expense, FixedKCost } from "../facts/fixed-k-cost.ts";
import { type Html, html } from "./html.ts";
import { meter } from "./meter.ts";

/** What was asked, beside what always asking K times would have taken. */
export function costBars({ actual, fixed }: FixedKCost): Html {
  const saved = 1 - actual.answers / fixed.answers;
  const most = Math.max(actual.answers, fixed.answers);
  const verdict = saved > 0 ? `${percent(saved)} fewer answers than always ${fixed.answers}.` : "";
  const estimate = saved === 0 ? "" : `The second row is ${fixed.answers} times the mean answer.`;
  return html`<figure>
<table class="cost">
<thead><tr><th></th><th></th><th class="number">answers</th><th class="number">tokens</th><th class="number">dollars</th></tr></thead>
<tbody>${row("asked", actual, most, "agreed")}${row(`always ${fixed.answers}`, fixed, most, "muted")}</tbody>
</table>
<figcaption>${verdict} ${estimate}</figcaption>
</figure>`;
}

function row(name: string, { answers, tokens, costUsd }: Expense, most: number, kind: "agreed" | "muted"): Html {
  return html`<tr><th scope="row">${name}</th><td class="wide">${meter(answers / most, kind)}</td><td class="number">${showCount(answers)}</td><td class="number">${tokens === undefined ? "unknown" : showCount(tokens)}</td><td class="number">${costUsd === null ? "unknown" : showUsd(costUsd)}</td></tr>`;
}

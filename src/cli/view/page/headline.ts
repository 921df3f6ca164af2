import { answersOf, counted, cut, percent, showCount, showOnLine, showShare, showUsd } from "../../progress/format.ts";
import { modelsOf } from "../facts/models-of.ts";
import type { OpenedBundle } from "../open-bundle.ts";
import { type Html, html, type Insertion } from "./html.ts";
import { meter } from "./meter.ts";

const longestConsensus = 8_000;
const longestInput = 2_000;
/** Of an input that is shown at once. */
const longestLine = 240;

const notices = {
  live: undefined,
  recorded: "These are recorded answers of a model, replayed.",
  simulated: "These answers are simulated: they say nothing about the world.",
} as const;

/** What was asked, what the answers come to, and how far that can be trusted. */
export function headline({ bundle, input }: OpenedBundle): Html {
  const { meta, summary } = bundle;
  const notice = notices[meta.source];
  return html`<header>
<p class="eyebrow">Evidence bundle</p>
<h1>${cut(showOnLine(meta.task), 200)}</h1>
<p class="model">${cut(showOnLine(modelsOf(bundle)), 200)}</p>
${notice && html`<p class="notice ${meta.source}">${notice}</p>`}
${input !== undefined && asked(input)}
</header>
<section class="verdict">
<div class="consensus"><h2>Consensus</h2>${
    summary.validCount === 0
      ? html`<p class="bad">No answer is valid.</p>`
      : html`<pre${typeof summary.consensus === "string" && html` class="prose"`}>${cut(textOf(summary.consensus), longestConsensus)}</pre>`
  }${summary.medoidId !== undefined && html`<p class="facts">As ${summary.medoidId} gave it: the fields put together do not fit the schema.</p>`}</div>
${figures(bundle)}
</section>`;
}

/** A short input at once, a long one where it is opened. */
function asked(input: unknown): Html {
  const line = showOnLine(input);
  if (line.length <= longestLine) return html`<p class="input">${line}</p>`;
  return html`<details class="input"><summary>What was asked</summary><pre>${cut(textOf(input), longestInput)}</pre></details>`;
}

function figures({ summary, meta, replicates, costTotalUsd }: OpenedBundle["bundle"]): Html {
  const { confidence, calibratedConfidence, stability, invalidCount, weakest, disagreements, fields } = summary;
  const fieldCount = Object.keys(fields).length;
  const contestedCount = new Set(disagreements.map(({ path }) => path)).size;
  return html`<dl class="figures">
${figure("Confidence", showShare(calibratedConfidence ?? confidence), [
  meter(calibratedConfidence ?? confidence, "agreed"),
  calibratedConfidence === undefined
    ? "that the consensus is right, from the answers alone"
    : `learnt from labels; ${showShare(confidence)} from the answers alone`,
])}
${figure("Stability", showShare(stability), [meter(stability, "agreed"), "that more answers would not change it"])}
${figure("Answers", html`${showCount(replicates.length)}<small> of ${showCount(meta.k)}</small>`, invalidCount > 0 ? `${invalidCount} not valid` : answersOf(replicates.length, meta.source))}
${fieldCount > 1 && figure("Agreed", html`${fieldCount - contestedCount}<small> of ${counted(fieldCount, "field")}</small>`, `the weakest has confidence ${showShare(weakest)}`)}
${figure("Cost", costTotalUsd === null ? "unknown" : showUsd(costTotalUsd), replicates.length < meta.k && `${percent(1 - replicates.length / meta.k)} fewer answers than always ${meta.k}`)}
</dl>`;
}

function figure(name: string, value: Insertion, note: Insertion): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd><dd class="facts">${note}</dd></div>`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

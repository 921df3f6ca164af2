import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";
import {
  answersOf,
  counted,
  cut,
  hasConfidence,
  percent,
  showConfidence,
  showCount,
  showOnLine,
  showShare,
  showUsd,
} from "../../progress/format.ts";
import {
  type Deviation,
  deviations,
  fixedKCost,
  fixedKNames,
  isWithoutLabels,
  modelsOf,
  showBasis,
  showElapsed,
  votingReplicates,
} from "../facts.ts";
import type { OpenedBundle } from "../open-bundle.ts";
import { calibrationChart, costBars, heatMap, traceChart, voteBlocks } from "./charts.ts";
import { figure, renderDocument, section, sourceNotice } from "./document.ts";
import { type Html, html, meter } from "./html.ts";

/** A bundle as one page of HTML that needs no network and runs no script. */
export function renderPage(opened: OpenedBundle, calibration: StoredCalibration | undefined): string {
  const { bundle } = opened;
  const { validCount } = bundle.summary;
  const cost = fixedKCost(bundle);
  return renderDocument({
    title: `${showOnLine(bundle.meta.task)}: evidence`,
    body: html`${headline(opened)}
${validCount > 0 && section("Votes", voteBlocks(bundle))}
<div class="pair">
${validCount > 0 && section("Confidence as answers arrived", traceChart(bundle))}
${validCount > 1 && section("Distance of the answers", heatMap(bundle))}
</div>
${calibration && section("What confidence has meant", calibrationChart(calibration, bundle.summary))}
${cost && section("Cost against a fixed K", costBars(cost, fixedKNames(cost)))}
${section("Answers", answerList(bundle))}
${section("Origin", originList(bundle))}`,
  });
}

const longestConsensus = 8_000;
const longestInput = 2_000;
/** Longest input that is shown at once. */
const longestHeadline = 240;

/** The question, the consensus, and the confidence in it. */
function headline({ bundle, input }: OpenedBundle): Html {
  const { meta, summary } = bundle;
  return html`<header>
<p class="eyebrow">Evidence bundle</p>
<h1>${cut(showOnLine(meta.task), 200)}</h1>
<p class="model">${cut(showOnLine(modelsOf(bundle)), 200)}</p>
${sourceNotice(meta.source)}
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
  if (line.length <= longestHeadline) return html`<p class="input">${line}</p>`;
  return html`<details class="input"><summary>What was asked</summary><pre>${cut(textOf(input), longestInput)}</pre></details>`;
}

function figures({ summary, meta, replicates, costTotalUsd }: OpenedBundle["bundle"]): Html {
  const { confidence, calibratedConfidence, stability, invalidCount, weakest, disagreements, fields } = summary;
  const fieldCount = Object.keys(fields).length;
  const contestedCount = new Set(disagreements.map(({ path }) => path)).size;
  return html`<dl class="figures">
${figure("Confidence", showConfidence(summary), [
  hasConfidence(summary) && meter(calibratedConfidence ?? confidence, "agreed"),
  isWithoutLabels(summary) ? `learnt from labels; ${showShare(confidence)} without them` : showBasis(summary),
])}
${figure("Stability", showShare(stability), [meter(stability, "agreed"), "that more answers would not change it"])}
${figure("Answers", html`${showCount(replicates.length)}<small> of ${showCount(meta.k)}</small>`, invalidCount > 0 ? `${invalidCount} not valid` : answersOf(replicates.length, meta.source))}
${fieldCount > 1 && figure("Agreed", html`${fieldCount - contestedCount}<small> of ${counted(fieldCount, "field")}</small>`, hasConfidence(summary) && `the weakest has confidence ${showShare(weakest)}`)}
${figure("Cost", costTotalUsd === null ? "unknown" : showUsd(costTotalUsd), replicates.length < meta.k && `${percent(1 - replicates.length / meta.k)} fewer answers than always ${meta.k}`)}
</dl>`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

const mostAnswers = 200;
const longestAnswerLine = 200;
const longestAnswer = 4_000;

/** Every answer, what differs in it, and what it took; the whole of it where it is opened. */
function answerList(bundle: EvidenceBundle): Html {
  const { replicates, summary } = bundle;
  const voting = new Set(votingReplicates(bundle));
  const deviationsOf = deviations(summary);
  const left = replicates.length - mostAnswers;
  return html`<div class="answers">${replicates
    .slice(0, mostAnswers)
    .map((replicate) => answer(replicate, voting.has(replicate), deviationsOf(replicate)))}</div>
${left > 0 && html`<p class="more">… and ${counted(left, "more answer")}</p>`}`;
}

function answer(replicate: Replicate, isVoting: boolean, differing: readonly Deviation[] | undefined): Html {
  const { id, data } = replicate;
  const text = typeof data === "string" ? data : (JSON.stringify(data, null, 2) ?? "");
  return html`<details><summary><b>${id}</b><span class="said">${lineOf(replicate, isVoting, differing)}</span><span class="facts">${answerFacts(replicate)}</span></summary>
<pre>${cut(text, longestAnswer)}</pre>${notesOf(replicate)}</details>`;
}

function lineOf(replicate: Replicate, isVoting: boolean, differing: readonly Deviation[] | undefined): Html {
  if (!replicate.valid)
    return html`<span class="bad">not valid: ${cut(replicate.quality.errors[0] ?? "", longestAnswerLine)}</span>`;
  if (!isVoting) return html`<i>does not vote: a stronger model was asked</i>`;
  if (!differing) return html`${cut(showOnLine(replicate.data), longestAnswerLine)}`;
  if (differing.length === 0) return html`<i>as the consensus</i>`;
  const changes = differing.map(({ path, vote }) => `${path} ${"value" in vote ? showOnLine(vote.value) : "absent"}`);
  return html`${cut(changes.join(", "), longestAnswerLine)}`;
}

function answerFacts({ usage, costUsd, elapsedMs, attempts }: Replicate): string {
  return [
    ...(usage ? [`${showCount(usage.totalTokens)} tokens`] : []),
    ...(typeof costUsd === "number" ? [showUsd(costUsd)] : []),
    showElapsed(elapsedMs),
    ...(attempts > 1 ? [counted(attempts, "attempt")] : []),
  ].join(" · ");
}

function notesOf({ model, seed, quality }: Replicate): Html {
  const notes = [`${model}, seed ${seed}`, ...(quality.errors ?? []), ...(quality.warnings ?? [])];
  return html`<ul>${notes.map((note) => html`<li>${cut(note, longestAnswer)}</li>`)}</ul>`;
}

const mostSeeds = 40;

/** Source of the answers, and the reason why there are no more. */
function originList({ meta }: EvidenceBundle): Html {
  const seeds = meta.seeds.slice(0, mostSeeds).join(" ") + (meta.seeds.length > mostSeeds ? " …" : "");
  return html`<dl class="origin">
${fact("Source", meta.source)}
${fact("Models asked", meta.model)}
${fact("Why no more answers", meta.earlyStopReason ?? `all ${meta.k} were asked for`)}
${meta.escalations?.map(({ from, replicateIds, confidence }) => fact("Escalated", `from ${from} after ${replicateIds.join(" ")}, with a confidence of ${showShare(confidence)}`))}
${meta.schemaUri !== undefined && fact("Schema", meta.schemaUri)}
${meta.schemaFingerprint !== undefined && fact("Schema fingerprint", meta.schemaFingerprint)}
${fact("Time", showElapsed(meta.totalElapsedMs))}
${fact("Seeds", seeds)}
</dl>`;
}

function fact(name: string, value: string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

import { basename } from "node:path";
import type { ReportedAcceptance } from "../accept/accept-job.ts";
import { describeCalibration } from "../feedback/give-feedback.ts";
import { counted, cut, showCount, showOnLine, showShare, showUsd } from "../progress/format.ts";
import { showElapsed } from "../view/facts.ts";
import { calibrationChart, contestedField, costBars, histogramChart } from "../view/page/charts.ts";
import { figure, renderDocument, section, sourceNotice } from "../view/page/document.ts";
import { type Html, html, type Insertion, meter } from "../view/page/html.ts";
import { pagedList, pagingScript } from "../view/page/paging.ts";
import type { FailedInput, FailureKind } from "./failure-tally.ts";
import type { ContestedField } from "./field-tally.ts";
import type { JobReport, UnsureInput } from "./job-facts.ts";
import { mostNamed, type ReportedJob, showVotesOf } from "./terminal.ts";
import {
  describeBelow,
  describeConfidence,
  describeContested,
  describeCost,
  describeInputs,
  describeJudged,
  describeMessage,
  describeReuse,
  describeRivals,
  describeSaved,
  describeSingle,
  describeTime,
  fixedKNamesOf,
  hasFields,
  heldAgainst,
  limitOf,
  nameOfField,
  partOf,
  unknownIn,
  withoutAnswer,
} from "./words.ts";

const longestName = 200;
const unsurePerPage = 10;
const failedPerPage = 50;

/** A whole job as one page of HTML that needs nothing else. */
export function renderReport(job: ReportedJob): string {
  const { report, calibration, file, acceptance } = job;
  const { confidence, leastSure, contested, failures, cost } = report;
  return renderDocument({
    title: `${titleOf(job)}: job report`,
    script: pagingScript,
    body: html`${headline(job)}
${figures(report)}
${acceptance && section("Accepted", acceptedPart(acceptance))}
${acceptance && acceptance.toReview.length > 0 && section("To review, what a label buys first", reviewList(acceptance, file))}
${confidence.count > 0 && section("How sure", histogramChart(confidence, confidenceNotes(report)))}
${leastSure.length > 0 && section("Least sure", leastSureList(leastSure, file, confidence.count))}
${hasFields(report) && section("Most contested fields", contestedTable(contested.fields, contested.moreCount))}
${failures.length > 0 && section("Without an answer", failureList(failures, job.failedInputs))}
${cost.fixed.answers > 0 && section("Cost against a fixed K", costBars(cost, fixedKNamesOf(cost)))}
${calibration && section("What confidence has meant", calibrationChart(calibration))}
${section("Origin", origin(job))}`,
  });
}

function titleOf({ report, file }: ReportedJob): string {
  return showOnLine(report.questions[0]?.task ?? file);
}

function headline(job: ReportedJob): Html {
  const { report, file, isCutShort } = job;
  const [question] = report.questions;
  return html`<header>
<p class="eyebrow">Job report</p>
<h1>${cut(titleOf(job), longestName)}</h1>
${question && html`<p class="model">${cut(showOnLine(question.model), longestName)}${report.questions.length > 1 && " and others"}</p>`}
<p class="model"><code>${cut(showOnLine(basename(file)), longestName)}</code></p>
${question && sourceNotice(question.source)}
${isCutShort && html`<p class="notice">The last line is not complete, and left out: the job was stopped, or is still running.</p>`}
</header>`;
}

function figures({ inputs, confidence, cost, time }: JobReport): Html {
  const { mean, below, count } = confidence;
  const held = heldAgainst(confidence);
  const missing = withoutAnswer(inputs);
  return html`<section><h2 class="unseen">In short</h2><dl class="figures">
${figure("Inputs", showCount(inputs.total), missing === 0 ? "each with an answer" : html`<span class="bad">${showCount(missing)} without an answer</span>`)}
${mean !== null && figure("Mean confidence", showShare(mean), [meter(mean, "agreed"), `if it holds, about ${partOf(Math.round(mean * count), count)} are right`])}
${describeBelow(confidence) !== undefined && figure(confidence.minConfidence === null ? "Too unsure" : `Below ${limitOf(confidence)}`, showCount(below), [meter(below / held, "other"), confidence.minConfidence === null ? `of ${showCount(held)} are below ${limitOf(confidence)}` : `of ${counted(held, "input")}`])}
${figure("Cost", cost.totalUsd === null ? "unknown" : showUsd(cost.totalUsd), costNote(cost))}
${time.medianMs !== null && figure("Time of an input", showElapsed(time.medianMs), time.slowest !== null && `the median; the slowest took ${showElapsed(time.slowest.ms)}`)}
</dl></section>`;
}

function costNote(cost: JobReport["cost"]): string {
  const saved = describeSaved(cost) ?? (cost.tokens > 0 ? counted(cost.tokens, "token") : "");
  return cost.totalUsd === null ? `no price for ${unknownIn(cost)}. ${saved}` : saved;
}

function confidenceNotes({ confidence, contested }: JobReport): Html {
  const notes = [
    describeConfidence(confidence),
    describeBelow(confidence),
    describeSingle(confidence),
    describeContested(contested.fields.slice(0, mostNamed)),
    describeJudged(confidence),
  ];
  return html`${notes.map((note) => note !== undefined && html`<p>${note}</p>`)}`;
}

function leastSureList(inputs: readonly UnsureInput[], file: string, total: number): Html {
  const left = total - inputs.length;
  return html`${pagedList({ name: "the least sure", perPage: unsurePerPage, rows: inputs.map((input) => unsureRow(input, file)) })}
${left > 0 && html`<p class="more">… and ${counted(left, "more input")} that are surer.</p>`}`;
}

function unsureRow({ line, confidence, input, consensus, votes }: UnsureInput, file: string): Html {
  const said = votes.length === 0 ? "all agree" : votes.map(showVotesOf).join(" · ");
  return html`<details class="unsure"><summary><b>line ${line}</b><span class="said"><span class="asked">${input}</span><span class="facts">${said}</span></span><span class="sure">${showShare(confidence)}${meter(confidence, "agreed")}</span></summary>
<div><p>Consensus: <q>${consensus}</q></p>
${votes.map((field) => contestedField(field))}
<p class="facts"><code>steer view ${showOnLine(file)} --line ${line}</code> shows every answer.</p></div></details>`;
}

function acceptedPart({ accepted, review, wrong, failed, isCertified, sentences }: ReportedAcceptance): Html {
  const total = Math.max(1, accepted + review + wrong + failed);
  return html`<dl class="figures">
${figure("Accepted", showCount(accepted), [meter(accepted / total, "agreed"), isCertified ? "certified by labels" : "judged right one by one"])}
${figure("To review", showCount(review), [meter(review / total, "other"), `of ${showCount(total)}`])}
${wrong + failed > 0 && figure("Refused", showCount(wrong + failed), `${showCount(wrong)} judged wrong, ${showCount(failed)} without an answer`)}
</dl>
${sentences.map((sentence) => html`<p>${sentence}</p>`)}`;
}

function reviewList({ toReview, review }: ReportedAcceptance, file: string): Html {
  const rows = toReview.map(
    ({ line, score, input, consensus }) =>
      html`<details class="unsure"><summary><b>line ${line}</b><span class="said"><span class="asked">${input}</span><span class="facts">${consensus}</span></span><span class="sure">${showShare(score)}${meter(score, "agreed")}</span></summary>
<div><p class="facts"><code>steer view ${showOnLine(file)} --line ${line}</code> shows every answer.</p></div></details>`,
  );
  const left = review - toReview.length;
  return html`${pagedList({ name: "those to review", perPage: unsurePerPage, rows })}
${left > 0 && html`<p class="more">… and ${showCount(left)} more.</p>`}`;
}

function contestedTable(fields: readonly ContestedField[], moreCount: number): Html {
  return html`<table class="contested">
<thead><tr><th scope="col">field</th><td class="wide"></td><th scope="col" class="number">inputs that differ</th><th scope="col" class="number">mean confidence</th></tr></thead>
<tbody>${fields.map(contestedRow)}</tbody>
</table>
${moreCount > 0 && html`<p class="more">… and ${counted(moreCount, "more field")}</p>`}`;
}

function contestedRow(field: ContestedField): Html {
  const { path, contested, inputs, meanConfidence } = field;
  const name = path === "" ? nameOfField(field) : html`<code>${cut(showOnLine(path), longestName)}</code>`;
  const rivals = describeRivals(field);
  return html`<tr><th scope="row" class="said">${name}${rivals !== "" && html`<span class="facts">most often ${rivals}</span>`}</th><td class="wide">${meter(contested / inputs, "other")}</td><td class="number">${partOf(contested, inputs)}</td><td class="number">${showShare(meanConfidence)}</td></tr>`;
}

/** Each kind with what to do, and its inputs one by one. */
function failureList(kinds: readonly FailureKind[], failed: readonly FailedInput[]): Html {
  const byCategory = Map.groupBy(failed, ({ category }) => category);
  return html`${kinds.map((kind) => {
    const { category, count, advice, messages } = kind;
    const listed = byCategory.get(category) ?? [];
    const left = count - listed.length;
    return html`<article class="field"><h3>${cut(showOnLine(category), longestName)} <span class="facts">${counted(count, "input")}</span></h3>
<p>${advice}</p>
<ul class="facts">${messages.map((message) => html`<li>${describeMessage(message)}</li>`)}</ul>
<details><summary>${left > 0 ? `The first ${showCount(listed.length)}` : listed.length === 1 ? "The input" : `All ${showCount(listed.length)}`}</summary>
${pagedList({ name: category, perPage: failedPerPage, rows: listed.map(failedRow) })}</details></article>`;
  })}`;
}

function failedRow({ line, message, input }: FailedInput): Html {
  return html`<div class="failed"><b>line ${line}</b><span class="said"><span class="asked">${input}</span><span class="facts">${message}</span></span></div>`;
}

function origin({ report, file, calibration }: ReportedJob): Html {
  const { inputs, cost, time, questions } = report;
  const invalid = cost.invalidAnswers > 0 ? `, ${showCount(cost.invalidAnswers)} of them not valid` : "";
  const fact = (name: string, value: Insertion) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<dl class="origin">
${fact("File", showOnLine(file))}
${fact("Inputs", describeInputs(inputs))}
${inputs.withoutEvidence > 0 && fact("Without evidence", `${counted(inputs.withoutEvidence, "input")}, answered by a tool that asks once`)}
${questions.map(({ task, model, source, count }) => fact("Asked", `${cut(showOnLine(task), longestName)}, ${cut(showOnLine(model), longestName)} (${source}): ${counted(count, "input")}`))}
${fact("Answers", `${showCount(cost.actual.answers)}${invalid}`)}
${fact("Cost", describeCost(cost))}
${cost.reuse && fact("Saved", describeReuse(cost) ?? "nothing")}
${fact("Time", describeTime(time) ?? "not told")}
${calibration && fact("Labels", describeCalibration(calibration))}
</dl>`;
}

import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";
import { counted, cut, showCount, showOnLine, showUsd } from "../../progress/format.ts";
import { type Deviation, deviations } from "../facts/deviations.ts";
import { showElapsed } from "../facts/show-elapsed.ts";
import { votingReplicates } from "../facts/voting-replicates.ts";
import { type Html, html } from "./html.ts";

const mostAnswers = 200;
const longestLine = 200;
const longestAnswer = 4_000;

/** Every answer, what differs in it, and what it took; the whole of it where it is opened. */
export function answerList(bundle: EvidenceBundle): Html {
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
  return html`<details><summary><b>${id}</b><span class="said">${lineOf(replicate, isVoting, differing)}</span><span class="facts">${factsOf(replicate)}</span></summary>
<pre>${cut(text, longestAnswer)}</pre>${notesOf(replicate)}</details>`;
}

function lineOf(replicate: Replicate, isVoting: boolean, differing: readonly Deviation[] | undefined): Html {
  if (!replicate.valid)
    return html`<span class="bad">not valid: ${cut(replicate.quality.errors[0] ?? "", longestLine)}</span>`;
  if (!isVoting) return html`<i>does not vote: a stronger model was asked</i>`;
  if (!differing) return html`${cut(showOnLine(replicate.data), longestLine)}`;
  if (differing.length === 0) return html`<i>as the consensus</i>`;
  const changes = differing.map(({ path, vote }) => `${path} ${"value" in vote ? showOnLine(vote.value) : "absent"}`);
  return html`${cut(changes.join(", "), longestLine)}`;
}

function factsOf({ usage, costUsd, elapsedMs, attempts }: Replicate): string {
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

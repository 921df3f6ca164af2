import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { counted, cut, showOnLine, showShare } from "../../progress/format.ts";
import { type FieldVotes, fieldVotes, type Vote } from "../facts/field-votes.ts";
import { type Html, html } from "./html.ts";
import { meter } from "./meter.ts";

const mostFields = 200;
const mostValues = 20;
const mostIds = 60;
const longestValue = 200;

/** Each field with its values and who gave them, the most contested field first. */
export function voteBlocks({ summary }: EvidenceBundle): Html {
  const fields = fieldVotes(summary);
  const shown = fields.slice(0, mostFields);
  const contested = shown.filter(({ votes }) => votes.length > 1);
  const agreed = shown.filter(({ votes }) => votes.length === 1);
  return html`${contested.map(contestedField)}${agreed.length > 0 && agreedTable(agreed)}${more(fields.length - shown.length, "field")}`;
}

function contestedField(field: FieldVotes): Html {
  const { votes, tied } = field;
  const total = votes.reduce((sum, { support }) => sum + support, 0);
  return html`<article class="field">
<h3>${pointer(field)} <span class="facts">${factsOf(field)}${tied && " · tied"}</span></h3>
<table class="votes">${votes.slice(0, mostValues).map((vote, index) => valueRow(vote, total, index === 0))}</table>
${more(votes.length - mostValues, "value")}
</article>`;
}

function valueRow(vote: Vote, total: number, isWinner: boolean): Html {
  const ids = vote.replicateIds ?? [];
  const others = ids.length > mostIds ? ` … and ${ids.length - mostIds} more` : "";
  return html`<tr><td class="wide">${meter(vote.support / total, isWinner ? "agreed" : "other")}</td><td class="number">${vote.support}</td><td class="said">${said(vote)}</td><td class="ids">${ids.slice(0, mostIds).join(" ")}${others}</td></tr>`;
}

function agreedTable(fields: readonly FieldVotes[]): Html {
  return html`<table class="agreed-fields">
<thead><tr><th>agreed by all</th><th></th><th class="number">votes</th><th class="number">confidence</th></tr></thead>
<tbody>${fields.map((field) => {
    const [winner] = field.votes as [Vote];
    return html`<tr><th scope="row">${pointer(field)}</th><td class="said">${said(winner)}</td><td class="number">${winner.support}</td><td class="number">${field.confidence !== undefined && showShare(field.confidence)}</td></tr>`;
  })}</tbody>
</table>`;
}

function pointer({ path }: FieldVotes): Html {
  return path === "" ? html`the answer` : html`<code>${cut(showOnLine(path), longestValue)}</code>`;
}

function said(vote: Vote): Html {
  return "value" in vote ? html`<q>${cut(showOnLine(vote.value), longestValue)}</q>` : html`<i>absent</i>`;
}

function factsOf({ confidence, stability }: FieldVotes): string {
  if (confidence === undefined || stability === undefined) return "";
  return `confidence ${showShare(confidence)} · stability ${showShare(stability)}`;
}

function more(count: number, noun: string): Html | false {
  return count > 0 && html`<p class="more">… and ${counted(count, `more ${noun}`)}</p>`;
}

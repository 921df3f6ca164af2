import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { toColumns } from "../../progress/columns.ts";
import { counted, cut, showOnLine, showShare } from "../../progress/format.ts";
import { type FieldVotes, fieldVotes, type Vote } from "../facts/field-votes.ts";
import { bar } from "./bar.ts";
import type { Paper } from "./paper.ts";
import { showVote } from "./show-vote.ts";

const mostFields = 30;
const mostValues = 8;
const barColumns = 20;
const idsColumns = 24;
/** Of confidence and stability. */
const factsColumns = 34;

/** A bar for each value of each field, the most contested field first, and who said what. */
export function showVotes({ summary }: EvidenceBundle, paper: Paper): string[] {
  const all = fieldVotes(summary);
  const [contested, agreed] = [all.filter(isContested), all.filter((field) => !isContested(field))];
  const shownContested = contested.slice(0, mostFields);
  const shownAgreed = agreed.slice(0, mostFields - shownContested.length);
  const left = all.length - shownContested.length - shownAgreed.length;
  return [
    ...shownContested.flatMap((field) => contestedLines(field, paper)),
    ...agreedLines(shownAgreed, paper),
    ...(left > 0 ? [paper.colors.dim(`… and ${counted(left, "more field")}`)] : []),
  ];
}

function isContested({ votes }: FieldVotes): boolean {
  return votes.length > 1;
}

function contestedLines(field: FieldVotes, { colors, columns }: Paper): string[] {
  const total = field.votes.reduce((sum, { support }) => sum + support, 0);
  const rows = field.votes.slice(0, mostValues).map((vote, index) => {
    const color = index === 0 ? colors.green : colors.yellow;
    const valueColumns = Math.max(10, columns - barColumns - idsColumns - 13);
    return [
      color(bar(vote.support / total, barColumns).padEnd(barColumns)),
      String(vote.support).padStart(3),
      cut(showVote(vote), valueColumns),
      colors.dim(cut(vote.replicateIds?.join(" ") ?? "", idsColumns)),
    ];
  });
  const left = field.votes.length - rows.length;
  const facts = [factsOf(field), ...(field.tied ? ["tied"] : [])].filter(Boolean).join("   ");
  return [
    `${cut(nameOf(field), Math.max(10, columns - factsColumns - 12))}   ${colors.dim(facts)}`,
    ...toColumns(rows).map((line) => `  ${line}`),
    ...(left > 0 ? [colors.dim(`  … and ${counted(left, "more value")}`)] : []),
  ];
}

function agreedLines(fields: readonly FieldVotes[], { colors, columns }: Paper): string[] {
  const half = Math.max(10, Math.floor((columns - factsColumns - 6) / 2));
  return toColumns(
    fields.map((field) => {
      const [winner] = field.votes as [Vote];
      const value = `all ${winner.support}: ${showVote(winner)}`;
      return [cut(nameOf(field), half), cut(value, half), colors.dim(factsOf(field))];
    }),
  );
}

/** The whole answer has no path. */
function nameOf({ path }: FieldVotes): string {
  return path === "" ? "the answer" : showOnLine(path);
}

function factsOf({ confidence, stability }: FieldVotes): string {
  if (confidence === undefined || stability === undefined) return "";
  return `confidence ${showShare(confidence)}   stability ${showShare(stability)}`;
}

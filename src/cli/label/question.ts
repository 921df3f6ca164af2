import { counted, cut, showLines, showOnLine } from "../progress/format.ts";
import { fieldVotes } from "../view/facts.ts";
import { consensusLines, type Paper, wrap } from "../view/terminal.ts";
import type { OpenedAnswer } from "./answers.ts";

const mostInputLines = 20;
const mostFields = 30;
const mostValues = 5;

/** The question, the consensus and the votes, as lines. The confidence is not shown: a label says what it is worth. */
export function showQuestion({ input, bundle }: OpenedAnswer, paper: Paper): string[] {
  const { bold } = paper.colors;
  return [
    bold("Question"),
    ...indented(inputLines(input, paper.columns - 2)),
    bold("Answer"),
    ...indented(consensusLines(bundle, { ...paper, columns: paper.columns - 2 })),
    bold("Votes"),
    ...indented(voteLines({ input, bundle }, paper)),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** Each field of the input by its name; its texts over as many lines as they take. */
function inputLines(input: unknown, columns: number): string[] {
  const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
  const parts = isObject ? Object.entries(input) : [["", input] as const];
  const lines = parts.flatMap(([name, value]) => {
    const text = typeof value === "string" ? showLines(value) : showOnLine(value);
    return `${name === "" ? "" : `${showOnLine(name)}: `}${text}`.split("\n").flatMap((line) => wrap(line, columns));
  });
  const left = lines.length - mostInputLines;
  return left > 1 ? [...lines.slice(0, mostInputLines), `… and ${counted(left, "more line")}`] : lines;
}

function voteLines({ bundle: { summary } }: OpenedAnswer, { columns, colors }: Paper): string[] {
  const all = fieldVotes(summary);
  const lines = all.slice(0, mostFields).map(({ path, votes }) => {
    const shown = votes.slice(0, mostValues).map((vote) => {
      return `${vote.support} ${"value" in vote ? cut(showOnLine(vote.value), 40) : "(absent)"}`;
    });
    const left = votes.length - shown.length;
    const name = path === "" ? "" : `${showOnLine(path)}   `;
    return cut(`${name}${[...shown, ...(left > 0 ? [`${left} more`] : [])].join(colors.dim(" · "))}`, columns - 2);
  });
  return all.length > mostFields ? [...lines, `… and ${counted(all.length - mostFields, "more field")}`] : lines;
}

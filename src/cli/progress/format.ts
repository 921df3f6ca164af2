import stringWidth from "string-width";
import type { BundleSummary } from "../../contract/bundle.ts";
import type { EvidenceSource } from "../../contract/model.ts";

/**
 * A value as one line of plain text. What a model said may hold escape sequences: no control character gets through, and
 * what cannot be seen is shown by its number.
 */
export function showOnLine(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return showInvisible(text.replace(/\p{Cc}+/gu, " ").trim());
}

/** A text as it may go to a terminal: what `showOnLine` does, line by line. */
export function showLines(text: string): string {
  return showInvisible(text.replace(/[\p{Cc}--\n]/gv, " "));
}

/** Characters that reverse, break or hide text around them. What joins letters and emoji stays. */
const invisible = /[[\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\ufff9-\ufffb]--[\u200c\u200d\ufe0e\ufe0f]]/gv;

/** JSON for a terminal: what controls it or hides text is written as `\\u…`, which reads back as the same value. */
export function toSafeJson(value: unknown, indent?: number): string {
  return (JSON.stringify(value, null, indent) ?? "null").replace(unsafe, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** Line feeds are those of the indent: in a text they are escaped already. */
const unsafe = /[[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\ufff9-\ufffb]--[\n\u200c\u200d\ufe0e\ufe0f]]/gv;

function showInvisible(text: string): string {
  return text.replace(invisible, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Letters of which each takes one column. */
const plain = /^[\x20-\x7e]*$/;

/** The text in at most so many terminal columns, with `…` where something is cut off. A character is never cut in two. */
export function cut(text: string, columns: number): string {
  if (plain.test(text)) return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
  let width = 0;
  let end = 0;
  for (const { segment, index } of graphemes.segment(text)) {
    width += stringWidth(segment);
    if (width > columns) return `${text.slice(0, end)}…`;
    if (width < columns) end = index + segment.length;
  }
  return text;
}

/** US dollars, down to the first two digits that are not zero. */
export function showUsd(costUsd: number | null): string {
  if (costUsd === null) return "cost unknown";
  if (costUsd === 0 || costUsd >= 0.01) return `$${costUsd.toFixed(2)}`;
  return `$${costUsd.toFixed(Math.min(9, 1 - Math.floor(Math.log10(costUsd))))}`;
}

export function showDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A probability or a share, with two digits. */
export function showShare(share: number): string {
  return share.toFixed(2);
}

/** Stands for a confidence of which nothing tells. */
export const noConfidence = "–";

/** Confidence of a bundle; a dash where one answer, or none, says nothing of it. */
export function showConfidence(summary: ShownConfidence): string {
  const { confidence, calibratedConfidence = confidence } = summary;
  return hasConfidence(summary) ? showShare(calibratedConfidence) : noConfidence;
}

/** True where something tells how sure the consensus is: two answers, or labels. */
export function hasConfidence({
  calibratedConfidence,
  confidenceBasis,
  validCount = 0,
}: Partial<Pick<BundleSummary, "calibratedConfidence" | "confidenceBasis" | "validCount">>): boolean {
  if (calibratedConfidence !== undefined) return true;
  return confidenceBasis ? confidenceBasis.kind !== "none" : validCount > 1;
}

type ShownConfidence = Pick<BundleSummary, "confidence" | "calibratedConfidence" | "validCount"> &
  Partial<Pick<BundleSummary, "confidenceBasis">>;

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function showCount(count: number): string {
  return counts.format(count);
}

const counts = new Intl.NumberFormat("en-US");

/** `3 answers`, and where they do not come from a model asked now, what they are: `3 simulated answers`. */
export function answersOf(count: number, source: EvidenceSource): string {
  return counted(count, source === "live" ? "answer" : `${source} answer`);
}

/** Sentence on answers that no model was asked for now. */
export const sourceNotices = {
  live: undefined,
  recorded: "These are recorded answers of a model, replayed.",
  simulated: "These answers are simulated: they say nothing about the world.",
} as const satisfies Record<EvidenceSource, string | undefined>;

/** "1 answer", "2 answers". */
export function counted(count: number, noun: string): string {
  return `${showCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Rows of cells under each other. A cell keeps its colours; the last column is not filled up. */
export function toColumns(rows: readonly (readonly string[])[], gap = 2): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] as number) - stringWidth(cell)))
      .join(" ".repeat(gap))
      .trimEnd(),
  );
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of so many columns for the whole, to an eighth of a column; what is there is never drawn as nothing. */
export function bar(share: number, columns: number): string {
  const length = Math.round(Math.max(0, Math.min(1, share)) * columns * 8);
  const shown = share > 0 ? Math.max(1, length) : 0;
  return "█".repeat(Math.floor(shown / 8)) + (eighths[shown % 8] as string);
}

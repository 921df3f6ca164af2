import type { EvidenceBundle } from "../../../contract/bundle.ts";
import {
  answersOf,
  counted,
  cut,
  showCount,
  showLines,
  showOnLine,
  showShare,
  showUsd,
} from "../../progress/format.ts";
import { modelsOf } from "../facts/models-of.ts";
import type { OpenedBundle } from "../open-bundle.ts";
import type { Paper } from "./paper.ts";
import { wrap } from "./wrap.ts";

/** More lines of a consensus than this are in the file. */
const mostLines = 24;

/** What was asked, what the answers come to, and how far that can be trusted. */
export function showHeadline({ bundle, input }: OpenedBundle, { colors, columns }: Paper): string[] {
  const task = cut(showOnLine(bundle.meta.task), Math.floor(columns / 2));
  const model = cut(showOnLine(modelsOf(bundle)), columns - task.length - 2);
  return [
    `${colors.bold(task)}  ${colors.dim(model)}`,
    ...(input === undefined ? [] : [colors.dim(cut(showOnLine(input), columns))]),
    "",
    ...consensusOf(bundle, { colors, columns }),
    "",
    ...factsOf(bundle).flatMap((facts) => wrap(facts.join("   "), columns)),
  ];
}

function consensusOf({ summary }: EvidenceBundle, { colors, columns }: Paper): string[] {
  if (summary.validCount === 0) return [colors.red("No valid answer")];
  const { consensus } = summary;
  const text = typeof consensus === "string" ? consensus : JSON.stringify(consensus, null, 2);
  const lines = showLines(text)
    .split("\n")
    .map((line) => cut(line, columns));
  const left = lines.length - mostLines;
  const shown = left > 1 ? [...lines.slice(0, mostLines), `… and ${counted(left, "more line")}`] : lines;
  const medoid = summary.medoidId === undefined ? [] : [colors.dim(`as ${summary.medoidId} gave it`)];
  return [...shown.map((line) => colors.green(line)), ...medoid];
}

/** How far the consensus can be trusted, and what it took. */
function factsOf({ summary, meta, replicates, costTotalUsd }: EvidenceBundle): readonly (readonly string[])[] {
  const { confidence, calibratedConfidence, weakest, stability, invalidCount, fields } = summary;
  const asked = `${answersOf(replicates.length, meta.source)} of up to ${showCount(meta.k)}`;
  return [
    [
      `confidence ${showShare(calibratedConfidence ?? confidence)}`,
      ...(calibratedConfidence === undefined ? [] : [`without labels ${showShare(confidence)}`]),
      ...(Object.keys(fields).length > 1 ? [`weakest field ${showShare(weakest)}`] : []),
      `stability ${showShare(stability)}`,
    ],
    [asked, ...(invalidCount > 0 ? [`${showCount(invalidCount)} invalid`] : []), showUsd(costTotalUsd)],
  ];
}

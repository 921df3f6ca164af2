import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { toColumns } from "../../progress/columns.ts";
import { cut, showOnLine, showShare } from "../../progress/format.ts";
import { showElapsed } from "../facts/show-elapsed.ts";
import type { Paper } from "./paper.ts";
import { wrap } from "./wrap.ts";

const sources = {
  live: "a model, asked now",
  recorded: "recorded answers of a model, replayed",
  simulated: "a simulation: the answers say nothing about the world",
} as const;

/** Of one fact. */
const mostCharacters = 400;

/** Where the answers come from, and why there are no more of them. */
export function showOrigin({ meta, replicates }: EvidenceBundle, { colors, columns }: Paper): string[] {
  const escalations = (meta.escalations ?? []).map(
    ({ from, replicateIds, confidence }) =>
      `from ${from} after ${replicateIds.join(" ")} (confidence ${showShare(confidence)})`,
  );
  const warnings = new Set(replicates.flatMap(({ quality }) => quality.warnings ?? []));
  const facts: readonly (readonly [string, string])[] = [
    ["source", `${meta.source}: ${sources[meta.source]}`],
    ["stopped", meta.earlyStopReason ?? `all ${meta.k} answers were asked for`],
    ...escalations.map((escalation) => ["escalated", escalation] as const),
    ...(meta.schemaUri === undefined ? [] : [["schema", meta.schemaUri] as const]),
    ["seeds", meta.seeds.join(" ")],
    ["time", showElapsed(meta.totalElapsedMs)],
    ...[...warnings].map((warning) => ["warning", warning] as const),
  ];
  return toColumns(
    facts.flatMap(([name, value]) =>
      wrap(cut(showOnLine(value), mostCharacters), columns - 14).map((line, index) => [
        index === 0 ? colors.dim(name) : "",
        line,
      ]),
    ),
  );
}

import { counted, cut, percent, showCount, showOnLine, showShare, showUsd } from "../progress/format.ts";
import type { FixedKNames } from "../view/expense.ts";
import { showElapsed } from "../view/facts.ts";
import type { CostFacts } from "./cost-tally.ts";
import type { FailureKind } from "./failure-tally.ts";
import type { ContestedField } from "./field-tally.ts";
import type { ConfidenceFacts, InputCounts, JobReport, TimeFacts } from "./job-facts.ts";

/** Sentences of a report. The terminal, the page and the end of a job say the same. */

const longestName = 30;

/** Titles of the parts of a report. */
export const titles = { sure: "How sure", contested: "Most contested fields", failures: "Without an answer" } as const;

/** Sentence on a file whose last line is not complete. */
export const cutShort = "The last line is not complete, and left out: the job was stopped, or is still running.";

/** `12 of 962`, with each number grouped. */
export function partOf(part: number, whole: number): string {
  return `${showCount(part)} of ${showCount(whole)}`;
}

function withAnswer({ completed, partial }: InputCounts): number {
  return completed + partial;
}

export function withoutAnswer({ failed, rejected }: InputCounts): number {
  return failed + rejected;
}

export function describeInputs(inputs: InputCounts): string {
  const answered = withAnswer(inputs);
  const partial = inputs.partial > 0 ? ` (${showCount(inputs.partial)} with fewer answers than asked for)` : "";
  const missing = withoutAnswer(inputs);
  return `${counted(inputs.total, "input")}: ${showCount(answered)} with an answer${partial}, ${showCount(missing)} without.`;
}

/** Mean confidence, and what it would mean; `undefined` without a confidence. */
export function describeConfidence(confidence: ConfidenceFacts): string | undefined {
  const { mean, count, basis, uncalibrated } = confidence;
  if (mean === null) return undefined;
  const sources = [
    [basis.labels, "learnt from labels"],
    [basis.job, "learnt from the answers of the whole job"],
    [basis.answers, "from the answers of each input alone"],
  ] as const;
  const [[, source]] = sources.toSorted(([a], [b]) => b - a) as [(typeof sources)[number]];
  const mostly = sources.filter(([part]) => part > 0).length > 1 ? "mostly " : "";
  const guess =
    uncalibrated === 0
      ? ""
      : ` For ${partOf(uncalibrated, count)} that is a guess: votes on yes or no say little without labels.`;
  return `Mean confidence ${showShare(mean)}, ${mostly}${source}: ${describeRight(confidence)}.${guess}`;
}

/** Number of right answers to expect. Of several fields, the mean confidence is of each: all of them are right less often. */
export function describeRight({ right, count, hasFields }: ConfidenceFacts): string {
  return `if it holds, about ${partOf(Math.round(right), count)} are right${hasFields ? " in all fields" : ""}`;
}

/** Agreement of each model with the consensus; `undefined` where one model answered. */
export function describeModels(models: JobReport["models"]): string | undefined {
  if (models.length < 2) return undefined;
  const shares = models
    .slice(0, 5)
    .map(({ model, votes, agreeing }) => `${showOnLine(model)} in ${showShare(agreeing / votes)}`);
  const more = models.length > shares.length ? ` (and ${models.length - shares.length} more)` : "";
  return `Share of votes that the consensus has, by model: ${shares.join(", ")}${more}.`;
}

/** Inputs below the wanted confidence; `undefined` where none is wanted. */
export function describeBelow(confidence: ConfidenceFacts): string | undefined {
  const { below, minConfidence } = confidence;
  if (minConfidence === null && below === 0) return undefined;
  return `${partOf(below, heldAgainst(confidence))} are below ${limitOf(confidence)}.`;
}

/** Inputs that are held against the wanted confidence: one answer cannot reach it. */
export function heldAgainst({ count, singleAnswer }: ConfidenceFacts): number {
  return count + singleAnswer;
}

/** Confidence that was wanted, by the report or by the job. */
export function limitOf({ minConfidence }: ConfidenceFacts): string {
  return minConfidence === null ? "the job's --min-confidence" : showShare(minConfidence);
}

export function describeSingle({ singleAnswer }: ConfidenceFacts): string | undefined {
  if (singleAnswer === 0) return undefined;
  return `${counted(singleAnswer, "input")} with one valid answer ${singleAnswer === 1 ? "has" : "have"} no confidence: ask for more with --k.`;
}

/** Says what labels of the job's own answers tell; `undefined` without one. */
export function describeJudged({ judged: { count, right, meanConfidence } }: ConfidenceFacts): string | undefined {
  if (count === 0) return undefined;
  const beside = meanConfidence === null ? "" : `, where the mean confidence is ${showShare(meanConfidence)}`;
  return `${counted(count, "answer")} of this job judged: ${showCount(right)} right (${showShare(right / count)})${beside}.`;
}

export function nameOfField({ path }: Pick<ContestedField, "path">): string {
  return path === "" ? "the answer" : path;
}

/** True where answers differ on fields, and not as a whole, as texts do. */
export function hasFields({ contested }: Pick<JobReport, "contested">): boolean {
  return contested.fields.some(({ path }) => path !== "");
}

/** Fields on which answers differ, the most contested first; `undefined` without one. */
export function describeContested(fields: readonly ContestedField[]): string | undefined {
  const [first] = fields;
  if (!first) return undefined;
  if (first.path === "") return `Answers differ on ${partOf(first.contested, first.inputs)}.`;
  const named = fields.map(
    (field) => `${cut(showOnLine(field.path), longestName)} (${partOf(field.contested, field.inputs)})`,
  );
  return `Answers differ most in ${named.join(", ")}.`;
}

export function describeRivals({ rivals }: ContestedField): string {
  if (!rivals) return "";
  const [a, b] = rivals.values;
  return `${a} or ${b}: ${showCount(rivals.count)}`;
}

export function fixedKNamesOf({ ks }: CostFacts): FixedKNames {
  const [only] = ks;
  const fixedName = ks.length === 1 ? `always ${only}` : "always K";
  return { fixedName, estimate: "The second line takes each input's mean answer K times." };
}

/** Answers that were not needed; `undefined` where there are none. */
export function describeSaved(cost: CostFacts): string | undefined {
  const { saved: less, fixed } = cost;
  if (less.answers <= 0) return undefined;
  const share = percent(less.answers / fixed.answers);
  const usd = less.costUsd ?? 0;
  const saved = usd > 0 ? `, about ${showUsd(usd)} less` : "";
  return `${share} fewer answers than ${fixedKNamesOf(cost).fixedName}${saved}.`;
}

export function describeCost(cost: CostFacts): string {
  const { totalUsd, knownUsd, tokens } = cost;
  const dollars =
    totalUsd === null
      ? `${knownUsd > 0 ? `${showUsd(knownUsd)} and ` : ""}${unknownIn(cost)} of unknown cost`
      : showUsd(totalUsd);
  return tokens === 0 ? dollars : `${dollars}, ${counted(tokens, "token")}`;
}

/** Part of the cost that signals have; `undefined` where there is none. */
export function describeSignalCost({ signals }: CostFacts): string | undefined {
  if (!signals?.costUsd) return undefined;
  return `${showUsd(signals.costUsd)} of it for ${counted(signals.calls, "signal")} of what is right.`;
}

/** Names what has no price. */
export function unknownIn({ unknownCount, signals }: CostFacts): string {
  const inputs = unknownCount > 0 ? [counted(unknownCount, "input")] : [];
  const calls = signals?.costUsd === null ? [counted(signals.calls, "signal")] : [];
  return [...inputs, ...calls].join(" and ");
}

/** Says what answers did not pay for again; `undefined` where each paid for itself. */
export function describeReuse({ reuse }: CostFacts): string | undefined {
  if (!reuse) return undefined;
  const { answers, cachedInputTokens, savedUsd } = reuse;
  const parts = [
    ...(answers > 0 ? [`${counted(answers, "answer")} of earlier runs`] : []),
    ...(cachedInputTokens > 0 ? [`${counted(cachedInputTokens, "token")} out of the provider's cache`] : []),
  ];
  if (savedUsd <= 0) return parts.length > 0 ? `Reused: ${parts.join(", ")}.` : undefined;
  return `${showUsd(savedUsd)} saved by reuse${parts.length > 0 ? `: ${parts.join(", ")}` : ""}.`;
}

/** Time that single inputs took; `undefined` where no line tells. */
export function describeTime({ medianMs, slowest }: TimeFacts): string | undefined {
  if (medianMs === null || !slowest) return undefined;
  return `Half of the inputs took ${showElapsed(medianMs)} or less, the slowest ${showElapsed(slowest.ms)} (line ${slowest.line}).`;
}

/** @param columns room for it; the message is cut, and its count and line are not */
export function describeMessage(
  { message, count, line }: FailureKind["messages"][number],
  columns = Number.POSITIVE_INFINITY,
): string {
  const place = count === 1 ? ` (line ${line})` : ` (${counted(count, "time")}, first on line ${line})`;
  return cut(message, Math.max(20, columns - place.length)) + place;
}

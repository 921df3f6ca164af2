import type { BundleSummary } from "../contract/bundle.ts";
import { jsonOf } from "../contract/bundle-json.ts";
import type { CompareOptions } from "../contract/bundle-options.ts";
import type { JSONValue } from "../core/json.ts";
import { atOnce } from "../core/slices.ts";
import { FieldComparison } from "./internal/field-comparison.ts";
import { findingDisagreements, judging, meaningTokens } from "./internal/field-summary.ts";
import { tableOf } from "./internal/list-alignment.ts";
import { medoidRow, RowDistances } from "./internal/row-distance.ts";
import { settle, settleOn } from "./internal/settlement.ts";
import { groupWhole } from "./internal/whole-groups.ts";

/** Options of a summary. */
export interface SummaryOptions extends CompareOptions {
  /**
   * Tells if a value fits the schema. Where the consensus put together from the fields does not, the replicate nearest to
   * all others is given instead, and `medoidId` names it. Default: everything fits.
   */
  check?: ((value: unknown) => boolean) | undefined;
  /** The most replicates that were to come, for `stability`. Default: those that are there. */
  k?: number | undefined;
  /** Number of possible answers by JSON pointer (`*`: any list index), as `choicesFromSchema` counts them. Default: unknown. */
  choices?: Readonly<Record<string, number>> | undefined;
}

/** Splits options of a summary: those of comparison, and the others. */
export function splitOptions({ check, k, choices, ...compare }: SummaryOptions, replicates: number) {
  return { compare, check, facts: { choices, left: Math.max(0, (k ?? replicates) - replicates) } };
}

/** Part of a replicate that counts. */
export interface SummarizedReplicate<T> {
  /** Names the answer in disagreements. */
  readonly id: string;
  /** The answer. */
  readonly data: T;
  /** The answer as JSON, which is voted on. Default: `data`. */
  readonly json?: JSONValue | undefined;
  /** Only valid replicates vote. Default: valid. */
  readonly quality?: { readonly valid: boolean } | undefined;
  /** Tokens: a calibration learns from them what long answers mean. */
  readonly usage?: { readonly totalTokens: number } | undefined;
  /** Mean log-probability of the tokens of each field, by JSON pointer. They break ties for the lead. */
  readonly logprobs?: Readonly<Record<string, number>> | undefined;
}

/**
 * Summarises replicates: their agreement, their differences and the confidence in it. Every field (JSON pointer) is voted on by
 * the valid replicates (self-consistency: Wang et al. 2022); a field that a replicate lacks is a value of its own.
 *
 * @param replicates in index order: of tied values the one that reached the count first is given, where neither
 * log-probabilities nor likeness tell
 * @returns a plain object; `pairwiseDistance`, the only part that grows with the square of the replicates, is computed
 * when it is first read, and `null` above 1,000 of them. The time grows with replicates times fields.
 * @throws InvalidOptionsError where the options cannot be used, or an answer contains itself
 *
 * @example
 * ```ts
 * const rows = [{ severity: "low" }, { severity: "low" }, { severity: "high" }];
 * const summary = summarize(rows.map((data, index) => ({ id: `r${index + 1}`, data })));
 * summary.consensus?.severity; // "low"
 * summary.fields["/severity"]?.support; // 2
 * ```
 */
export function summarize<T>(
  replicates: readonly SummarizedReplicate<T>[],
  options: SummaryOptions = {},
): BundleSummary<T> {
  const { check, compare, facts } = splitOptions(options, replicates.length);
  const valid = replicates.filter(isValid);
  const answers = valid.map(jsonOf);
  const table = tableOf(answers, FieldComparison.of(compare), valid.map(logprobsOf));
  const settled = settle(table);
  const fits = table.rows === 0 || (check?.(settled.consensus) ?? true);
  const medoid = fits ? undefined : atOnce(medoidRow(table));
  const agreements = medoid === undefined ? settled.agreements : atOnce(settleOn(table, medoid));
  const tokens = valid.map(({ usage }) => usage?.totalTokens);
  const meanTotalTokens = atOnce(meaningTokens(agreements, tokens));
  const groups = atOnce(groupWhole(agreements, table.rows));
  let matrix: (number | null)[][] | undefined;
  return {
    ...(medoid === undefined
      ? givenConsensus<T>(settled.consensus)
      : medoidConsensus(valid[medoid] as SummarizedReplicate<T>)),
    ...atOnce(judging(agreements, facts, groups)),
    groups,
    disagreements: atOnce(findingDisagreements(agreements, valid)),
    validCount: valid.length,
    invalidCount: replicates.length - valid.length,
    ...(meanTotalTokens !== undefined && { meanTotalTokens }),
    get pairwiseDistance() {
      if (replicates.length > mostMeasured) return null;
      matrix ??= spread(new RowDistances(table.fields).matrix(table.rows), replicates.map(isValid));
      return matrix;
    },
  };
}

/** Summaries of more replicates have no distances of every two: their number grows with the square. */
export const mostMeasured = 1_000;

/** The consensus put together from the fields. */
export function givenConsensus<T>(consensus: unknown): Pick<BundleSummary<T>, "consensus" | "consensusJson"> {
  return { consensus: consensus as T | null, consensusJson: consensus as JSONValue };
}

/** One whole answer in place of the fields put together. */
export function medoidConsensus<T>(
  replicate: SummarizedReplicate<T>,
): Pick<BundleSummary<T>, "consensus" | "consensusJson" | "medoidId"> {
  return { consensus: replicate.data, consensusJson: jsonOf(replicate), medoidId: replicate.id };
}

export function logprobsOf({ logprobs }: SummarizedReplicate<unknown>): SummarizedReplicate<unknown>["logprobs"] {
  return logprobs;
}

function isValid({ quality }: SummarizedReplicate<unknown>): boolean {
  return quality?.valid ?? true;
}

/** A matrix of the valid replicates as one of all, `null` where one of two is invalid. */
function spread(matrix: readonly (readonly number[])[], valid: readonly boolean[]): (number | null)[][] {
  if (matrix.length === valid.length) return matrix as number[][];
  let next = 0;
  const rowOf = valid.map((isValid) => (isValid ? next++ : undefined));
  return rowOf.map((row) =>
    rowOf.map((other) => (row === undefined || other === undefined ? null : (matrix[row]?.[other] ?? null))),
  );
}

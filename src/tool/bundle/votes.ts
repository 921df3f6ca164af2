import { isDeepStrictEqual } from "node:util";
import type { BundleSummary, Replicate } from "../../contract/bundle.ts";
import { withConsensus } from "../../contract/bundle-json.ts";
import { atOnce, type Slices } from "../../core/slices.ts";
import { summarizingParts } from "../../evidence/internal/parts.ts";
import { isAtOrBelow } from "../../evidence/internal/pointer.ts";
import type { SummaryOptions } from "../../evidence/summary.ts";

// Apart from summary.ts, which brings the schemas: `createEvidenceBundle` counts votes without one.

/**
 * Counts the votes so far, without waiting for the schema: where that makes something else of answers, and no replicate
 * says what the fields come to, one whole replicate is given in their place.
 */
export function summarizeSoFar<T>(
  replicates: readonly Replicate<T>[],
  options: SummaryOptions | undefined,
): BundleSummary<T> {
  return atOnce(summarizingSoFar(replicates, options));
}

/** `summarizeSoFar`, in slices. */
export function* summarizingSoFar<T>(
  replicates: readonly Replicate<T>[],
  options: SummaryOptions | undefined,
): Slices<BundleSummary<T>> {
  const summary = yield* summarizingJson(replicates, options);
  if (isRanked(replicates)) return withConsensus(summary, summary.consensus);
  if (replicates.every(isVotedAsGiven)) return summary;
  const equal = replicates.find(({ valid, fields, json }) => {
    return valid && !fields && isDeepStrictEqual(json, summary.consensusJson);
  });
  return equal ? withConsensus(summary, equal.data as T) : yield* summarizingMedoid(replicates, options);
}

export function isVotedAsGiven({ valid, data, json }: Replicate<unknown>): boolean {
  return !valid || json === undefined || data === json;
}

export function* summarizingJson<T>(
  replicates: readonly Replicate<T>[],
  options: SummaryOptions | undefined,
  check?: () => boolean,
): Slices<BundleSummary<T>> {
  const rows = replicates as readonly (Replicate<T> & { data: T })[];
  const given = yield* bestOf(rows, options);
  const summary = yield* summarizingParts(
    rows,
    { ...options, check: given === undefined ? check : () => false },
    given,
  );
  yield* namingModels(summary, replicates);
  return summary;
}

/** True of answers of which some have a score: the best of them is given, not the one with most votes. */
export function isRanked(replicates: readonly Replicate<any>[]): boolean {
  return replicates.some(({ valid, score }) => valid && score !== undefined);
}

/** Finds the answer with the highest score; of several the one nearest to them all. `undefined` where none has a score. */
function* bestOf<T>(
  replicates: readonly (Replicate<T> & { data: T })[],
  options: SummaryOptions | undefined,
): Slices<string | undefined> {
  if (!isRanked(replicates)) return undefined;
  const scores = replicates.map(({ valid, score = Number.NEGATIVE_INFINITY }) =>
    valid ? score : Number.NEGATIVE_INFINITY,
  );
  const highest = scores.reduce((most, score) => Math.max(most, score));
  const best = replicates.filter((_, at) => scores[at] === highest);
  return (yield* summarizingParts(best, { ...options, check: () => false })).medoidId;
}

/** Adds to each vote how many answers of each model gave it, where several models answered. */
function* namingModels(
  { fields, disagreements }: BundleSummary<any>,
  replicates: readonly Replicate<any>[],
): Slices<void> {
  const valid = replicates.filter((replicate) => replicate.valid);
  yield valid.length / 8;
  if (new Set(valid.map(({ model }) => model)).size < 2) return;
  const modelOf = new Map(valid.map(({ id, model }) => [id, model]));
  const contested = new Map(disagreements.map(({ path, values }) => [path, values]));
  for (const [pointer, { distribution }] of Object.entries(fields)) {
    const values = contested.get(pointer);
    for (const [at, vote] of distribution.entries()) {
      const voters = values
        ? values[at]?.replicateIds.map((id) => modelOf.get(id) as string)
        : votersOn(pointer, valid);
      vote.models = countEach(voters ?? []);
      yield 1 + vote.support / 16;
    }
  }
}

/** Models of the answers that were asked for a field. */
function votersOn(pointer: string, valid: readonly Replicate<any>[]): string[] {
  return valid.flatMap(({ fields, model }) => (fields?.every((part) => !isAtOrBelow(pointer, part)) ? [] : [model]));
}

function countEach(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

export function* summarizingMedoid<T>(
  replicates: readonly Replicate<T>[],
  options: SummaryOptions | undefined,
): Slices<BundleSummary<T>> {
  const summary = yield* summarizingJson(replicates, options, () => false);
  return withConsensus(summary, summary.consensus);
}

import { isDeepStrictEqual } from "node:util";
import type { BundleSummary, Replicate } from "../../contract/bundle.ts";
import { withConsensus } from "../../contract/bundle-json.ts";
import { atOnce, type Slices } from "../../core/slices.ts";
import { summarizingParts } from "../../evidence/internal/parts.ts";
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
  if (replicates.every(isVotedAsGiven)) return summary;
  const equal = replicates.find(({ valid, fields, json }) => {
    return valid && !fields && isDeepStrictEqual(json, summary.consensusJson);
  });
  return equal ? withConsensus(summary, equal.data as T) : yield* summarizingMedoid(replicates, options);
}

export function isVotedAsGiven({ valid, data, json }: Replicate<unknown>): boolean {
  return !valid || json === undefined || data === json;
}

export function summarizingJson<T>(
  replicates: readonly Replicate<T>[],
  options: SummaryOptions | undefined,
  check?: () => boolean,
): Slices<BundleSummary<T>> {
  return summarizingParts(replicates as readonly (Replicate<T> & { data: T })[], { ...options, check });
}

export function* summarizingMedoid<T>(
  replicates: readonly Replicate<T>[],
  options: SummaryOptions | undefined,
): Slices<BundleSummary<T>> {
  const summary = yield* summarizingJson(replicates, options, () => false);
  return withConsensus(summary, summary.consensus);
}

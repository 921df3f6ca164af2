import type { Disagreement } from "../../../contract/bundle.ts";

/** For each replicate, the place of the value that it gave among the values of a field. */
export function rankByReplicate({ values }: Disagreement): ReadonlyMap<string, number> {
  return new Map(values.flatMap(({ replicateIds }, rank) => replicateIds.map((id) => [id, rank] as const)));
}

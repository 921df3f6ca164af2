import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";

/** The replicates that the summary is of: where a stronger model was asked, only its own. */
export function votingReplicates({ meta, replicates }: EvidenceBundle): readonly Replicate[] {
  const replaced = new Set(meta.escalations?.flatMap(({ replicateIds }) => replicateIds));
  return replaced.size === 0 ? replicates : replicates.filter(({ id }) => !replaced.has(id));
}

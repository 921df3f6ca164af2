import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";
import { fieldConfidence } from "../../../evidence/field-summary.ts";
import { rankByReplicate } from "./rank-by-replicate.ts";

/** The mean confidence of the fields after so many replicates, by who voted for what in the end. */
export function confidenceByVotes(
  { summary }: EvidenceBundle,
  replicates: readonly Replicate[],
): (count: number) => number {
  const contested = summary.disagreements.map(rankByReplicate);
  const unanimousCount = Math.max(0, Object.keys(summary.fields).length - contested.length);
  return (count) => {
    const valid = replicates.slice(0, count).filter((replicate) => replicate.valid);
    const sum = contested.reduce((total, votes) => total + confidenceIn(valid, votes), 0);
    const agreed = fieldConfidence({ votes: valid.length, valid: valid.length, distinct: 1 });
    const fieldCount = contested.length + unanimousCount;
    return fieldCount === 0 ? 0 : (sum + unanimousCount * agreed) / fieldCount;
  };
}

function confidenceIn(replicates: readonly Replicate[], votes: ReadonlyMap<string, number>): number {
  const counts = new Map<number, number>();
  for (const { id } of replicates) {
    const vote = votes.get(id);
    if (vote !== undefined) counts.set(vote, (counts.get(vote) ?? 0) + 1);
  }
  const supports = [...counts.values()];
  const valid = supports.reduce((sum, support) => sum + support, 0);
  return fieldConfidence({ votes: Math.max(0, ...supports), valid, distinct: supports.length });
}

import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";
import { addCost } from "../../../contract/usage.ts";
import { votingReplicates } from "./voting-replicates.ts";

/** Answers, and what they took. */
export interface Expense {
  readonly answers: number;
  /** `undefined` where no answer says what it used. */
  readonly tokens: number | undefined;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
}

/** What a bundle took, beside what always asking K times would have. */
export interface FixedKCost {
  readonly actual: Expense;
  /** K times the mean answer of the model that the summary is of: an estimate, unless all K were asked. */
  readonly fixed: Expense;
}

/** `undefined` of a bundle without answers: nobody knows what one takes. */
export function fixedKCost(bundle: EvidenceBundle): FixedKCost | undefined {
  const { meta, replicates, costTotalUsd } = bundle;
  const voting = votingReplicates(bundle);
  if (voting.length === 0) return undefined;
  const perAnswer = meta.k / voting.length;
  const tokens = tokensOf(voting);
  const costUsd = costOf(voting);
  return {
    actual: { answers: replicates.length, tokens: tokensOf(replicates), costUsd: costTotalUsd },
    fixed: {
      answers: meta.k,
      tokens: tokens === undefined ? undefined : Math.round(tokens * perAnswer),
      costUsd: costUsd === null ? null : costUsd * perAnswer,
    },
  };
}

function tokensOf(replicates: readonly Replicate[]): number | undefined {
  const used = replicates.flatMap(({ usage }) => usage?.totalTokens ?? []);
  return used.length === 0 ? undefined : used.reduce((sum, tokens) => sum + tokens, 0);
}

function costOf(replicates: readonly Replicate[]): number | null {
  return replicates.reduce<number | null>((sum, { costUsd }) => addCost(sum, costUsd ?? null), 0);
}

import type { EvidenceBundle, Replicate } from "../../contract/bundle.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import { addCost, type Budget } from "../../contract/usage.ts";
import { votingReplicates } from "./facts.ts";
import { isStoppedByRule } from "./stop-reason.ts";

/** Answers, and what they took. */
export interface Expense {
  readonly answers: number;
  /** `undefined` where no answer says what it used. */
  readonly tokens: number | undefined;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
}

/** Cost of a bundle, beside that of always asking K times. */
export interface FixedKCost {
  readonly actual: Expense;
  /** K times the mean answer of the model that the summary is of: an estimate, unless all K were asked. */
  readonly fixed: Expense;
  /** Difference of the two. A run that was cut off or cancelled saves nothing: its missing answers may be needed. */
  readonly saved: Pick<Expense, "answers" | "costUsd">;
}

/** Words for the cost of a fixed K. */
export interface FixedKNames {
  readonly fixedName: string;
  /** Says how the fixed cost is estimated, as a sentence. */
  readonly estimate: string;
}

export function fixedKNames({ fixed: { answers } }: FixedKCost): FixedKNames {
  return { fixedName: `always ${answers}`, estimate: `The second line is ${answers} times the mean answer.` };
}

/** `undefined` for a bundle without answers: the cost of one is not known. */
export function fixedKCost(
  bundle: Pick<EvidenceBundle, "meta" | "replicates" | "costTotalUsd">,
): FixedKCost | undefined {
  const { meta, replicates, costTotalUsd } = bundle;
  const voting = votingReplicates(bundle);
  if (voting.length === 0) return undefined;
  const perAnswer = meta.k / voting.length;
  const tokens = tokensOf(voting);
  const reusedUsd = meta.reuse && meta.reuse.replicateIds.length > 0 ? meta.reuse.savedUsd : 0;
  const costUsd = addCost(costOf(voting), reusedUsd);
  const askedUsd = addCost(costTotalUsd, reusedUsd);
  const fixedUsd = costUsd === null ? null : costUsd * perAnswer;
  const lessAnswers = meta.k - replicates.length;
  const lessUsd = fixedUsd === null || askedUsd === null ? null : fixedUsd - askedUsd;
  const isSaving = lessAnswers <= 0 || isStoppedByRule(meta);
  return {
    actual: { answers: replicates.length, tokens: tokensOf(replicates), costUsd: askedUsd },
    fixed: {
      answers: meta.k,
      tokens: tokens === undefined ? undefined : Math.round(tokens * perAnswer),
      costUsd: fixedUsd,
    },
    saved: isSaving ? { answers: lessAnswers, costUsd: lessUsd } : { answers: 0, costUsd: 0 },
  };
}

function tokensOf(replicates: readonly Replicate[]): number | undefined {
  // A reused answer was paid for by an earlier run.
  const used = replicates.flatMap(({ usage, reused }) => (reused ? 0 : (usage?.totalTokens ?? [])));
  return used.length === 0 ? undefined : used.reduce((sum, tokens) => sum + tokens, 0);
}

function costOf(replicates: readonly Replicate[]): number | null {
  return replicates.reduce<number | null>((sum, { costUsd }) => addCost(sum, costUsd ?? null), 0);
}

/** Amounts that a run has used: tools and calls included whose answers do not count. */
export interface Spending {
  readonly tokens: number;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
  readonly timeMs: number;
  /** Ceilings of the run; missing where nothing limits it. */
  readonly budget?: Budget | undefined;
}

/** Returns the spending of a run from its output, which a file may hold in any form; `undefined` where it tells none. */
export function spendingOf(output: unknown): Spending | undefined {
  const { usage, costUsd, elapsedMs, metadata } = (output ?? {}) as Partial<OrchestrationOutput>;
  const tokens = amount(usage?.totalTokens);
  const timeMs = amount(elapsedMs);
  if (tokens === undefined || timeMs === undefined) return undefined;
  const { budget } = metadata ?? {};
  return { tokens, costUsd: amount(costUsd) ?? null, timeMs, ...(budget && { budget: ceilingsIn(budget) }) };
}

/** Returns the ceilings that are numbers. */
function ceilingsIn({ tokens, costUsd, timeMs }: Budget): Budget {
  return { tokens: amount(tokens), costUsd: amount(costUsd), timeMs: amount(timeMs) };
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? value : undefined;
}

import type { StoppingRuleName } from "../../../contract/bundle-options.ts";
import { type FieldRule, type FieldState, slack } from "./field-rule.ts";
import { type Judge, judgeByDistance, judgeByField, judgeNothing } from "./judge.ts";
import { keptLeadProbability, lastingLeadProbability, logChoose } from "./lead-probability.ts";

/** Stops when the leader is ahead in the long run with this probability: Adaptive-Consistency (Aggarwal et al. 2023). */
function beta(threshold: number): FieldRule {
  return {
    margin: ({ first, second }) => lastingLeadProbability(first, second) - threshold + slack,
    explain: ({ first, second }) =>
      `a lead of ${first} to ${second} is real with probability ` +
      `${lastingLeadProbability(first, second).toFixed(4)}, at least ${threshold}`,
  };
}

/**
 * Stops when the evidence that the leader is not merely level with the second reaches `max(1, distinct - 1) / error`:
 * the e-value `1 / BetaPDF(0.5; first + 1, second + 1)`, a martingale under a tie, so that it may be looked at after
 * every replicate (Ville 1939). Proven for two answers.
 */
export function certified(error: number): FieldRule {
  const asked = (state: FieldState) => Math.max(1, state.distinct - 1) / error;
  return {
    margin: (state) => logEvidence(state) - Math.log(asked(state)) + slack,
    explain: (state) =>
      `a lead of ${state.first} to ${state.second} is evidence of ${Math.exp(logEvidence(state)).toFixed(1)} to 1 ` +
      `against a tie, at least ${Number(asked(state).toFixed(1))}`,
  };
}

function logEvidence({ first, second }: FieldState): number {
  const votes = first + second;
  return votes * Math.LN2 - Math.log(votes + 1) - logChoose(votes, first);
}

/**
 * Stops when the leader is as good as sure to keep its lead over the replicates that are left: a beta-binomial forecast
 * from a uniform prior (see `keptLeadProbability`). Never before two valid replicates.
 */
function horizon(threshold: number): FieldRule {
  return {
    margin: ({ first, second, valid, left }) =>
      valid < 2 ? Number.NEGATIVE_INFINITY : keptLeadProbability(first, second, left) - threshold + slack,
    explain: ({ first, second, left }) =>
      `a lead of ${first} to ${second} survives the ${left} left with probability ` +
      `${keptLeadProbability(first, second, left).toFixed(4)}, at least ${threshold}`,
  };
}

/**
 * Stops when the replicates that are left cannot overturn the leader: two or more seen, and `first - second >= left`.
 * A tie at the end goes to the answer that reached the count first, which is the leader; by log-probabilities to the
 * likeliest, of texts to the one closest to all, so that the lead has to be greater.
 */
const lossless: FieldRule = {
  margin: ({ first, second, seen, left, isTieByLikeness }) =>
    seen < 2 ? Number.NEGATIVE_INFINITY : first - second - left - (isTieByLikeness && left > 0 ? 1 : 0),
  explain: ({ first, second, left }) => `a lead of ${first} to ${second} cannot be overturned by the ${left} left`,
};

/** Rule that is asked for, and its threshold. */
export interface JudgeOptions {
  readonly rule?: StoppingRuleName | undefined;
  readonly threshold?: number | undefined;
  readonly epsilon?: number | undefined;
}

/** Up to this many replicates in all, stopping is made lossless rather than early. */
const mostLossless = 3;

/** The judge that options ask for, and the name of its rule. */
export function selectJudge(k: number, options: JudgeOptions): { name: string; judge: Judge } {
  const name = selectRule(k, options);
  return { name, judge: judgeOf(name, options) };
}

function selectRule(k: number, { rule, epsilon }: JudgeOptions): Exclude<StoppingRuleName, "auto"> {
  if (rule === undefined && epsilon !== undefined) return "epsilon";
  if (rule !== undefined && rule !== "auto") return rule;
  return k <= mostLossless ? "lossless" : "horizon";
}

function judgeOf(name: Exclude<StoppingRuleName, "auto">, { threshold, epsilon }: JudgeOptions): Judge {
  switch (name) {
    case "lossless":
      return judgeByField(lossless);
    case "horizon":
      return judgeByField(horizon(threshold ?? 0.975));
    case "beta":
      return judgeByField(beta(threshold ?? 0.95));
    case "certified":
      return judgeByField(certified(threshold ?? 0.05));
    case "epsilon":
      return judgeByDistance(threshold ?? epsilon ?? 0.2);
    case "none":
      return judgeNothing;
  }
}

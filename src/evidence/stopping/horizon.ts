import { type FieldRule, slack } from "./field-rule.ts";
import { keptLeadProbability } from "./lead-probability.ts";

/**
 * Stops when the leader is as good as sure to keep its lead over the replicates that are left: a beta-binomial forecast
 * from a uniform prior (see `keptLeadProbability`). Never before two valid replicates.
 */
export function horizon(threshold: number): FieldRule {
  return {
    margin: ({ first, second, valid, left }) =>
      valid < 2 ? Number.NEGATIVE_INFINITY : keptLeadProbability(first, second, left) - threshold + slack,
    explain: ({ first, second, left }) =>
      `a lead of ${first} to ${second} survives the ${left} left with probability ` +
      `${keptLeadProbability(first, second, left).toFixed(4)}, at least ${threshold}`,
  };
}

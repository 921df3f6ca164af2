import { type FieldRule, slack } from "./field-rule.ts";
import { lastingLeadProbability } from "./lead-probability.ts";

/** Stops when the leader is ahead in the long run with this probability: Adaptive-Consistency (Aggarwal et al. 2023). */
export function beta(threshold: number): FieldRule {
  return {
    margin: ({ first, second }) => lastingLeadProbability(first, second) - threshold + slack,
    explain: ({ first, second }) =>
      `a lead of ${first} to ${second} is real with probability ` +
      `${lastingLeadProbability(first, second).toFixed(4)}, at least ${threshold}`,
  };
}

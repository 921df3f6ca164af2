import { type FieldRule, type FieldState, slack } from "./field-rule.ts";
import { logChoose } from "./log-factorial.ts";

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

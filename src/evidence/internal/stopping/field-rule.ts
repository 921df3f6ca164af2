/** Votes on one field. */
export interface FieldState {
  /** Votes of the leading answer. */
  readonly first: number;
  /** Votes of the next one. */
  readonly second: number;
  /** Number of different answers there are, or can be. */
  readonly distinct: number;
  /** Replicates that voted. */
  readonly valid: number;
  /** Replicates that came, invalid ones included. */
  readonly seen: number;
  /** Replicates that can still come. */
  readonly left: number;
  /** Set where a tie goes to the likeliest answer or the one closest to all, whichever came first. */
  readonly isTieByLikeness?: boolean;
}

/** A rule that judges fields one by one. A further vote for the leader never lowers the margin. */
export interface FieldRule {
  /** Distance of the field past the point where it is settled: settled from 0 on. */
  margin(state: FieldState): number;
  /** Reason why a settled field is settled, with its numbers. */
  explain(state: FieldState): string;
}

/** Comparisons of probabilities forgive this much rounding. */
export const slack = 1e-12;

/** The fewest further replicates that could settle the field, all of them for its leader; at most those left. */
export function fewestToSettle(rule: FieldRule, state: FieldState): number {
  let [tooFew, enough] = [-1, state.left];
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >> 1;
    if (rule.margin(afterLeaderVotes(state, middle)) >= 0) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

function afterLeaderVotes(state: FieldState, votes: number): FieldState {
  return {
    first: state.first + votes,
    second: state.second,
    distinct: Math.max(1, state.distinct),
    valid: state.valid + votes,
    seen: state.seen + votes,
    left: state.left - votes,
    isTieByLikeness: state.isTieByLikeness ?? false,
  };
}

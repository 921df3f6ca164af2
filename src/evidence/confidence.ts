/** The probability that the winner of a vote is right, without labels: `(votes + 1) / (valid + distinct + 1)`. */
export function fieldConfidence({
  votes,
  valid,
  distinct,
}: {
  votes: number;
  valid: number;
  distinct: number;
}): number {
  return valid === 0 ? 0 : (votes + 1) / (valid + distinct + 1);
}

/** The same for texts, with the score of the largest cluster in place of its share: `(n s + 1) / (n + d + 1)`. */
export function textConfidence({ score, valid, distinct }: { score: number; valid: number; distinct: number }): number {
  return valid === 0 ? 0 : (valid * score + 1) / (valid + distinct + 1);
}

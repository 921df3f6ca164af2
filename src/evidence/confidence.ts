/**
 * The probability that the winner of a vote is right, without labels: `(votes + 1) / (valid + distinct + 1)`, 0 without
 * a vote. The share of the votes, as the rule of succession has it (Laplace 1774), with one doubt more for every answer
 * there is: where samples differ in many ways, an answer that was not sampled is likelier (Witten and Bell 1991).
 *
 * A single number for all tasks has to stand between those where unanimity means right and those where it does not;
 * `fitCalibration` learns from labels which one a task is.
 *
 * @param counts `votes` of the winner, `valid` replicates, `distinct` answers
 * @returns from 0 to 1; rises with `votes`
 *
 * @example
 * ```ts
 * fieldConfidence({ votes: 5, valid: 5, distinct: 1 }); // 0.857
 * fieldConfidence({ votes: 3, valid: 5, distinct: 2 }); // 0.5
 * ```
 */
export function fieldConfidence(counts: { votes: number; valid: number; distinct: number }): number {
  const { votes, valid, distinct } = counts;
  return valid === 0 ? 0 : (votes + 1) / (valid + distinct + 1);
}

/**
 * The probability that the medoid of texts is right, without labels: `(valid * score + 1/2) / (valid + 1)`, 0 without a
 * text. The score counts as that many soft votes of `valid` (Krichevsky and Trofimov 1981). Texts that differ only in
 * part already lower the score, so that how many clusters there are is not held against it again.
 *
 * @param texts `score` of `clusterTexts`, in [0, 1]; `valid` replicates
 * @returns from 0 to 1; rises with `score`
 *
 * @example
 * ```ts
 * textConfidence({ score: 1, valid: 5 }); // 0.917
 * ```
 */
export function textConfidence({ score, valid }: { score: number; valid: number }): number {
  return valid === 0 ? 0 : (valid * score + 0.5) / (valid + 1);
}

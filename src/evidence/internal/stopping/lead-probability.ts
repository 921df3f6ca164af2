/**
 * The probability that the first answer is ahead of the second in the long run: `1 - I_0.5(first + 1, second + 1)`, its
 * share having a uniform prior (Aggarwal et al. 2023, Adaptive-Consistency). 0.5 without votes.
 */
export function lastingLeadProbability(first: number, second: number): number {
  const draws = first + second + 1;
  let term = Math.exp(logChoose(draws, first + 1) - draws * Math.LN2);
  let failure = 0;
  for (let ahead = first + 1; ahead <= draws; ahead++) {
    failure += term;
    term *= (draws - ahead) / (ahead + 1);
  }
  return Math.max(0, 1 - failure);
}

/**
 * The probability that the first answer is still not behind the second once `left` more replicates have voted for one of
 * the two: `P(first + x >= second + left - x)`, x ~ BetaBinomial(left, first + 1, second + 1).
 *
 * Computed as the tail of a hypergeometric distribution of `second + 1` terms. The share behind `first` votes of n is
 * the (first + 1)-th smallest of n + 1 uniform points, and x counts the `left` further points below it; x reaches c
 * unless more than `first` of the lowest `first + c` points are old ones.
 */
export function keptLeadProbability(first: number, second: number, left: number): number {
  const wanted = Math.ceil((second + left - first) / 2);
  if (wanted <= 0) return 1;
  const old = first + second + 1;
  const lowest = first + wanted;
  let term = Math.exp(logChoose(old, first + 1) + logChoose(left, wanted - 1) - logChoose(old + left, lowest));
  let failure = 0;
  for (let among = first + 1; among <= Math.min(old, lowest); among++) {
    failure += term;
    term *= ((old - among) * (lowest - among)) / ((among + 1) * (left - lowest + among + 1));
  }
  return Math.max(0, 1 - failure);
}

const known = [0, 0];

/** The natural logarithm of n!, each looked up once it has been summed. */
function logFactorial(n: number): number {
  for (let next = known.length; next <= n; next++) known.push((known[next - 1] as number) + Math.log(next));
  return known[n] as number;
}

/** The natural logarithm of the number of ways to choose `chosen` of `n`. */
export function logChoose(n: number, chosen: number): number {
  return logFactorial(n) - logFactorial(chosen) - logFactorial(n - chosen);
}

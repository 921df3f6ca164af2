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

import type { Agreement } from "./agreement.ts";
import type { Field } from "./field.ts";

/**
 * Tokens of a row on average, each row counted by the weight of the fields on which it gives the consensus: an answer
 * that took its author more work than others is right more often, or less, by task.
 *
 * @param tokens by row; rows without are left out
 */
export function meanTokens(
  agreements: ReadonlyMap<Field, Agreement>,
  tokens: readonly (number | undefined)[],
): number | undefined {
  if (tokens.every((used) => used === undefined)) return undefined;
  const agreeing = new Float64Array(tokens.length);
  for (const [{ codes, rules }, { answers }] of agreements) {
    const winning = new Set(answers[0].codes);
    for (const [row, code] of codes.entries()) {
      if (winning.has(code)) agreeing[row] = (agreeing[row] as number) + rules.weight;
    }
  }
  let [total, weights] = [0, 0];
  for (const [row, used] of tokens.entries()) {
    if (used === undefined) continue;
    total += used * (agreeing[row] as number);
    weights += agreeing[row] as number;
  }
  return weights > 0 ? total / weights : undefined;
}

import { countVotes } from "../agreement.ts";
import type { Field } from "../field.ts";
import type { FieldState } from "./field-rule.ts";
import { keptLeadProbability } from "./lead-probability.ts";

export type Progress = Pick<FieldState, "valid" | "seen" | "left">;

/**
 * How the votes stand on each field; where no answer has any of them, all agree on that.
 *
 * @param choices how many answers a field can have, by pointer or pattern
 */
export function statesOf(
  fields: readonly Field[],
  choices: Readonly<Record<string, number>>,
  progress: Progress,
): FieldState[] {
  const { valid } = progress;
  if (fields.length === 0) return [{ ...progress, first: valid, second: 0, distinct: Math.min(1, valid) }];
  return fields.map((field) => {
    const { first, second, distinct } = countVotes(field);
    const possible = choices[field.pointer] ?? choices[field.pattern] ?? 0;
    return { ...progress, first, second, distinct: Math.max(distinct, possible) };
  });
}

/** The least probability of a field to keep its leader over the replicates that are left; 0 before any has voted. */
export function stabilityOf(states: readonly FieldState[]): number {
  return states.reduce(
    (least, { first, second, valid, left }) =>
      Math.min(least, valid === 0 ? 0 : keptLeadProbability(first, second, left)),
    1,
  );
}

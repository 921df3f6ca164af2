import type { Disagreement } from "../contract/bundle.ts";
import { type Agreement, isTied } from "./agreement.ts";
import type { Field } from "./field.ts";
import { shownValue } from "./field-summary.ts";

/**
 * The fields with more than one answer, most contested first: least support of the winner, then least lead.
 *
 * @param ids of the valid replicates, in the order of the rows
 */
export function disagreementsOf(agreements: ReadonlyMap<Field, Agreement>, ids: readonly string[]): Disagreement[] {
  return [...agreements]
    .filter(([, { answers }]) => answers.length > 1)
    .sort(([, a], [, b]) => a.answers[0].votes - b.answers[0].votes || leadOf(a) - leadOf(b))
    .map(([field, agreement]) => ({
      path: field.pointer,
      tied: isTied(agreement),
      values: valuesOf(field, agreement, ids),
    }));
}

function leadOf({ answers: [winner, second] }: Agreement): number {
  return winner.votes - (second?.votes ?? 0);
}

function valuesOf(field: Field, { answers }: Agreement, ids: readonly string[]): Disagreement["values"] {
  const answerOf = new Map(answers.flatMap(({ codes }, index) => codes.map((code) => [code, index])));
  const values = answers.map((answer) => ({
    ...shownValue(answer),
    support: answer.votes,
    replicateIds: [] as string[],
  }));
  field.codes.forEach((code, row) => {
    values[answerOf.get(code) as number]?.replicateIds.push(ids[row] as string);
  });
  return values;
}

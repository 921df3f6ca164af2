import type { Disagreement } from "../contract/bundle.ts";
import { type Agreement, isTied } from "./agreement.ts";
import type { Field } from "./field.ts";
import { shownValue } from "./field-summary.ts";

/**
 * The fields with more than one answer, most contested first: least support of the winner, then least lead.
 *
 * @param replicates the valid ones, in the order of the rows
 */
export function disagreementsOf(
  agreements: ReadonlyMap<Field, Agreement>,
  replicates: readonly { readonly id: string }[],
): Disagreement[] {
  return [...agreements]
    .filter(([, { answers }]) => answers.length > 1)
    .sort(([, a], [, b]) => a.answers[0].votes - b.answers[0].votes || leadOf(a) - leadOf(b))
    .map(([field, agreement]) => ({
      path: field.pointer,
      tied: isTied(agreement),
      values: valuesOf(field, agreement, replicates),
    }));
}

function leadOf({ answers: [winner, second] }: Agreement): number {
  return winner.votes - (second?.votes ?? 0);
}

function valuesOf(
  field: Field,
  { answers }: Agreement,
  replicates: readonly { readonly id: string }[],
): Disagreement["values"] {
  const values = answers.map((answer) => ({
    ...shownValue(answer),
    support: answer.votes,
    replicateIds: [] as string[],
  }));
  const idsOf: string[][] = [];
  answers.forEach(({ codes }, index) => {
    for (const code of codes) idsOf[code] = (values[index] as { replicateIds: string[] }).replicateIds;
  });
  field.codes.forEach((code, row) => {
    idsOf[code]?.push((replicates[row] as { readonly id: string }).id);
  });
  return values;
}

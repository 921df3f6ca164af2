import type { Slices } from "../../core/slices.ts";
import type { Agreement } from "./agreement.ts";
import type { Field } from "./field.ts";

/**
 * Sizes of the groups of rows that give the same answer to every field. The group that gives the consensus comes first, with 0
 * where no row does; the others fall in size.
 */
export function* groupWhole(agreements: ReadonlyMap<Field, Agreement>, rows: number): Slices<number[]> {
  let groups = new Array<number>(rows).fill(0);
  let consensus: number | undefined = 0;
  for (const { answers, given = answers[0] } of agreements.values()) {
    yield 1 + rows / 16;
    const answerOf = new Array<number>(rows).fill(answers.length);
    for (const [at, answer] of answers.entries()) for (const row of answer.rows) answerOf[row] = at;
    const known = new Map<number, number>();
    const split = (group: number, answer: number) => group * (answers.length + 1) + answer;
    groups = groups.map((group, row) => {
      const key = split(group, answerOf[row] as number);
      const next = known.get(key) ?? known.size;
      known.set(key, next);
      return next;
    });
    consensus = consensus === undefined ? undefined : known.get(split(consensus, answers.indexOf(given)));
  }
  const sizes = new Array<number>(rows).fill(0);
  for (const group of groups) sizes[group] = (sizes[group] as number) + 1;
  const first = consensus === undefined ? 0 : (sizes[consensus] as number);
  const others = sizes.filter((size, group) => size > 0 && group !== consensus);
  return rows === 0 ? [] : [first, ...others.sort((a, b) => b - a)];
}

import type { Field } from "./field.ts";
import type { Leaf } from "./values.ts";

export type Tolerance = number | { readonly absolute: number };

/** Distance of two numbers, in tolerances: up to 1 they are one value. */
export function toleranceSteps(a: number, b: number, tolerance: Tolerance): number {
  const gap = Math.abs(a - b);
  if (gap === 0) return 0;
  const allowed = typeof tolerance === "number" ? tolerance * Math.max(Math.abs(a), Math.abs(b)) : tolerance.absolute;
  return gap <= Number.MAX_VALUE ? gap / allowed : Number.POSITIVE_INFINITY;
}

/**
 * Groups of numbers in which any two are within the tolerance: complete-link agglomeration (Sørensen 1948) of the sorted
 * values, the closest two groups first. Gives the codes of each group, in rising order of value.
 */
export function groupWithinTolerance(field: Field, tolerance: Tolerance): number[][] {
  const numberOf = (code: number | undefined) => Number(field.leaves[code as number]);
  const groups = finiteCodes(field)
    .sort((a, b) => numberOf(a) - numberOf(b))
    .map((code) => [code]);
  for (;;) {
    let closest = -1;
    let fewestSteps = Number.POSITIVE_INFINITY;
    for (let index = 1; index < groups.length; index++) {
      const steps = toleranceSteps(numberOf(groups[index - 1]?.[0]), numberOf(groups[index]?.at(-1)), tolerance);
      if (steps < fewestSteps) [closest, fewestSteps] = [index, steps];
    }
    if (fewestSteps > 1) return groups;
    const [merged] = groups.splice(closest, 1) as [number[]];
    groups[closest - 1]?.push(...merged);
  }
}

function finiteCodes(field: Field): number[] {
  return Array.from(field.leaves.keys()).filter((code) => isFiniteNumber(field.leaves[code]));
}

function isFiniteNumber(leaf: Leaf | undefined): boolean {
  return (typeof leaf === "number" || typeof leaf === "bigint") && Number.isFinite(Number(leaf));
}

/** The middle value of a group sorted by value, each counted by its votes; the lower of two, so that it is an answer. */
export function median(field: Field, codes: readonly number[]): Leaf {
  const half = codes.reduce((sum, code) => sum + field.votesOf(code), 0) / 2;
  let votes = 0;
  for (const code of codes) {
    votes += field.votesOf(code);
    if (votes >= half) return field.leaves[code] as Leaf;
  }
  throw new RangeError("The median of no values does not exist.");
}

import type { Field } from "./field.ts";
import { textSimilarity } from "./text.ts";
import { toleranceSteps } from "./tolerance.ts";

/**
 * How alike two leaves of a field are, in [0, 1]: 1 equal, 0 different; between for texts, and for numbers with a
 * tolerance, which fall to 0 at twice the tolerance. So 0.5 parts one answer from two for both.
 *
 * @param a code of a leaf
 * @param b code of a leaf
 */
export function leafSimilarity(field: Field, a: number, b: number): number {
  if (a === b) return 1;
  const [left, right] = [field.leaves[a], field.leaves[b]];
  if (field.isText && typeof left === "string" && typeof right === "string") {
    return (field.rules.similarity ?? textSimilarity)(left, right);
  }
  const { tolerance } = field.rules;
  if (tolerance === undefined || typeof left !== "number" || typeof right !== "number") return 0;
  return Math.max(0, 1 - toleranceSteps(left, right, tolerance) / 2);
}

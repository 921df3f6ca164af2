import { assertUsable, InvalidOptionsError, showValue } from "../core/errors.ts";
import { normalForm } from "./internal/text/normal-form.ts";

/**
 * Tells if two texts give the same answer: equal once what does not change the meaning is folded (case, markdown, a
 * sentence around the answer, the form of a number, a unit or a date). Numbers and their order, signs, units, negations
 * and every word of content count, so that texts which contradict each other are never one answer. When in doubt, they
 * are two.
 *
 * @returns symmetric and transitive; in a time that grows with the length of the texts
 * @throws InvalidOptionsError for what is not a text
 *
 * @example
 * ```ts
 * sameAnswer("The answer is $1,200.00.", "1200 USD"); // true
 * sameAnswer("50 mg", "500 mg"); // false
 * ```
 */
export function sameAnswer(a: string, b: string): boolean {
  assertText("a", a);
  assertText("b", b);
  return a === b || normalForm(a) === normalForm(b);
}

/**
 * Groups texts that give the same answer, as `sameAnswer` has it.
 *
 * @returns by text the number of its group, from 0 in the order of their first texts
 * @throws InvalidOptionsError for what is not a list of texts
 *
 * @example
 * ```ts
 * groupAnswers(["Paris", "Lyon", "**Paris**"]); // [0, 1, 0]
 * ```
 */
export function groupAnswers(texts: readonly string[]): number[] {
  assertUsable(Array.isArray(texts), "texts", texts, 'a list of texts, such as ["Paris", "Lyon"]');
  for (const [index, text] of texts.entries()) assertText(`texts[${index}]`, text);
  const groups = new Map<string, number>();
  return texts.map((text) => {
    const form = normalForm(text);
    const group = groups.get(form) ?? groups.size;
    groups.set(form, group);
    return group;
  });
}

function assertText(path: string, given: unknown): void {
  if (typeof given === "string") return;
  const message = `${path} is ${showValue(given)}, not a text. Give a text, or compare other values with pairwiseDistance.`;
  throw new InvalidOptionsError([{ path, given, allowed: "a text", message }]);
}

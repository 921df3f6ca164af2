import type { FieldComparison } from "./field-comparison.ts";
import { normalForm } from "./text/normal-form.ts";
import { absent, isContainer, isList, itemsOf, jsonForm, leafText } from "./values.ts";

/** Deeper values have no text of their own. */
const deepest = 500;

/** Returns a text that equal values share: keys in any order, and items of lists that meet by content too. */
export function canonicalText(value: unknown, comparison: FieldComparison, depth = 0): string {
  const form = jsonForm(value);
  if (typeof form === "string" && comparison.text === "same") return JSON.stringify(normalForm(form));
  if (!isContainer(form)) return leafText(form);
  if (depth > deepest) return "…";
  if (isList(form)) {
    const texts = itemsOf(form).map((item, index) =>
      canonicalText(jsonForm(item) === absent ? null : item, comparison.below(index), depth + 1),
    );
    return `[${(comparison.lists === "position" ? texts : texts.sort()).join()}]`;
  }
  const entries = Object.entries(form)
    .filter(([, inner]) => jsonForm(inner) !== absent)
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalText(inner, comparison.below(key), depth + 1)}`);
  return `{${entries.sort().join()}}`;
}

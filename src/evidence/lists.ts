import type { FieldRules } from "./rules.ts";
export function alignLists(values: readonly unknown[], _rules: FieldRules): readonly unknown[] {
  return values;
}

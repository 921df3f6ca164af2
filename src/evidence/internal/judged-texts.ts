import type { CompareOptions, JudgeOption } from "../../contract/bundle-options.ts";
import { type DecideGroup, FieldComparison } from "./field-comparison.ts";
import { tableOf } from "./list-alignment.ts";
import { normalForm } from "./text/normal-form.ts";

/** Texts of one field that a judge is to group: different answers by rule, one of each. */
export interface OpenTexts {
  /** JSON pointer of the field, with `*` in place of list indices. */
  readonly pattern: string;
  readonly judge: JudgeOption;
  readonly texts: readonly OpenText[];
}

export interface OpenText {
  readonly form: string;
  /** The commonest of the texts that have this form. */
  readonly text: string;
}

/**
 * Finds the fields with a judge in which answers differ, whatever it decided so far.
 *
 * @param compare with judges as they were given
 */
export function openTextsOf(values: readonly unknown[], compare: CompareOptions): OpenTexts[] {
  const { fields } = tableOf(values, FieldComparison.of(compare));
  const open = new Map<string, { judge: JudgeOption; texts: Map<string, string> }>();
  for (const field of fields) {
    const { judge } = field.rules;
    const texts = field.leaves.filter((leaf, code) => typeof leaf === "string" && field.votesOf(code) > 0);
    if (judge === undefined || !field.isBySameAnswer || texts.length < 2) continue;
    const known = open.get(field.pattern) ?? { judge, texts: new Map() };
    open.set(field.pattern, known);
    for (const text of texts as string[]) known.texts.set(normalForm(text), text);
  }
  return [...open].map(([pattern, { judge, texts }]) => ({
    pattern,
    judge,
    texts: [...texts].map(([form, text]) => ({ form, text })),
  }));
}

/** The judges that options name, each once. */
export function judgesIn({ judge, byPath = {} }: CompareOptions = {}): JudgeOption[] {
  const given = [judge, ...Object.values(byPath).map((own) => own?.judge)];
  return [...new Set(given)].filter((one) => one !== undefined);
}

/** Options that compare by the verdicts of judges in place of the judges. */
export function withVerdicts(compare: CompareOptions, decide: DecideGroup): CompareOptions {
  const verdict = decide as unknown as JudgeOption;
  const replaceIn = <O extends { judge?: JudgeOption | undefined }>(options: O): O =>
    options.judge === undefined ? options : { ...options, judge: verdict };
  const byPath = Object.entries(compare.byPath ?? {}).map(([pointer, own]) => [pointer, replaceIn(own)] as const);
  return { ...replaceIn(compare), ...(compare.byPath && { byPath: Object.fromEntries(byPath) }) };
}

import { textSimilarity } from "../../src/evidence.ts";

/** A JSON value as a string that is equal for equal values, whatever the order of their keys. */
export function keyOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Strings longer than this are the same where they are this much alike. */
const longString = 64;
const alike = 0.85;

/** The share of the fields of `wanted` on which `answer` says the same. */
export function shareOfFields(answer: unknown, wanted: unknown): number {
  const [given, fields] = [fieldsOf(answer), fieldsOf(wanted)];
  let same = 0;
  for (const [pointer, value] of fields) if (isSameLeaf(given.get(pointer), value)) same++;
  return same / fields.size;
}

export function isSameLeaf(one: string | undefined, other: string | undefined): boolean {
  if (one === other) return one !== undefined;
  if (one === undefined || other === undefined || Math.max(one.length, other.length) <= longString) return false;
  return textSimilarity(one, other) >= alike;
}

/** The leaves of a JSON value by JSON pointer, each as a string that is equal for equal values. */
export function fieldsOf(value: unknown, pointer = "", fields = new Map<string, string>()): Map<string, string> {
  const isContainer = typeof value === "object" && value !== null && Object.keys(value).length > 0;
  if (!isContainer)
    fields.set(pointer, typeof value === "string" ? value.normalize("NFC").trim() : JSON.stringify(value));
  else {
    for (const [name, part] of Object.entries(value)) {
      fieldsOf(part, `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, fields);
    }
  }
  return fields;
}

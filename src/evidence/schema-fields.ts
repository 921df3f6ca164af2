import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import { allowsPointer } from "./allows-pointer.ts";
import { walkSchema } from "./schema-walk.ts";

/** So many fields are named in an error. */
const mostShown = 20;

/**
 * Checks that answers to a JSON schema can have the fields that options speak of. What the schema leaves open is let
 * through.
 *
 * @param pointers by their place in the options: JSON pointers, `*` for any list index
 * @throws InvalidOptionsError naming every field that cannot be there, the nearest one that can, and those to choose from
 */
export function assertFieldsOf(schema: JSONSchema, pointers: Readonly<Record<string, readonly string[]>>): void {
  const issues = Object.entries(pointers).flatMap(([path, given]) =>
    given.filter((pointer) => !allowsPointer(schema, pointer)).map((pointer) => unknownField(path, pointer, schema)),
  );
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

function unknownField(path: string, given: string, schema: JSONSchema): OptionIssue {
  const known = [...new Set(Array.from(walkSchema(schema), ({ pointer }) => pointer))].filter(
    (pointer) => pointer !== "",
  );
  const guess = nearest(given, known);
  const shown = known.slice(0, mostShown).join(", ") + (known.length > mostShown ? ", …" : "");
  const allowed = `fields of the schema: ${shown || 'none, so "" for the whole answer'}`;
  return { path, given, allowed: guess ? `${allowed}; did you mean "${guess}"?` : allowed };
}

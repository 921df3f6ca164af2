import type { CompareOptions } from "../contract/bundle.ts";
import type { JSONSchema } from "../core/json.ts";
import { escapeSegment } from "./pointer.ts";

type FieldOptions = NonNullable<CompareOptions["byPath"]>[string];

/**
 * How the answers to a JSON schema are compared, as it says itself: `"x-compare"` (`"text"`, `"exact"`, or for a list
 * `"position"`, `"align"`), `"x-key": "id"` (the property by which items of a list of objects meet), `"x-tolerance"`
 * (`0.01` relative, `{ "absolute": 0.5 }`) and `"x-weight"`. A string with an enum, a const or a format is never text;
 * another one is where it is longer than 64 characters.
 *
 * @throws InvalidOptionsError where a hint cannot be used
 *
 * @example
 * ```ts
 * compareFromSchema({ properties: { total: { type: "number", "x-tolerance": 0.01 } } });
 * // { byPath: { "/total": { tolerance: 0.01 } }, weights: {} }
 * ```
 */
export function compareFromSchema(schema: JSONSchema): CompareOptions {
  const byPath: Record<string, FieldOptions> = {};
  const weights: Record<string, number> = {};
  const open: { schema: JSONSchema; pointer: string }[] = [{ schema, pointer: "" }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { pointer } = next;
    const own = hintsOf(next.schema);
    if (Object.keys(own).length > 0) byPath[pointer] = own;
    if (next.schema["x-weight"] !== undefined) weights[pointer] = next.schema["x-weight"] as number;
    for (const [segment, below] of Object.entries(objectOf(next.schema["properties"]))) {
      if (isSchema(below)) open.push({ schema: below, pointer: `${pointer}/${escapeSegment(segment)}` });
    }
    if (isSchema(next.schema["items"])) open.push({ schema: next.schema["items"], pointer: `${pointer}/*` });
  }
  return { byPath, weights };
}

function hintsOf(schema: JSONSchema): FieldOptions {
  const { "x-compare": compare, "x-key": key, "x-tolerance": tolerance } = schema;
  return {
    ...(compare === "text" && { text: true }),
    ...((compare === "exact" || (compare === undefined && isClosedString(schema))) && { text: false }),
    ...((compare === "position" || compare === "align") && { lists: compare }),
    ...(key !== undefined && { lists: { key: key as string } }),
    ...(tolerance !== undefined && { tolerance: tolerance as number }),
  };
}

function isClosedString({ type, enum: choices, const: only, format }: JSONSchema): boolean {
  return type === "string"
    ? choices !== undefined || only !== undefined || format !== undefined
    : choices !== undefined;
}

function isSchema(value: unknown): value is JSONSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): JSONSchema {
  return isSchema(value) ? value : {};
}

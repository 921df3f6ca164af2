import { type CompareOptions, compareOptions } from "../contract/bundle-options.ts";
import type { JSONSchema } from "../core/json.ts";
import { resolveOptions } from "../core/options.ts";
import { walkSchema } from "./internal/schema-fields.ts";

type FieldOptions = NonNullable<CompareOptions["byPath"]>[string];

/**
 * Derives the comparison of answers from their JSON schema:
 *
 * - `"x-compare"`: `"text"` or `"exact"` for strings, `"content"` or `"position"` for a list
 * - `"x-key": "id"`: the property by which the items of a list of objects meet
 * - `"x-tolerance"`: `0.01` (relative) or `{ "absolute": 0.5 }`
 * - `"x-weight"`: how much the field counts
 *
 * A list with `prefixItems` (a tuple) is compared by position.
 * A string with an enum, a const or a format is compared exactly; any other by what it says (`compare.text: "same"`),
 * which is what happens without a hint.
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
  const byPath = new Map<string, object>();
  const weights = new Map<string, unknown>();
  for (const { pointer, schema: own } of walkSchema(schema)) {
    const hints = hintsOf(own);
    if (Object.keys(hints).length > 0) byPath.set(pointer, { ...hints, ...byPath.get(pointer) });
    if (own["x-weight"] !== undefined) weights.set(pointer, own["x-weight"]);
  }
  const compare = { byPath: Object.fromEntries(byPath), weights: Object.fromEntries(weights) };
  return resolveOptions(compareOptions, compare, "schema") as CompareOptions;
}

function hintsOf(schema: JSONSchema): Partial<Record<keyof FieldOptions, unknown>> {
  const { "x-compare": compare, "x-key": key, "x-tolerance": tolerance } = schema;
  const isClosed = compare === undefined && ["enum", "const", "format"].some((keyword) => keyword in schema);
  return {
    ...((compare === "text" || compare === "exact" || isClosed) && { text: compare === "text" }),
    ...(isTuple(schema) && { lists: "position" }),
    ...((compare === "position" || compare === "content" || compare === "align") && { lists: compare }),
    ...(key !== undefined && { lists: { key } }),
    ...(tolerance !== undefined && { tolerance }),
  };
}

/** In a tuple the place of an item is its meaning. `items` as a list is the older word for `prefixItems`. */
function isTuple({ prefixItems, items }: JSONSchema): boolean {
  return Array.isArray(prefixItems) || Array.isArray(items);
}

/**
 * Counts the answers that each field of a JSON schema can have, where the schema lists them (`enum`, `const`, booleans): the
 * `choices` of `createStoppingRule`.
 *
 * @example
 * ```ts
 * choicesFromSchema({ properties: { severity: { enum: ["low", "high"] }, note: { type: "string" } } });
 * // { "/severity": 2 }
 * ```
 */
export function choicesFromSchema(schema: JSONSchema): Record<string, number> {
  const choices = new Map<string, number>();
  for (const { pointer, schema: own } of walkSchema(schema)) {
    const count = choicesOf(own);
    if (count !== undefined) choices.set(pointer, (choices.get(pointer) ?? 0) + count);
  }
  return Object.fromEntries([...choices].filter(([, count]) => count <= Number.MAX_SAFE_INTEGER));
}

/** Counts the answers of every field that has none below it; `undefined` where the schema leaves that open. Empty of an open object. */
export function leafChoices(schema: JSONSchema): Record<string, number | undefined> {
  const pointers = [...new Set(Array.from(walkSchema(schema), ({ pointer }) => pointer))];
  const parents = new Set(pointers.map((pointer) => pointer.slice(0, pointer.lastIndexOf("/"))));
  const choices = choicesFromSchema(schema);
  if (pointers.length === 1) return schema["type"] === "object" ? {} : { "": choices[""] };
  const leaves = pointers.filter((pointer) => !parents.has(pointer));
  return Object.fromEntries(leaves.map((pointer) => [pointer, choices[pointer]]));
}

/** Infinite where the schema names a type of which there are many values, undefined where it leaves that to others. */
function choicesOf({ enum: choices, const: only, type }: JSONSchema): number | undefined {
  if (Array.isArray(choices)) return choices.length;
  if (only !== undefined) return 1;
  if (type === undefined) return undefined;
  const types = Array.isArray(type) ? type : [type];
  return types.reduce(
    (sum: number, name) => sum + (typeSizes[name as keyof typeof typeSizes] ?? Number.POSITIVE_INFINITY),
    0,
  );
}

const typeSizes = { boolean: 2, null: 1 };

import type { JSONSchema } from "../../core/json.ts";
import { escapeSegment, pointerSegments } from "./pointer.ts";
import { isSchema, resolveReference } from "./schema-fields.ts";

/** Keywords that speak of several properties at once, so that an object that has one cannot be cut. */
const joining = [
  ...["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "const", "enum"],
  ...["dependencies", "dependentRequired", "dependentSchemas", "patternProperties", "propertyNames"],
  ...["minProperties", "maxProperties", "unevaluatedProperties"],
];

/** Definitions stay where they are in a schema that is cut; what else a reference could point to may not. */
const toDefinition = /^#\/(\$defs|definitions)\//;

/**
 * The parts of its answers that a JSON schema lets one ask for by themselves, as JSON pointers: the properties, and
 * those of objects that every answer has. A list is one part.
 *
 * @returns nothing where the schema is not an object with properties that can be asked for apart
 *
 * @example
 * ```ts
 * schemaParts({ properties: { id: {}, place: { properties: { city: {} }, required: ["city"] } }, required: ["place"] });
 * // ["/id", "/place/city"]
 * ```
 */
export function schemaParts(root: JSONSchema): string[] {
  if (!referencesIn(root).every((reference) => toDefinition.test(reference))) return [];
  const parts = partsBelow(root, root, "", []);
  return parts[0] === "" ? [] : parts;
}

/**
 * The schema of answers that have only some of their parts.
 *
 * @param parts some of `schemaParts(root)`
 */
export function cutSchema(root: JSONSchema, parts: readonly string[]): JSONSchema {
  return cut(
    root,
    parts.map((part) => pointerSegments(part, "fields")),
    root,
  );
}

function partsBelow(schema: JSONSchema, root: JSONSchema, pointer: string, followed: readonly string[]): string[] {
  const { $ref: reference } = schema;
  if (typeof reference === "string" && followed.includes(reference)) return [pointer];
  const object = dereference(schema, root);
  if (!isDivisible(object, pointer === "")) return [pointer];
  const names = requiredNames(object);
  const seen = typeof reference === "string" ? [...followed, reference] : followed;
  return Object.entries(object.properties).flatMap(([name, inner]) => {
    const own = `${pointer}/${escapeSegment(name)}`;
    return names.includes(name) ? partsBelow(inner, root, own, seen) : [own];
  });
}

type ObjectSchema = JSONSchema & { readonly properties: Readonly<Record<string, JSONSchema>> };

/** Inner objects are divided only where they cannot be empty: else there would be no part to say that they are. */
function isDivisible(schema: JSONSchema, isRoot: boolean): schema is ObjectSchema {
  const { type = "object", properties } = schema;
  if (type !== "object" || !isSchema(properties) || joining.some((keyword) => keyword in schema)) return false;
  return Object.values(properties).every(isSchema) && (isRoot || requiredNames(schema).length > 0);
}

function requiredNames({ required }: JSONSchema): readonly unknown[] {
  return Array.isArray(required) ? required : [];
}

/** A schema in place of a reference to it. */
function dereference(schema: JSONSchema, root: JSONSchema): JSONSchema {
  const { $ref: reference, ...others } = schema;
  const target = typeof reference === "string" ? resolveReference(root, reference) : undefined;
  return target ? { ...target, ...others } : schema;
}

function cut(schema: JSONSchema, paths: readonly (readonly string[])[], root: JSONSchema): JSONSchema {
  if (paths.some(({ length }) => length === 0)) return schema;
  const object = dereference(schema, root) as ObjectSchema;
  const properties = Object.entries(object.properties).flatMap(([name, inner]) => {
    const below = paths.filter(([first]) => first === name).map(([, ...others]) => others);
    return below.length > 0 ? [[name, cut(inner, below, root)] as const] : [];
  });
  const names = properties.map(([name]) => name);
  const required = requiredNames(object).filter((name) => names.includes(name as string));
  return { ...object, properties: Object.fromEntries(properties), ...("required" in object && { required }) };
}

/** Every reference anywhere in a schema. */
function referencesIn(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) =>
    (key === "$ref" || key === "$dynamicRef") && typeof value === "string" ? [value] : referencesIn(value),
  );
}

import type { JSONSchema } from "../core/json.ts";
import { pointerSegments } from "./pointer.ts";
import { isSchema, listOf, resolveReference } from "./schema-walk.ts";

/**
 * Whether values of a JSON schema may have something at a JSON pointer (`*`: any list index). Where the schema leaves
 * open what they have, they may: additional properties that it mentions, conditions, objects and lists of which it says
 * nothing more. An object with `properties` has those, and no others, unless it mentions them.
 */
export function allowsPointer(root: JSONSchema, pointer: string): boolean {
  let places = placesOf([root], root);
  for (const segment of pointerSegments(pointer, "fields")) {
    if (places.some((place) => isOpen(place, segment))) return true;
    const below = places.flatMap((place) => schemasAt(place, segment));
    places = placesOf(below, root);
  }
  return places.length > 0;
}

const anything: JSONSchema = {};

/** The schemas, those that they refer to, and those that they are put together from. */
function placesOf(schemas: readonly JSONSchema[], root: JSONSchema): JSONSchema[] {
  const places = new Set(schemas);
  for (const schema of places) {
    const { $ref: reference } = schema;
    const parts = ["allOf", "anyOf", "oneOf"].flatMap((keyword) => listOf(schema[keyword])).map(schemaOf);
    const target = typeof reference === "string" ? [resolveReference(root, reference) ?? anything] : [];
    for (const part of [...target, ...parts]) places.add(part);
  }
  return [...places];
}

/** Keywords by which values can have more than the properties and items that are listed. */
const opening = [
  ...["patternProperties", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "const", "enum"],
  ...["if", "then", "else", "dependencies", "dependentSchemas", "$dynamicRef", "$recursiveRef"],
];

/** Keywords that leave it to other schemas what a value has. */
const composing = ["$ref", "allOf", "anyOf", "oneOf"];

function isOpen(schema: JSONSchema, segment: string): boolean {
  const { object, list } = containersOf(schema);
  if (!object && !list) return false;
  if (opening.some((keyword) => schema[keyword] !== undefined && schema[keyword] !== false)) return true;
  const { additionalProperties } = schema;
  if (object && additionalProperties !== undefined && additionalProperties !== false) return true;
  const isComposed = composing.some((keyword) => keyword in schema);
  const isOpenObject = object && additionalProperties !== false && !("properties" in schema);
  const isOpenList = list && isIndex(segment) && !hasItems(schema);
  return !isComposed && (isOpenObject || isOpenList);
}

/** Whether values can be objects, and lists. A schema that names no type is for what its keywords are for. */
function containersOf(schema: JSONSchema): { object: boolean; list: boolean } {
  const types = schema["type"] === undefined ? undefined : [schema["type"]].flat();
  if (types) return { object: types.includes("object"), list: types.includes("array") };
  const [object, list] = ["properties" in schema, hasItems(schema)];
  return { object: object || !list, list: list || !object };
}

function hasItems(schema: JSONSchema): boolean {
  return "items" in schema || "prefixItems" in schema;
}

function schemasAt(schema: JSONSchema, segment: string): JSONSchema[] {
  const { properties, items, prefixItems } = schema;
  const property = isSchema(properties) && Object.hasOwn(properties, segment) ? [properties[segment]] : [];
  if (!isIndex(segment)) return property.map(schemaOf);
  const fixed = [...listOf(prefixItems), ...listOf(items)];
  const others = items === undefined || Array.isArray(items) ? [] : [items];
  return [...property, ...(segment === "*" ? fixed : fixed.slice(Number(segment)).slice(0, 1)), ...others].map(
    schemaOf,
  );
}

function isIndex(segment: string): boolean {
  return /^(\*|0|[1-9]\d*)$/.test(segment);
}

/** `true` allows anything. What `false` allows, nothing, is not looked into. */
function schemaOf(schema: unknown): JSONSchema {
  return isSchema(schema) ? schema : anything;
}

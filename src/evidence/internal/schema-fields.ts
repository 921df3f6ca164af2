import { InvalidOptionsError, type OptionIssue, showValue } from "../../core/errors.ts";
import type { JSONSchema } from "../../core/json.ts";
import { nearest } from "../../core/nearest.ts";
import { escapeSegment, pointerSegments } from "./pointer.ts";

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
  const choices = shown || 'which has none; use "" for the whole answer';
  const advice = guess ? `; did you mean "${guess}"?` : "";
  return {
    path,
    given,
    allowed,
    message: `${path}: ${showValue(given)} is not a field of the schema (${choices})${advice}`,
  };
}

/**
 * Tells if values of a JSON schema may have something at a JSON pointer (`*`: any list index). Where the schema leaves
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

/** Tells if values can be objects, and lists. A schema that names no type is for what its keywords are for. */
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

/** A schema that values at a pointer have to fit, or may: `*` stands for any list index. */
export interface SchemaAt {
  readonly pointer: string;
  readonly schema: JSONSchema;
}

/** Schemas whose definitions use each other could go on for ever; what comes after this many is left out. */
const mostSchemas = 10_000;

/** A schema on the way of a walk, and the references that led to it, which are not followed again below it. */
interface Waiting extends SchemaAt {
  readonly followed: readonly string[];
}

/**
 * Every schema inside a JSON schema with the pointer of the values that it is for: properties, items, alternatives, and
 * local references (`#/$defs/…`). The outer ones first.
 */
export function* walkSchema(root: JSONSchema): Generator<SchemaAt> {
  const waiting: Waiting[] = [{ pointer: "", schema: root, followed: [] }];
  for (let index = 0; index < waiting.length && index < mostSchemas; index++) {
    const next = waiting[index] as Waiting;
    yield next;
    waiting.push(...samePlace(next, root), ...placesBelow(next));
  }
}

function samePlace({ pointer, schema, followed }: Waiting, root: JSONSchema): Waiting[] {
  const alternatives = [schema["allOf"], schema["anyOf"], schema["oneOf"]].flatMap(listOf).filter(isSchema);
  const same = alternatives.map((alternative) => ({ pointer, schema: alternative, followed }));
  const reference = schema["$ref"];
  if (typeof reference !== "string" || followed.includes(reference)) return same;
  const target = resolveReference(root, reference);
  return target ? [...same, { pointer, schema: target, followed: [...followed, reference] }] : same;
}

function placesBelow({ pointer, schema, followed }: Waiting): Waiting[] {
  const properties = isSchema(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  const fixed = listOf(schema["prefixItems"]).map((item, index) => [String(index), item] as const);
  const inside = [
    ...properties.map(([name, value]) => [escapeSegment(name), value] as const),
    ...fixed,
    ["*", schema["items"]] as const,
  ];
  return inside.flatMap(([segment, value]) =>
    isSchema(value) ? [{ pointer: `${pointer}/${segment}`, schema: value, followed }] : [],
  );
}

/** Only references into the schema itself: a schema is read, never fetched. */
export function resolveReference(root: JSONSchema, reference: string): JSONSchema | undefined {
  if (reference !== "#" && !reference.startsWith("#/")) return undefined;
  let target: unknown = root;
  for (const segment of pointerSegments(reference.slice(1), "$ref")) {
    target = isSchema(target) && Object.hasOwn(target, segment) ? target[segment] : undefined;
  }
  return isSchema(target) ? target : undefined;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function isSchema(value: unknown): value is JSONSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

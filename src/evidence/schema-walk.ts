import type { JSONSchema } from "../core/json.ts";
import { escapeSegment, pointerSegments } from "./pointer.ts";

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

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function isSchema(value: unknown): value is JSONSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { distance as editDistance } from "fastest-levenshtein";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";

/**
 * Job: refuse a schema that says something else than its author meant, or that cannot be checked safely.
 * Boundary: compiles nothing; ajv finds the faults of values.
 * Invariants:
 * 1. Words of other vocabularies pass: `x-…`, those of OpenAPI and what `.meta()` writes. A near miss of a keyword does not.
 * 2. A schema that passes is checked synchronously and comes to an end.
 */

/**
 * Checks that a value is a Standard Schema, or a JSON schema without slips. Synchronous, for when a tool is made.
 *
 * @param path the schema's place in the call, for the error
 * @throws InvalidOptionsError naming every slip by its place in the schema, as a JSON pointer after `path`
 *
 * @example
 * ```ts
 * assertSchema({ type: "object", require: ["severity"] }, "schema");
 * // schema/require is not a keyword. Write "required", …
 * ```
 */
export function assertSchema(schema: unknown, path: string): void {
  if (isStandardSchema(schema)) return;
  const issue = otherThanSchema(schema);
  if (issue !== undefined) throw new InvalidOptionsError([{ path, given: schema, allowed: issue }]);
  const issues = [...slipsIn(schema as JSONSchema, path)];
  if (issues.length === 0) issues.push(...endlessReferences(schema as JSONSchema, path));
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

export function isStandardSchema(schema: unknown): boolean {
  return (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;
}

/** Says what to give in place of a value that is no JSON schema; undefined for one that may be. */
function otherThanSchema(schema: unknown): string | undefined {
  const isEffect = (typeof schema === "object" || typeof schema === "function") && schema !== null && "ast" in schema;
  if (isEffect) return "Schema.toStandardSchemaV1(schema) of effect, which makes a Standard Schema of it";
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    return "a Standard Schema (zod, valibot, arktype, …) or a JSON schema, which is an object";
  const entries = Object.entries(schema);
  if (entries.some(([, value]) => isStandardSchema(value)))
    return "one schema: this is a plain object of schemas. Wrap it, as in z.object({ … })";
  const isShape =
    entries.every(([key]) => !keywords.has(key) && !isForeign(key)) && entries.some(([, value]) => isProperty(value));
  return isShape
    ? 'a JSON schema: this has no keyword of one. Properties belong in { "type": "object", "properties": { … } }'
    : undefined;
}

/** True of a schema with a keyword, and of the name of a type in its place. */
function isProperty(value: unknown): boolean {
  if (typeof value === "string") return typeNames.has(value);
  return isRecord(value) && Object.keys(value).some((key) => keywords.has(key));
}

const typeNames: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "array", "object", "null"]);

const words = (list: string) => list.trim().split(/\s+/);

/** Keywords with one schema, with a list of them, and with schemas by name. */
const single = words(
  "additionalItems additionalProperties contains contentSchema else if items not propertyNames then unevaluatedItems unevaluatedProperties",
);
const listed = words("allOf anyOf oneOf items prefixItems");
const named = words("$defs definitions dependentSchemas dependencies patternProperties properties");

/** Every keyword of the drafts 6 to 2020-12. */
const keywords = new Set([
  ...single,
  ...listed,
  ...named,
  ...words(`
    $anchor $comment $dynamicAnchor $dynamicRef $id $recursiveAnchor $recursiveRef $ref $schema $vocabulary
    const contentEncoding contentMediaType default dependentRequired deprecated description enum examples
    exclusiveMaximum exclusiveMinimum format maxContains maxItems maxLength maxProperties maximum minContains minItems
    minLength minProperties minimum multipleOf pattern readOnly required title type uniqueItems writeOnly`),
]);

/** Words of OpenAPI, of `.meta()` and of ajv that look like slips of keywords. */
const foreign = new Set(
  words(`
    discriminator example externalDocs nullable xml id name ref label meta group tags tag hidden errorMessage
    messages summary summaries formatMinimum formatMaximum formatExclusiveMinimum formatExclusiveMaximum
    instanceof typeof types nullables order placeholder markdownDescription enumDescriptions enumNames options`),
);

function isForeign(key: string): boolean {
  return foreign.has(key) || /^(?:x-|@|~|_)/i.test(key);
}

interface Place {
  readonly schema: JSONSchema;
  readonly pointer: string;
}

/** Every schema in a schema, with its place. */
export function* schemasIn(root: JSONSchema): Generator<Place> {
  const places: Place[] = [{ schema: root, pointer: "" }];
  const known = new Set<unknown>([root]);
  for (let place = places.pop(); place; place = places.pop()) {
    yield place;
    const { schema, pointer } = place;
    const add = (value: unknown, step: string) => {
      if (!isRecord(value) || known.has(value)) return;
      known.add(value);
      places.push({ schema: value, pointer: pointer + step });
    };
    for (const key of single) add(schema[key], `/${key}`);
    for (const key of listed) {
      const list = schema[key];
      if (Array.isArray(list)) for (const [index, part] of list.entries()) add(part, `/${key}/${index}`);
    }
    for (const key of named) {
      const parts = schema[key];
      if (isRecord(parts)) for (const [name, part] of Object.entries(parts)) add(part, `/${key}/${escapeStep(name)}`);
    }
  }
}

function isRecord(value: unknown): value is JSONSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function escapeStep(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}

function* slipsIn(root: JSONSchema, path: string): Generator<OptionIssue> {
  for (const { schema, pointer } of schemasIn(root)) {
    for (const [key, given] of Object.entries(schema)) {
      if (key === "$async") {
        yield {
          path: `${path}${pointer}/$async`,
          given,
          allowed: "a schema without $async",
          message: `${path}${pointer}/$async: schemas are checked synchronously. Remove $async.`,
        };
        continue;
      }
      const meant = key === "ref" && String(given).startsWith("#") ? "$ref" : keywordMeantBy(key);
      if (meant !== undefined)
        yield {
          path: `${path}${pointer}/${escapeStep(key)}`,
          given,
          allowed: `the keyword "${meant}"`,
          message: `${path}${pointer}/${escapeStep(key)} is not a keyword. Write "${meant}", or begin a word of your own with x-.`,
        };
    }
  }
}

function keywordMeantBy(key: string): string | undefined {
  return keywords.has(key) || isForeign(key) ? undefined : keywordNear(key);
}

/** The keyword that was meant by a slip: in other case, with hyphens, or with a letter or two amiss. */
function keywordNear(key: string): string | undefined {
  const plain = plainOf(key);
  if (plain.length < 3 || plain.length > 30) return undefined;
  let [nearest, least]: [string | undefined, number] = [undefined, 3];
  for (const keyword of keywords) {
    const other = plainOf(keyword);
    const allowed = other.length < 4 ? 0 : other.length < 10 ? 1 : 2;
    if (Math.abs(other.length - plain.length) > allowed) continue;
    const distance = isSwapped(plain, other) ? 1 : editDistance(plain, other);
    if (distance <= allowed && distance < least) [nearest, least] = [keyword, distance];
  }
  return nearest;
}

/** Tells whether two words differ by two neighbouring letters in the other order. */
function isSwapped(a: string, b: string): boolean {
  const first = [...a].findIndex((letter, index) => letter !== b[index]);
  const swapped = a.slice(0, first) + (a[first + 1] ?? "") + (a[first] ?? "") + a.slice(first + 2);
  return first >= 0 && swapped === b;
}

function plainOf(key: string): string {
  return key.toLowerCase().replace(/[\s_$-]/g, "");
}

/** References that lead back to themselves without a step into the value: a check would never end. */
function* endlessReferences(root: JSONSchema, path: string): Generator<OptionIssue> {
  const places = [...schemasIn(root)];
  const byName = new Map<string, JSONSchema>();
  for (const { schema, pointer } of places) {
    byName.set(`#${pointer}`, schema);
    for (const name of [schema["$anchor"], schema["$dynamicAnchor"]])
      if (typeof name === "string") byName.set(`#${name}`, schema);
    if (typeof schema["$id"] === "string") byName.set(schema["$id"].replace(/#$/, ""), schema);
  }
  const done = new Set<JSONSchema>();
  for (const place of places) {
    const cycle = findCycle(place.schema, byName, done);
    if (!cycle) continue;
    const allowed = "references that step into the value, through properties or items, before they come back";
    yield { path: `${path}${place.pointer}`, given: cycle["$ref"] ?? cycle, allowed };
    return;
  }
}

/** Looks for a schema that applies itself to the same value. */
function findCycle(
  start: JSONSchema,
  byName: ReadonlyMap<string, JSONSchema>,
  done: Set<JSONSchema>,
): JSONSchema | undefined {
  const active = new Set<JSONSchema>();
  const stack: { readonly schema: JSONSchema; readonly isLeft: boolean }[] = [{ schema: start, isLeft: false }];
  for (let item = stack.pop(); item; item = stack.pop()) {
    const { schema, isLeft } = item;
    if (isLeft) {
      active.delete(schema);
      done.add(schema);
    } else if (active.has(schema)) return schema;
    else if (!done.has(schema)) {
      active.add(schema);
      stack.push({ schema, isLeft: true });
      for (const part of inPlace(schema, byName)) stack.push({ schema: part, isLeft: false });
    }
  }
  return undefined;
}

/** The schemas that a schema applies to the value itself. */
function inPlace(schema: JSONSchema, byName: ReadonlyMap<string, JSONSchema>): JSONSchema[] {
  const references = ["$ref", "$dynamicRef", "$recursiveRef"].map((key) => {
    const reference = schema[key];
    return typeof reference === "string" ? (byName.get(decoded(reference)) ?? byName.get(reference)) : undefined;
  });
  const parts = ["not", "if", "then", "else"].map((key) => schema[key]);
  const lists = ["allOf", "anyOf", "oneOf"].flatMap((key) =>
    Array.isArray(schema[key]) ? (schema[key] as unknown[]) : [],
  );
  const byKey = ["dependentSchemas", "dependencies"].flatMap((key) =>
    isRecord(schema[key]) ? Object.values(schema[key]) : [],
  );
  return [...references, ...parts, ...lists, ...byKey].filter(isRecord);
}

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}

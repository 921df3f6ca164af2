import type { JSONSchema } from "../core/json.ts";
import { type Random, seededRandom } from "../core/random.ts";

/** The wrong texts and numbers that a simulation chooses between: mistakes repeat themselves, as a model's do. */
const wrongValues = 8;
/** Below this depth a schema that contains itself gets empty lists. */
const deepest = 8;
/** Where a schema sets no range. */
const widestRange = 100;

/**
 * What a simulated model holds for true where nobody tells it: a value of the schema; a text where there is no schema.
 * Each part is chosen by a hash of the question and of its place, so that it is the same whatever else is asked for.
 * Patterns and formats of texts are not obeyed: give a `truth` for those.
 *
 * @example
 * ```ts
 * simulatedTruth("Is it urgent?", { enum: ["yes", "no"] }); // always the same of the two
 * ```
 */
export function simulatedTruth(question: string, schema: JSONSchema = { type: "string" }): unknown {
  return drawValue(schema, { question, root: schema, path: "" }, 0);
}

/** A wrong value of the same kind as the truth. In an object or a list one part errs. */
export function somethingElse(truth: unknown, schema: JSONSchema | undefined, random: Random): unknown {
  const choices = schema?.["enum"] as unknown[] | undefined;
  if (choices)
    return (
      pick(
        choices.filter((choice) => choice !== truth),
        random,
      ) ?? truth
    );
  if (typeof truth === "boolean") return !truth;
  if (typeof truth === "number") return anotherNumber(truth, schema, random);
  if (typeof truth === "string") return `not ${truth} (${1 + wholeBelow(wrongValues, random)})`;
  if (typeof truth !== "object" || truth === null) return truth;
  const wrong = pick(Object.keys(truth), random);
  if (wrong === undefined) return truth;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(truth) ? [...truth] : { ...truth };
  const part = somethingElse((truth as Record<string, unknown>)[wrong], partSchema(schema, wrong), random);
  return Object.assign(copy, { [wrong]: part });
}

/** A 32-bit hash of anything that is JSON (FNV-1a: Fowler, Noll and Vo 1991). */
export function hashOf(value: unknown): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify(value))) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Where in an answer to a question, and to a schema, a value stands. */
interface Place {
  readonly question: string;
  readonly root: JSONSchema;
  readonly path: string;
}

function drawValue(schema: Record<string, any>, place: Place, depth: number): unknown {
  const random = seededRandom(hashOf([place.path, place.question]));
  if (schema["const"] !== undefined) return schema["const"];
  if (schema["enum"]) return pick(schema["enum"], random);
  if (schema["$ref"]) return drawValue(definition(schema["$ref"], place.root), place, depth + 1);
  const alternatives = schema["anyOf"] ?? schema["oneOf"];
  if (alternatives) return drawValue(alternatives[0], place, depth + 1);
  const drawAt = (step: string, part: JSONSchema) =>
    drawValue(part, { ...place, path: `${place.path}/${step}` }, depth + 1);
  switch ([schema["type"]].flat()[0]) {
    case "object":
      return Object.fromEntries(
        Object.entries<JSONSchema>(schema["properties"] ?? {}).map(([name, part]) => [name, drawAt(name, part)]),
      );
    case "array":
      return depth < deepest ? [drawAt("0", schema["items"] ?? {})] : [];
    case "boolean":
      return random.next() < 0.5;
    case "number":
    case "integer":
      return lowest(schema) + Math.floor(random.next() * (range(schema) + 1));
    case "null":
      return null;
    default:
      return `simulated ${Math.floor(random.next() * 0x1_0000).toString(16)}`;
  }
}

function anotherNumber(truth: number, schema: JSONSchema | undefined, random: Random): number {
  const span = range(schema);
  const step = 1 + wholeBelow(Math.min(wrongValues, span), random);
  return lowest(schema) + ((truth - lowest(schema) + step) % (span + 1));
}

function lowest(schema: JSONSchema | undefined): number {
  return Math.ceil((schema?.["minimum"] as number | undefined) ?? 0);
}

function range(schema: JSONSchema | undefined): number {
  return Math.min(widestRange, Math.floor((schema?.["maximum"] as number | undefined) ?? Infinity) - lowest(schema));
}

function partSchema(schema: JSONSchema | undefined, name: string): JSONSchema | undefined {
  const properties = schema?.["properties"] as Record<string, JSONSchema> | undefined;
  return properties?.[name] ?? (schema?.["items"] as JSONSchema | undefined);
}

function definition(reference: string, root: JSONSchema): JSONSchema {
  const steps = reference.split("/").slice(1);
  return steps.reduce<any>((at, step) => at?.[step], root) ?? {};
}

function pick<T>(choices: readonly T[], random: Random): T | undefined {
  return choices[wholeBelow(choices.length, random)];
}

function wholeBelow(limit: number, random: Random): number {
  return Math.floor(random.next() * limit);
}

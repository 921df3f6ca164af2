import { assertUsable } from "../core/errors.ts";
import { resolveSchema } from "../schema/resolve.ts";

/** Longest schema of a client, in characters of JSON: to compile one of these holds all others up for a moment. */
const longestSchema = 20_000;
/** Most objects and lists of a schema with its references written out: to check an answer may take as many steps. */
const mostParts = 2_000;

/**
 * Refuses a client's schema that would take long to compile or to check answers by, and one that is none.
 *
 * @throws InvalidOptionsError
 */
export async function assertClientSchema(schema: Record<string, unknown> | undefined, path: string): Promise<void> {
  if (schema === undefined) return;
  const { length } = JSON.stringify(schema);
  const long = `${path} has ${length} characters, and may have ${longestSchema}. Ask for less, or let the service have a tool of this schema.`;
  assertUsable(length <= longestSchema, path, `${length} characters`, `${longestSchema} characters`, long);
  const wide = `${path} has more than ${mostParts} parts, its references written out, or one that leads back to itself. Ask for less, or let the service have a tool of this schema.`;
  assertUsable(partsOf(schema) <= mostParts, path, "too many parts", `${mostParts} parts`, wide);
  await resolveSchema(schema, path);
}

/** Counts the objects and lists of a schema, those behind references each time; stops where there are too many. */
function partsOf(schema: Record<string, unknown>): number {
  let count = 0;
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null || ++count > mostParts) return;
    for (const [name, value] of Object.entries(part)) {
      if (isReference(name) && typeof value === "string") visit(targetOf(schema, value));
      else visit(value);
    }
  };
  visit(schema);
  return count;
}

function isReference(name: string): boolean {
  return name === "$ref" || name === "$dynamicRef" || name === "$recursiveRef";
}

/** A reference that is not a pointer may lead back to the whole. */
function targetOf(schema: Record<string, unknown>, reference: string): unknown {
  if (!reference.startsWith("#/")) return schema;
  const steps = reference.slice(2).split("/");
  return steps.reduce<any>((at, step) => at?.[readStep(step)], schema);
}

function readStep(step: string): string {
  const plain = step.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}

type Schema = Readonly<Record<string, any>>;

/** A schema, and the document that its references lead into. */
interface Part {
  readonly schema: Schema;
  readonly root: Schema;
}

/** Deeper parts are taken to fit. */
const deepest = 20;

/**
 * Finds where answers that fit one schema cannot fit another: a type, a choice, or a property. Bounds, patterns and parts of which
 * neither schema is sure are taken to fit.
 *
 * @returns the JSON pointer and the reason; `undefined` where nothing is certain to be in the way
 */
export function conflictOf(answers: Schema, wanted: Schema): string | undefined {
  return conflictIn({ schema: answers, root: answers }, { schema: wanted, root: wanted }, "", 0);
}

function conflictIn(given: Part, wanted: Part, path: string, depth: number): string | undefined {
  if (depth > deepest || typeof given.schema !== "object" || typeof wanted.schema !== "object") return undefined;
  const [from, to] = [resolved(given), resolved(wanted)];
  if (Object.keys(to).length === 0) return undefined;
  const say = (reason: string) => `${path || "the answer"} ${reason}`;
  const next = (schema: Schema, other: Schema, at = path) =>
    conflictIn({ ...given, schema }, { ...wanted, schema: other }, at, depth + 1);
  const branches = branchesOf(from);
  if (branches) return branches.map((branch) => next(branch, to)).find((fault) => fault !== undefined);
  const others = branchesOf(to)?.map((branch) => next(from, branch));
  if (others) return others.includes(undefined) ? undefined : others[0];
  const types = typesOf(from).filter((type) => !typesOf(to).some((other) => isKindOf(type, other)));
  if (types.length > 0 && typesOf(to).length > 0) return say(`may be of type ${types.join(", ")}`);
  const choices = choicesOf(to)?.map((choice) => JSON.stringify(choice));
  const other = choices && choicesOf(from)?.find((choice) => !choices.includes(JSON.stringify(choice)));
  if (other !== undefined) return say(`may be ${JSON.stringify(other)}`);
  if (choices && !choicesOf(from) && typesOf(from).length > 0) return say(`may be none of ${choices.join(", ")}`);
  const { properties = {}, items } = from;
  if (typesOf(from).includes("object") && from["properties"]) {
    const missing = ((to["required"] ?? []) as string[]).find((name) => !Object.hasOwn(properties, name));
    if (missing !== undefined) return say(`has no ${JSON.stringify(missing)}`);
    const known: Schema = to["properties"] ?? {};
    for (const [name, property] of Object.entries<Schema>(properties)) {
      if (!Object.hasOwn(known, name)) {
        if (to["additionalProperties"] === false) return say(`has ${JSON.stringify(name)}`);
        continue;
      }
      const fault = next(property, known[name], `${path}/${name}`);
      if (fault !== undefined) return fault;
    }
  }
  const isList = typeof items === "object" && typeof to["items"] === "object";
  return isList ? next(items, to["items"], `${path}/*`) : undefined;
}

function resolved({ schema, root }: Part): Schema {
  let at: any = schema;
  for (let steps = 0; typeof at?.$ref === "string" && steps < deepest; steps++) at = targetOf(root, at.$ref);
  return typeof at === "object" && at !== null ? at : {};
}

function branchesOf({ anyOf, oneOf, type, ...rest }: Schema): readonly Schema[] | undefined {
  if (Array.isArray(type) && type.length > 1) return type.map((one) => ({ ...rest, anyOf, oneOf, type: one }));
  return anyOf ?? oneOf;
}

function choicesOf(schema: Schema): readonly unknown[] | undefined {
  return "const" in schema ? [schema["const"]] : schema["enum"];
}

function typesOf(schema: Schema): string[] {
  if (schema["type"] !== undefined) return [schema["type"]].flat();
  if (schema["properties"]) return ["object"];
  return [...new Set((choicesOf(schema) ?? []).map(typeOf))];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
}

function isKindOf(type: string, other: string): boolean {
  return type === other || (type === "integer" && other === "number");
}

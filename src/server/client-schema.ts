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

import type { JSONSchema } from "../core/json.ts";

/** Values, and parts that each would refuse the properties of the others. */
const leftAsTheyAre = new Set(["allOf", "const", "default", "enum", "examples"]);

/** The schema with every object closed that does not say otherwise: a model shall add no properties of its own. */
export function closeObjects(schema: JSONSchema): JSONSchema {
  return close(schema) as JSONSchema;
}

function close(part: unknown): unknown {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(close);
  const copy: Record<string, unknown> = Object.fromEntries(
    Object.entries(part).map(([key, value]) => [key, leftAsTheyAre.has(key) ? value : close(value)]),
  );
  const isOpen =
    copy["type"] === "object" && copy["properties"] && !("additionalProperties" in copy) && !("allOf" in copy);
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}

/**
 * Whether OpenAI's strict mode takes the schema. It refuses one with an open object or an optional property, instead of
 * loosening itself (https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas").
 */
export function isStrict(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return true;
  if (Array.isArray(schema)) return schema.every(isStrict);
  const { type, properties, required, additionalProperties, ...others } = schema as Record<string, unknown>;
  if (!Object.values(properties ?? {}).every(isStrict) || !Object.values(others).every(isStrict)) return false;
  if (type !== "object" && properties === undefined) return true;
  const names = Object.keys(properties ?? {});
  return additionalProperties === false && names.every((name) => Array.isArray(required) && required.includes(name));
}

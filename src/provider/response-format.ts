import type { LanguageModelV4CallOptions } from "@ai-sdk/provider";
import type { CallParameter, LanguageModelLike, PromptMessage } from "../contract/model.ts";
import type { JSONSchema } from "../core/json.ts";

type ProviderOptions = NonNullable<LanguageModelV4CallOptions["providerOptions"]>;

/** The parts of a call by which a model learns what its answer must look like. */
export interface ResponseFormat {
  readonly messages: readonly PromptMessage[];
  readonly responseFormat?: LanguageModelV4CallOptions["responseFormat"];
  readonly providerOptions?: ProviderOptions | undefined;
}

/** A model of ours: it reads any schema as its response format, also one that providers do not take. */
export interface OwnModel extends LanguageModelLike {
  readonly takesAnySchema: true;
}

/** Asks for answers of a schema: through the provider's response format where it takes one, else in words. */
export function askForSchema(
  model: LanguageModelLike,
  messages: readonly PromptMessage[],
  schema: JSONSchema,
  providerOptions?: ProviderOptions | undefined,
  refused?: ReadonlySet<CallParameter> | undefined,
): ResponseFormat {
  if (refused?.has("responseSchema") || !takesSchema(model, schema))
    return { messages: withInstructions(messages, schemaInstructions(schema)), providerOptions };
  const closed = closeObjects(schema);
  return {
    messages,
    responseFormat: { type: "json", schema: closed },
    providerOptions: isStrict(closed) && !refused?.has("strict") ? providerOptions : withoutStrictMode(providerOptions),
  };
}

/** What to tell a model that has no response format, as text for its system message. */
function schemaInstructions(schema: JSONSchema): string {
  return (
    "Answer with one JSON value that is valid against this JSON schema, and with nothing else: " +
    `no explanation, no code fence.\n${JSON.stringify(schema)}`
  );
}

/**
 * Providers take only objects at the root. Models of OpenAI-compatible servers say whether theirs takes a schema at all; those of
 * other packages see to it themselves.
 */
function takesSchema(model: LanguageModelLike, schema: JSONSchema): boolean {
  const { takesAnySchema, supportsStructuredOutputs } = model as Partial<OwnModel> & {
    supportsStructuredOutputs?: boolean;
  };
  return takesAnySchema ?? (schema["type"] === "object" && supportsStructuredOutputs !== false);
}

function withInstructions(messages: readonly PromptMessage[], instructions: string): readonly PromptMessage[] {
  const [first, ...others] = messages;
  if (first?.role !== "system") return [{ role: "system", content: instructions }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${instructions}` }, ...others];
}

function withoutStrictMode(providerOptions: ProviderOptions | undefined): ProviderOptions {
  const loose = { strictJsonSchema: false };
  return {
    ...providerOptions,
    openai: { ...loose, ...providerOptions?.["openai"] },
    openaiCompatible: { ...loose, ...providerOptions?.["openaiCompatible"] },
  };
}

/** Values, and parts that each would refuse the properties of the others. */
const leftAsTheyAre = new Set(["allOf", "const", "default", "enum", "examples"]);

/** The schema with every object closed that does not say otherwise: a model shall add no properties of its own. */
function closeObjects(schema: JSONSchema): JSONSchema {
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
function isStrict(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return true;
  if (Array.isArray(schema)) return schema.every(isStrict);
  const { type, properties, required, additionalProperties, ...others } = schema as Record<string, unknown>;
  if (!Object.values(properties ?? {}).every(isStrict) || !Object.values(others).every(isStrict)) return false;
  if (type !== "object" && properties === undefined) return true;
  const names = Object.keys(properties ?? {});
  return additionalProperties === false && names.every((name) => Array.isArray(required) && required.includes(name));
}

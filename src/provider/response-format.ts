import type { LanguageModelV4CallOptions } from "@ai-sdk/provider";
import type { CallParameter, LanguageModelLike, PromptMessage } from "../contract/model.ts";
import type { JSONSchema } from "../core/json.ts";
import { compileLinearPattern } from "../core/linear-pattern.ts";

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

/** Returns the text that tells the schema to a model without a response format. */
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
/** Keywords with schemas by name: the names are no keywords. */
const named = new Set(["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"]);

/** Closes every object that does not say otherwise, so that a model adds no properties. Our own `x-…` words stay here. */
function closeObjects(schema: JSONSchema): JSONSchema {
  const closed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith("x-")) continue;
    if (leftAsTheyAre.has(key) || typeof value !== "object" || value === null) closed[key] = value;
    else if (Array.isArray(value)) closed[key] = value.map((part) => (isSchema(part) ? closeObjects(part) : part));
    else closed[key] = named.has(key) ? closeEach(value as JSONSchema) : closeObjects(value as JSONSchema);
  }
  const isOpen =
    closed["type"] === "object" && closed["properties"] && !("additionalProperties" in closed) && !("allOf" in closed);
  return isOpen ? { ...closed, additionalProperties: false } : closed;
}

function closeEach(parts: JSONSchema): JSONSchema {
  return Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [name, isSchema(part) ? closeObjects(part) : part]),
  );
}

function isSchema(part: unknown): part is JSONSchema {
  return typeof part === "object" && part !== null && !Array.isArray(part);
}

/** Keywords of OpenAI's strict mode, by the type that they speak of. */
const strictKeywords = new Set(
  (
    "$schema $defs definitions $ref title description type enum const anyOf properties required additionalProperties items " +
    "pattern format multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems"
  ).split(" "),
);
const strictFormats = new Set("date-time time date duration email hostname ipv4 ipv6 uuid".split(" "));
const strictTypes = new Set("string number integer boolean null object array".split(" "));
const mostLevels = 10;
const mostProperties = 5_000;
const mostChoices = 1_000;
const mostCharacters = 120_000;

/**
 * Tells whether OpenAI's strict mode takes a schema: it refuses the call where it does not, instead of loosening itself. It
 * takes closed objects whose properties are all required, the keywords and formats above, and patterns without look-around,
 * within limits of size (https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas").
 */
function isStrict(root: JSONSchema): boolean {
  const size = { properties: 0, choices: 0, characters: 0 };
  if ("anyOf" in root || !isStrictPart(root, 0, size)) return false;
  return size.properties <= mostProperties && size.choices <= mostChoices && size.characters <= mostCharacters;
}

interface StrictSize {
  properties: number;
  choices: number;
  characters: number;
}

function isStrictPart(part: unknown, level: number, size: StrictSize): boolean {
  if (!isSchema(part) || level > mostLevels || !Object.keys(part).every((key) => strictKeywords.has(key))) return false;
  const { $ref, $defs = {}, definitions = {}, type, enum: choices, const: only, anyOf, items, properties = {} } = part;
  const defined = [...Object.entries($defs as object), ...Object.entries(definitions as object)];
  if (!defined.every(([name, each]) => isStrictPart(each, level, count(size, name)))) return false;
  // A reference stands alone.
  if ($ref !== undefined) return typeof $ref === "string" && $ref.startsWith("#") && Object.keys(part).length === 1;
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type];
  if (!types.every((each) => strictTypes.has(each))) return false;
  if (types.length === 0 && choices === undefined && only === undefined && anyOf === undefined) return false;
  if (Array.isArray(choices)) for (const choice of choices) count(size, String(choice)).choices++;
  if (anyOf !== undefined && !(Array.isArray(anyOf) && anyOf.every((each) => isStrictPart(each, level, size))))
    return false;
  if (types.includes("array") && items === undefined) return false;
  if (items !== undefined && !isStrictPart(items, level + 1, size)) return false;
  return isStrictText(part) && (!types.includes("object") || isStrictObject(part, properties, level, size));
}

function count(size: StrictSize, text: string): StrictSize {
  size.characters += text.length;
  return size;
}

function isStrictText({ format, pattern }: JSONSchema): boolean {
  if (format !== undefined && !strictFormats.has(format as string)) return false;
  if (pattern === undefined) return true;
  try {
    return typeof compileLinearPattern(pattern as string) === "function";
  } catch {
    return false;
  }
}

function isStrictObject(part: JSONSchema, properties: unknown, level: number, size: StrictSize): boolean {
  const { required = [], additionalProperties } = part;
  if (additionalProperties !== false || !isSchema(properties) || !Array.isArray(required)) return false;
  const entries = Object.entries(properties);
  size.properties += entries.length;
  return entries.every(([name, each]) => required.includes(name) && isStrictPart(each, level + 1, count(size, name)));
}

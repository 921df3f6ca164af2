import type { LanguageModelV4CallOptions } from "@ai-sdk/provider";
import type { LanguageModelLike, PromptMessage } from "../contract/model.ts";
import type { JSONSchema } from "../core/json.ts";

type ProviderOptions = NonNullable<LanguageModelV4CallOptions["providerOptions"]>;

/** The parts of a call by which a model learns what its answer must look like. */
export interface ResponseFormat {
  readonly messages: readonly PromptMessage[];
  readonly responseFormat?: LanguageModelV4CallOptions["responseFormat"];
  readonly providerOptions?: ProviderOptions | undefined;
}

/**
 * Asks for answers of a schema: through the provider's response format where it takes one, else in words.
 * Providers take objects only at the root of a response format.
 */
export function askForSchema(
  model: LanguageModelLike,
  messages: readonly PromptMessage[],
  schema: JSONSchema,
  providerOptions?: ProviderOptions | undefined,
): ResponseFormat {
  if (schema["type"] !== "object" || !takesSchema(model))
    return { messages: withInstructions(messages, schemaInstructions(schema)), providerOptions };
  return {
    messages,
    responseFormat: { type: "json", schema: schema as object },
    providerOptions: isStrict(schema) ? providerOptions : withoutStrictMode(providerOptions),
  };
}

/** What to tell a model that has no response format, as text for its system message. */
export function schemaInstructions(schema: JSONSchema): string {
  return (
    "Answer with one JSON value that is valid against this JSON schema, and with nothing else: " +
    `no explanation, no code fence.\n${JSON.stringify(schema)}`
  );
}

/** Models of OpenAI-compatible servers say whether theirs takes a schema; those of other packages see to it themselves. */
function takesSchema(model: LanguageModelLike): boolean {
  return (model as { supportsStructuredOutputs?: boolean }).supportsStructuredOutputs !== false;
}

function withInstructions(messages: readonly PromptMessage[], instructions: string): readonly PromptMessage[] {
  const [first, ...others] = messages;
  if (first?.role !== "system") return [{ role: "system", content: instructions }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${instructions}` }, ...others];
}

/** OpenAI's strict mode refuses a schema in which a property is optional or an object is open, instead of loosening it. */
function isStrict(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return true;
  if (Array.isArray(schema)) return schema.every(isStrict);
  const { type, properties, required, additionalProperties, ...others } = schema as Record<string, unknown>;
  if (type !== "object" && properties === undefined) return Object.values(others).every(isStrict);
  const names = Object.keys(properties ?? {});
  const isClosed =
    additionalProperties === false && Array.isArray(required) && names.every((name) => required.includes(name));
  return isClosed && Object.values(properties ?? {}).every(isStrict) && Object.values(others).every(isStrict);
}

function withoutStrictMode(providerOptions: ProviderOptions | undefined): ProviderOptions {
  const loose = { strictJsonSchema: false };
  return {
    ...providerOptions,
    openai: { ...loose, ...providerOptions?.["openai"] },
    openaiCompatible: { ...loose, ...providerOptions?.["openaiCompatible"] },
  };
}

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyTool } from "../../contract/tool.ts";
import type { JSONSchema } from "../../core/json.ts";
import { schemasIn } from "../../schema/assert-schema.ts";
import { resolveSchema } from "../../schema/resolve.ts";
import { resolveSchemaUri } from "../../schema/schema-uri.ts";
import { answerOptionsOf, descriptionOf, isBundle } from "./description.ts";

/** A tool as an agent is told of it. */
export interface ToolDescription {
  readonly description: string;
  /** JSON schema of the arguments: always of an object, as the APIs of models want it. */
  readonly inputSchema: JSONSchema;
  /** JSON schema of an `AgentAnswer`. */
  readonly outputSchema: JSONSchema;
  /** Most answers that one call asks for; absent where the tool does not say. */
  readonly k?: number;
  /** Returns the request that the arguments make. */
  toRequest(args: Readonly<Record<string, unknown>>): unknown;
  /** Says what is wrong with arguments; undefined where nothing is. A run transforms them itself. */
  faultIn(args: unknown): Promise<string | undefined>;
}

/**
 * Describes a tool to an agent: its arguments by the tool's `inputSchema`, and what it answers.
 *
 * @throws InvalidOptionsError for a schema without a JSON form
 */
export async function describeTool(tool: AnyTool): Promise<ToolDescription> {
  const request = await requestSchemaOf(tool);
  const { k } = answerOptionsOf(tool);
  const isWrapped = !isObjectSchema(request, request);
  const toRequest = (args: Readonly<Record<string, unknown>>) => (isWrapped ? args["input"] : args);
  const inputSchema = isWrapped
    ? withTexts({ type: "object", properties: { input: moved(request, "#/properties/input") }, required: ["input"] })
    : { ...withTexts(request), type: "object" };
  return {
    description: descriptionOf(tool),
    ...(k !== undefined && { k }),
    inputSchema,
    outputSchema: isBundle(tool) ? bundleSchema(await answerSchemaOf(tool)) : plainSchema,
    toRequest,
    async faultIn(args) {
      if (typeof args !== "object" || args === null || Array.isArray(args))
        return "The arguments have to be an object.";
      const checked = await tool.inputSchema?.["~standard"].validate(toRequest(args as Record<string, unknown>));
      return checked?.issues?.map(describeIssue).join("\n");
    },
  };
}

function describeIssue({ path = [], message }: StandardSchemaV1.Issue): string {
  const place = path.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
  return place === "" ? message : `${place}: ${message}`;
}

async function requestSchemaOf(tool: AnyTool): Promise<JSONSchema> {
  const { jsonSchema } = (await resolveSchema(tool.inputSchema, `the input of ${tool.name}`)) ?? { jsonSchema: {} };
  return Object.keys(jsonSchema).length > 0 ? jsonSchema : { type: "object" };
}

/** Returns the schema of the consensus; `undefined` where the answer is text. */
export async function answerSchemaOf(tool: AnyTool): Promise<JSONSchema | undefined> {
  const { schema, schemaUri } = answerOptionsOf(tool);
  const given = schema ?? (schemaUri === undefined ? undefined : await resolveSchemaUri(schemaUri));
  return (await resolveSchema(given, `the schema of ${tool.name}`))?.jsonSchema;
}

const plainSchema: JSONSchema = {
  type: "object",
  properties: { result: { description: "What the tool returned." } },
  required: ["result"],
};

function bundleSchema(answer: JSONSchema | undefined): JSONSchema {
  const place = "#/properties/consensus/anyOf/0";
  const consensus = answer === undefined ? { type: "string" } : moved(answer, place);
  return {
    type: "object",
    properties: {
      consensus: { anyOf: [consensus, { type: "null" }], description: "The answer. null: no valid answer was given." },
      confidence: { type: "number", description: "Probability that the consensus is right, from 0 to 1." },
      disagreements: {
        type: "array",
        description: "Fields on which the answers differ, the most contested first.",
        items: {
          type: "object",
          properties: {
            path: { type: "string", description: 'JSON pointer of the field; "" is the whole answer.' },
            values: {
              type: "array",
              items: {
                type: "object",
                properties: { value: {}, support: { type: "number", description: "Votes for this value." } },
                required: ["value", "support"],
              },
            },
          },
          required: ["path", "values"],
        },
      },
      votes: { type: "number", description: "Valid answers that the consensus stands on." },
      costUsd: { type: ["number", "null"], description: "Cost in US dollars; null where a price is not known." },
      incomplete: {
        type: "string",
        description: "Why fewer answers were given than asked for, or why a person decides.",
      },
    },
    required: ["consensus", "confidence", "disagreements", "votes", "costUsd"],
  };
}

/**
 * Returns a schema whose references hold when it stands at another place of a document. One with an `$id` of its own is a
 * document by itself.
 */
function moved({ $schema: _, ...schema }: JSONSchema, place: string): JSONSchema {
  if (schema["$id"] !== undefined) return schema;
  const copy = JSON.parse(JSON.stringify(schema)) as JSONSchema;
  for (const { schema: part } of schemasIn(copy)) {
    const { $ref } = part as { $ref?: unknown };
    if (typeof $ref === "string" && ($ref === "#" || $ref.startsWith("#/")))
      Object.assign(part, { $ref: place + $ref.slice(1) });
  }
  return copy;
}

function isObjectSchema(schema: JSONSchema, root: JSONSchema, depth = 0): boolean {
  const { type, $ref, anyOf, oneOf } = schema;
  if (type !== undefined) return type === "object";
  if (typeof $ref === "string" && depth < 10) {
    const target = $ref
      .split("/")
      .slice(1)
      .reduce((part: any, step) => part?.[step], root);
    return typeof target === "object" && target !== null && isObjectSchema(target, root, depth + 1);
  }
  const branches = (anyOf ?? oneOf) as readonly JSONSchema[] | undefined;
  return branches?.every((branch) => isObjectSchema(branch, root, depth + 1)) ?? "properties" in schema;
}

/** Keywords by which a model is told what a value is. */
const typing = ["type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "not", "if", "properties", "items"];

/**
 * Returns a schema in which each value that may be anything is a text, whatever is said of it: several APIs of models refuse a
 * property, and items of a list, without a type.
 */
function withTexts({ $schema: _, ...schema }: JSONSchema): JSONSchema {
  const copy = JSON.parse(JSON.stringify(schema)) as JSONSchema;
  const isUntyped = (value: unknown): value is JSONSchema =>
    typeof value === "object" && value !== null && !typing.some((keyword) => keyword in value);
  const typed = <T>(value: T) =>
    value === true ? { type: "string" } : isUntyped(value) ? { type: "string", ...value } : value;
  for (const { schema: part } of schemasIn(copy)) {
    const { properties, items } = part as { properties?: Record<string, unknown>; items?: unknown };
    for (const [name, property] of Object.entries(properties ?? {}))
      Object.assign(properties ?? {}, { [name]: typed(property) });
    if (items !== undefined && !Array.isArray(items)) Object.assign(part, { items: typed(items) });
  }
  return copy;
}

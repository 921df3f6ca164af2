import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { JSONSchema } from "../../core/json.ts";
import { nearest } from "../../core/nearest.ts";
import type { DescribedSchema } from "../../schema/resolve.ts";

/** The variables of a prompt's text: `{{report}}` makes `{ report: unknown }`, `{{report.title}}` an object in it. */
export type PromptVariables<P extends string> = string extends P ? Record<string, unknown> : Variables<VariableName<P>>;
type VariableName<P extends string> = P extends `${string}{{${infer V}}}${infer Rest}`
  ? Trim<V> | VariableName<Rest>
  : never;
type Trim<V extends string> = V extends ` ${infer R}` ? Trim<R> : V extends `${infer L} ` ? Trim<L> : V;
type Variables<Names extends string> = { [Head in HeadOf<Names>]: Branch<RestOf<Names, Head>> };
type HeadOf<Name extends string> = Name extends `${infer Head}.${string}` ? Head : Name;
type RestOf<Name extends string, Head extends string> = Name extends `${Head}.${infer Rest}` ? Rest : never;
/** Items of a list are not told apart by type. */
type Branch<Names extends string> = [Names] extends [never]
  ? unknown
  : [Extract<Names, `${number}` | `${number}.${string}`>] extends [never]
    ? Variables<Names>
    : unknown;

const variable = /\{\{([^{}]*)\}\}/g;

/** The names between `{{` and `}}`, each once. */
export function templateVariables(template: string): string[] {
  return [...new Set(Array.from(template.matchAll(variable), ([, name]) => (name as string).trim()))];
}

/** The text with its variables filled in: strings as they are, everything else as JSON. */
export function fillTemplate(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replace(variable, (_, name: string) => {
    const value = valueIn(values, name.trim());
    return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  });
}

/**
 * The request that a template takes: an object with each of its variables. A text stands for the only variable of a
 * template that has one.
 */
function templateInput(template: string): RequestSchema {
  const names = templateVariables(template);
  const describe = () => schemaOfVariables(names.map((name) => name.split(".")));
  return {
    "~standard": {
      version: 1,
      vendor: "steer-llm-sdk",
      jsonSchema: { input: describe, output: describe },
      validate(request) {
        if (typeof request === "string" && names.length <= 1)
          return { value: names[0] === undefined ? {} : { [names[0]]: request } };
        if (typeof request !== "object" || request === null) return { issues: [{ message: takes(names) }] };
        const missing = names.filter((name) => valueIn(request, name) === undefined);
        if (missing.length === 0) return { value: request as Record<string, unknown> };
        return { issues: missing.map((name) => ({ message: lacks(name, Object.keys(request)), path: [name] })) };
      },
    },
  };
}

type RequestSchema = StandardSchemaV1<any, Record<string, unknown>> &
  StandardJSONSchemaV1<any, Record<string, unknown>>;

/** JSON schema of an object that has these paths in it. Their values may be anything. */
function schemaOfVariables(paths: readonly string[][]): JSONSchema {
  const heads = [...new Set(paths.map(([head = ""]) => head))];
  const properties = heads.map((head) => {
    const rest = paths.filter((path) => path[0] === head).map((path) => path.slice(1));
    return [head, rest.some((path) => path.length === 0) ? {} : schemaOfVariables(rest)] as const;
  });
  return { type: "object", properties: Object.fromEntries(properties), required: heads };
}

/**
 * Value of a variable in the request: of that name, else down the path that its dots name. What every object inherits is
 * none: `constructor` is a variable like any other.
 */
function valueIn(request: object, name: string): unknown {
  const own = ownValue(request, name);
  if (own !== undefined || !name.includes(".")) return own;
  let value: unknown = request;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = ownValue(value, part);
  }
  return value;
}

function ownValue(object: object, name: string): unknown {
  const isInherited = name in Object.prototype && !Object.hasOwn(object, name);
  return isInherited ? undefined : (object as Record<string, unknown>)[name];
}

/** Paths of files with variables; those that are relative begin at `from`, by default the current folder. */
export type PromptFiles = string | readonly string[] | { paths: string | readonly string[]; from: string };

export function templatesOf(files: PromptFiles): readonly string[] {
  const paths = typeof files === "string" || !("paths" in files) ? files : files.paths;
  return typeof paths === "string" ? [paths] : paths;
}

/**
 * Request that a tool takes: as `input` has it, with the variables of its templates in it; undefined where all is taken.
 *
 * @param others templates beside the prompt
 */
export function inputOf(
  { input, prompt }: { input?: StandardSchemaV1<any, any> | undefined; prompt: unknown },
  others: readonly string[],
): DescribedSchema | undefined {
  const texts = typeof prompt === "string" ? [prompt, ...others] : others;
  const template = texts.length > 0 ? templateInput(texts.join("\n")) : undefined;
  if (!input || !template) return input ?? template;
  return {
    describedBy: input,
    "~standard": {
      version: 1,
      vendor: "steer-llm-sdk",
      async validate(request) {
        const read = await input["~standard"].validate(request);
        return read.issues ? read : template["~standard"].validate(read.value);
      },
    },
  };
}

function takes(names: readonly string[]): string {
  return `Give an object with the prompt's variables: ${names.join(", ") || "it has none"}.`;
}

function lacks(name: string, given: readonly string[]): string {
  const guess = nearest(name, given);
  const has = guess === undefined ? given.slice(0, 10).join(", ") || "nothing" : guess;
  return `It is missing: the prompt has {{${name}}} in it, and the request has ${has}.`;
}

import type { StandardSchemaV1 } from "@standard-schema/spec";

/** The variables of a prompt's text: `{{report}}` makes `{ report: unknown }`. */
export type PromptVariables<P extends string> = string extends P
  ? Record<string, unknown>
  : { [K in VariableName<P>]: unknown };
type VariableName<P extends string> = P extends `${string}{{${infer V}}}${infer Rest}`
  ? Trim<V> | VariableName<Rest>
  : never;
type Trim<V extends string> = V extends ` ${infer R}` ? Trim<R> : V extends `${infer L} ` ? Trim<L> : V;

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
export function templateInput(template: string): StandardSchemaV1<any, Record<string, unknown>> {
  const names = templateVariables(template);
  return {
    "~standard": {
      version: 1,
      vendor: "steer-llm-sdk",
      validate(request) {
        if (typeof request === "string" && names.length <= 1)
          return { value: names[0] === undefined ? {} : { [names[0]]: request } };
        if (typeof request !== "object" || request === null) return { issues: [{ message: takes(names) }] };
        const missing = names.filter((name) => valueIn(request, name) === undefined);
        if (missing.length === 0) return { value: request as Record<string, unknown> };
        return {
          issues: missing.map((name) => ({ message: `a value: the prompt has {{${name}}} in it`, path: [name] })),
        };
      },
    },
  };
}

/** Value of a variable in the request. What every object inherits is none: `constructor` is a variable like any other. */
function valueIn(request: object, name: string): unknown {
  const isInherited = name in Object.prototype && !Object.hasOwn(request, name);
  return isInherited ? undefined : (request as Record<string, unknown>)[name];
}

function takes(names: readonly string[]): string {
  return `an object with the prompt's variables: ${names.join(", ") || "it has none"}`;
}

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { optionPlaces } from "../contract/option-places.ts";
import { type NamedTool, Tool, type ToolContext } from "../contract/tool.ts";
import { assertUsable } from "../core/errors.ts";
import { assertKnownOptions } from "../core/options.ts";

/** Facts of a tool that is made from a function. */
export interface ToolMeta<Name extends string> {
  /** Name of the tool in runs, outputs, events and listings. */
  name: Name;
  /** Shown in listings, and part of what a journal is found by. Default: `"1.0.0"`. */
  version?: string | undefined;
  /** Shown in listings. Default: `""`. */
  description?: string | undefined;
  /** Name under which circuit and retry budget are shared. Default: the name of the tool. */
  provider?: string | undefined;
  /** Words that a planner looks for. */
  capabilities?: readonly string[] | undefined;
}

const factNames = ["version", "description", "provider", "capabilities"] as const;
/** Names of the facts that every definition may state. */
export const metaNames = ["name", ...factNames] as const satisfies readonly (keyof ToolMeta<string>)[];

/**
 * Makes a tool from a function. `input`, a Standard Schema (zod, valibot, arktype), checks and types the request.
 *
 * @throws InvalidOptionsError for an unknown option, and without a name or an execute function
 *
 * @example
 * ```ts
 * const lookup = defineTool({
 *   name: "lookup",
 *   input: z.object({ id: z.string() }),
 *   execute: async ({ id }, _options, { signal }) => (await fetch(`https://example.com/${id}`, { signal })).ok,
 * });
 * ```
 */
export function defineTool<const Name extends string, S extends StandardSchemaV1<any, any>, R>(
  definition: ToolMeta<Name> & {
    input: S;
    execute(
      request: StandardSchemaV1.InferOutput<S>,
      options: Record<string, unknown>,
      context: ToolContext,
    ): R | PromiseLike<R>;
  },
): NamedTool<Name, StandardSchemaV1.InferInput<S>, R>;
export function defineTool<const Name extends string, I, R>(
  definition: ToolMeta<Name> & {
    input?: undefined;
    execute(request: I, options: Record<string, unknown>, context: ToolContext): R | PromiseLike<R>;
  },
): NamedTool<Name, I, R>;
export function defineTool(definition: FunctionToolDefinition): NamedTool<string, unknown, unknown> {
  const isObject = typeof definition === "object" && definition !== null;
  assertUsable(isObject, "defineTool(…)", definition, "an object with a name and an execute function");
  assertKnownOptions(definition, [...metaNames, "input", "execute"], "defineTool(…)", optionPlaces);
  const { name, execute } = definition;
  assertUsable(typeof name === "string" && name !== "", "defineTool(…).name", name, "a text that is not empty");
  assertUsable(
    typeof execute === "function",
    "defineTool(…).execute",
    execute,
    "a function from a request to a result",
  );
  return new FunctionTool(definition);
}

interface FunctionToolDefinition extends ToolMeta<string> {
  input?: StandardSchemaV1 | undefined;
  execute(request: unknown, options: Record<string, unknown>, context: ToolContext): unknown;
}

class FunctionTool extends Tool<unknown, unknown> {
  readonly name: string;
  readonly #execute: FunctionToolDefinition["execute"];

  constructor(definition: FunctionToolDefinition) {
    super();
    this.name = definition.name;
    this.#execute = definition.execute;
    describeTool(this, definition);
    if (definition.input) Object.assign(this, { inputSchema: definition.input });
  }

  async execute(request: unknown, options: Record<string, unknown>, context: ToolContext): Promise<unknown> {
    return this.#execute(request, options, context);
  }
}

/** Copies the facts that were given onto a tool; the others keep the defaults of `Tool`. */
export function describeTool(tool: object, meta: Omit<ToolMeta<string>, "name">): void {
  for (const fact of factNames) {
    if (meta[fact] !== undefined) Object.assign(tool, { [fact]: meta[fact] });
  }
}

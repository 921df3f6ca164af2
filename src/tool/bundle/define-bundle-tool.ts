import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import type { BundleOptions } from "../../contract/bundle-options.ts";
import { bundleToolPlaces } from "../../contract/option-places.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import { assertKnownOptions } from "../../core/options.ts";
import { assertSchema } from "../../schema/assert-schema.ts";
import { describeTool, metaNames, type ToolMeta } from "../define-tool.ts";
import { BundleTool } from "./bundle-tool.ts";

/** Gets one answer for one seed, as it goes into the schema. */
export type AskReplicate<Request, T> = (
  request: Request,
  replicate: ReplicateSpec,
  context: ToolContext,
) => Promise<ReplicateResult<T>>;

/**
 * Makes a bundle tool from a function that gets one answer for one seed. `input` checks and types the request, `schema`
 * the answers.
 *
 * @throws InvalidOptionsError for an unknown option, or a schema with a slip
 *
 * @example
 * ```ts
 * const vote = defineBundleTool({
 *   name: "vote",
 *   input: z.object({ question: z.string() }),
 *   schema: z.object({ yes: z.boolean() }),
 *   executeReplicate: async ({ question }, { seed }, { signal }) => ({ data: await ask(question, seed, signal) }),
 * });
 * ```
 */
export function defineBundleTool<
  const Name extends string,
  I extends StandardSchemaV1<any, any>,
  S extends StandardSchemaV1<any, any>,
>(
  definition: ToolMeta<Name> & {
    input: I;
    schema: S;
    defaultOptions?: BundleOptions | undefined;
    executeReplicate: AskReplicate<StandardSchemaV1.InferOutput<I>, StandardSchemaV1.InferInput<S>>;
  },
): BundleTool<StandardSchemaV1.InferInput<I>, StandardSchemaV1.InferOutput<S>> & { readonly name: Name } {
  const known = [...metaNames, "input", "schema", "defaultOptions", "executeReplicate"];
  assertKnownOptions(definition, known, "defineBundleTool(…)", bundleToolPlaces);
  if (definition.schema !== undefined) assertSchema(definition.schema, "defineBundleTool(…).schema");
  return new FunctionBundleTool(definition) as any;
}

class FunctionBundleTool<Name extends string> extends BundleTool<any, any> {
  readonly name: Name;
  readonly #ask: AskReplicate<any, any>;

  constructor(
    definition: ToolMeta<Name> & {
      input: StandardSchemaV1;
      schema: StandardSchemaV1;
      defaultOptions?: BundleOptions | undefined;
      executeReplicate: AskReplicate<any, any>;
    },
  ) {
    super();
    this.name = definition.name;
    this.#ask = definition.executeReplicate;
    describeTool(this, definition);
    const defaultOptions = { ...definition.defaultOptions, schema: definition.schema };
    Object.assign(this, { inputSchema: definition.input, defaultOptions });
  }

  override executeReplicate(request: unknown, replicate: ReplicateSpec, context: ReplicateContext) {
    return this.#ask(request, replicate, context);
  }
}

import type { CompareOptions, ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { assertFieldsOf } from "../evidence/schema-fields.ts";
import { compareFromSchema } from "../evidence/schema-hints.ts";
import { type ResolvedSchema, resolveSchema } from "../schema/resolve.ts";
import { resolveSchemaUri } from "../schema/resolve-schema-uri.ts";

/** The schema that answers must fit, and the options with what the schema says about comparing them. */
export interface BundleSchema {
  readonly schema: ResolvedSchema | undefined;
  readonly options: ResolvedBundleOptions;
}

/**
 * Finds the schema of a bundle, from `schema` or `schemaUri`.
 *
 * @throws InvalidOptionsError where both are given, where it is not to be had or does not compile, or where other options
 * speak of fields that it does not have
 */
export async function resolveBundleSchema(options: ResolvedBundleOptions): Promise<BundleSchema> {
  const { schemaUri } = options;
  if (options.schema && schemaUri !== undefined) {
    throw new InvalidOptionsError([
      { path: "toolOptions.schemaUri", given: schemaUri, allowed: "either schema or schemaUri" },
    ]);
  }
  const schema = await resolveSchema(schemaUri === undefined ? options.schema : await resolveSchemaUri(schemaUri));
  if (!schema?.jsonSchema) return { schema, options };
  await assertKnownFields(schema, options);
  return {
    schema,
    options: { ...options, compare: mergeCompare(compareFromSchema(schema.jsonSchema), options.compare) },
  };
}

async function assertKnownFields(
  schema: ResolvedSchema,
  { fields = [], compare }: ResolvedBundleOptions,
): Promise<void> {
  const [byPath, weights] = [Object.keys(compare?.byPath ?? {}), Object.keys(compare?.weights ?? {})];
  if (fields.length + byPath.length + weights.length === 0) return;
  assertFieldsOf(await schema.describeChecked(), {
    "toolOptions.fields": fields,
    "toolOptions.compare.byPath": byPath,
    "toolOptions.compare.weights": weights,
  });
}

/** The caller's word counts more than the schema's, path by path. */
function mergeCompare(hints: CompareOptions, given: CompareOptions | undefined): CompareOptions {
  const weights = { ...hints.weights, ...given?.weights };
  const byPath = { ...hints.byPath, ...given?.byPath };
  return { ...hints, ...given, weights, byPath };
}

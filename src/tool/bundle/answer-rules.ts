import type { CompareOptions, ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { InvalidOutputError } from "../../contract/errors.ts";
import type { PromptMessage } from "../../contract/model.ts";
import { InvalidOptionsError, messageOf } from "../../core/errors.ts";
import type { JSONSchema } from "../../core/json.ts";
import { pickFields, replaceFields } from "../../evidence/internal/pick-fields.ts";
import { isAtOrBelow } from "../../evidence/internal/pointer.ts";
import { assertFieldsOf } from "../../evidence/internal/schema-fields.ts";
import { cutSchema, schemaParts } from "../../evidence/internal/schema-parts.ts";
import { compareFromSchema } from "../../evidence/schema-hints.ts";
import { toJsonData, toReadableData } from "../../schema/json-data.ts";
import { type CheckResult, type ResolvedSchema, resolveSchema } from "../../schema/resolve.ts";
import { resolveSchemaUri } from "../../schema/schema-uri.ts";

/**
 * Job: ask again for some fields only: know which there are, and what answers to some of them have to fit.
 * Boundary: decides neither when to ask nor for which fields.
 * Invariants:
 * 1. Only what was asked for counts; anything else in an answer is left out, not complained of.
 * 2. A schema that transforms answers transforms parts of them as it does whole ones.
 */

export class FieldResampling {
  /** JSON pointers of all that can be asked for by itself. */
  readonly parts: readonly string[];
  readonly #schema: ResolvedSchema;
  readonly #cut = new Map<string, JSONSchema>();
  #whole: { readonly data: unknown } | undefined;

  private constructor(schema: ResolvedSchema, parts: readonly string[]) {
    this.#schema = schema;
    this.parts = parts;
  }

  /**
   * What `resample: "fields"` asks for; undefined where the options do not say it.
   *
   * @throws InvalidOptionsError where the answers have no fields that can be asked for by themselves
   */
  static of({ resample }: ResolvedBundleOptions, schema: ResolvedSchema | undefined): FieldResampling | undefined {
    if (resample !== "fields") return undefined;
    const parts = schema ? schemaParts(schema.jsonSchema) : [];
    if (schema && parts.length > 0) return new FieldResampling(schema, parts);
    const allowed =
      '"objects", or a schema that is an object with properties, without rules over several of them (anyOf, minProperties, …) and without references other than into its own $defs';
    throw new InvalidOptionsError([{ path: "toolOptions.resample", given: resample, allowed }]);
  }

  /** What a model is told that is asked for these fields. */
  responseSchema(fields: readonly string[]): JSONSchema {
    const key = fields.join(" ");
    const schema = this.#cut.get(key) ?? cutSchema(this.#schema.jsonSchema, fields);
    this.#cut.set(key, schema);
    return schema;
  }

  /** Takes note of a valid whole answer, in which parts can be looked at. */
  learn(data: unknown): void {
    this.#whole ??= { data };
  }

  /** What of an answer was asked for, or what is wrong with it. */
  async check(data: unknown, fields: readonly string[]): Promise<CheckResult> {
    const part = pickFields(data, fields);
    const schema = await resolveSchema(this.responseSchema(fields));
    const checked = await schema.check(part);
    return checked.ok ? this.#checkInWhole(part, fields) : checked;
  }

  /** Only faults of what was asked for count: the rest of the answer is another one's. */
  async #checkInWhole(part: unknown, fields: readonly string[]): Promise<CheckResult> {
    if (!this.#whole) return { ok: true, value: part };
    const checked = await this.#schema.check(replaceFields(this.#whole.data, part, fields));
    if (checked.ok) return { ok: true, value: pickFields(checked.value, fields) };
    const errors = checked.errors.filter((error) => fields.some((field) => isAtOrBelow(pointerOf(error), field)));
    return errors.length > 0 ? { ok: false, errors } : { ok: true, value: part };
  }
}

/** Faults start with the JSON pointer of their place. */
function pointerOf(error: string): string {
  return error.slice(0, error.indexOf(": "));
}

/**
 * The messages of a question of which only some fields are to be answered. It is the system that says so: what the user
 * asks stays the same question.
 */
export function askForFields(messages: readonly PromptMessage[], fields: readonly string[]): readonly PromptMessage[] {
  const instruction = `Of the answer, only these fields are needed (JSON pointers); leave out all others: ${fields.join(", ")}`;
  const [first, ...others] = messages;
  if (first?.role !== "system") return [{ role: "system", content: instruction }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${instruction}` }, ...others];
}

/** What answers have to fit. */
export interface AnswerRules {
  readonly schema: ResolvedSchema | undefined;
  readonly resampling: FieldResampling | undefined;
}

/**
 * An answer as the schema wants it, or what is wrong with it.
 *
 * @param fields JSON pointers of what was asked for; default: the whole answer
 */
export async function checkAnswer(
  { schema, resampling }: AnswerRules,
  data: unknown,
  fields: readonly string[] | undefined,
): Promise<CheckResult> {
  if (resampling && fields) return resampling.check(data, fields);
  return schema ? schema.check(data) : { ok: true, value: data };
}

/**
 * An answer as it goes into the bundle, which is JSON whatever a tool or the transformation of a schema has made of it.
 *
 * @throws InvalidOutputError with what is wrong with it
 */
export async function acceptAnswer(
  rules: AnswerRules,
  data: unknown,
  fields: readonly string[] | undefined,
): Promise<unknown> {
  const checked = await checkAnswer(rules, data, fields);
  if (!checked.ok) throw new InvalidOutputError(checked.errors, { data: toReadableData(data) });
  try {
    return toJsonData(checked.value);
  } catch (cause) {
    throw new InvalidOutputError([messageOf(cause)], { data: toReadableData(data), cause });
  }
}

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

import type { EvidenceBundle, Replicate } from "../../contract/bundle.ts";
import { jsonOf, withConsensus, withReplicateJson } from "../../contract/bundle-json.ts";
import type { CompareOptions, ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { InvalidOutputError } from "../../contract/errors.ts";
import { InvalidOptionsError, messageOf, showValue } from "../../core/errors.ts";
import type { JSONSchema, JSONValue } from "../../core/json.ts";
import { atOnce } from "../../core/slices.ts";
import { assertFieldsOf } from "../../evidence/internal/schema-fields.ts";
import { compareFromSchema } from "../../evidence/schema-hints.ts";
import { NoJsonForm, toJsonData, toReadableData } from "../../schema/json-data.ts";
import { type ResolvedSchema, resolveSchema } from "../../schema/resolve.ts";
import { resolveSchemaUri } from "../../schema/schema-uri.ts";
import { type Answer, answerOf, isSame } from "./answer-json.ts";
import { FieldResampling } from "./field-resampling.ts";
import { summarizingJson } from "./votes.ts";

/** Rules that answers have to fit. */
export interface AnswerRules {
  readonly schema: ResolvedSchema | undefined;
  readonly resampling: FieldResampling | undefined;
  /** Says why an answer that fits the schema cannot be right, or how good it is; `undefined` where the tool says neither. */
  readonly assess?: ((answer: unknown) => Promise<string | number | undefined>) | undefined;
}

/**
 * Finds the schema of a bundle, from `schema` or `schemaUri`, and adds its hints about comparing answers to the options.
 *
 * @throws InvalidOptionsError where both are given, where the schema is not to be had or does not compile, where other
 * options speak of fields that it does not have, or where its fields cannot be asked for one by one and should be
 */
export async function resolveAnswers(
  given: ResolvedBundleOptions,
): Promise<AnswerRules & { readonly options: ResolvedBundleOptions }> {
  const schema = await schemaOf(given);
  if (schema) await assertKnownFields(schema, given);
  const compare = schema ? mergeCompare(hintsIn(schema.jsonSchema), given.compare) : given.compare;
  const options = { ...given, compare };
  return { schema, options, resampling: FieldResampling.of(options, schema) };
}

/** Kept by schema: a tool asks under one schema again and again. */
const knownHints = new WeakMap<JSONSchema, CompareOptions>();

function hintsIn(schema: JSONSchema): CompareOptions {
  const hints = knownHints.get(schema) ?? compareFromSchema(schema);
  knownHints.set(schema, hints);
  return hints;
}

async function schemaOf({ schema, schemaUri }: ResolvedBundleOptions): Promise<ResolvedSchema | undefined> {
  if (schemaUri === undefined) return resolveSchema(schema);
  if (!schema) return resolveSchema(await resolveSchemaUri(schemaUri));
  const path = "toolOptions.schemaUri";
  const message = `toolOptions has both a schema and the schemaUri ${showValue(schemaUri)}. Give one of them.`;
  throw new InvalidOptionsError([{ path, given: schemaUri, allowed: "either schema or schemaUri", message }]);
}

/** Votes are on the output, or on what the model wrote: an option may name a field of either. */
async function assertKnownFields(
  schema: ResolvedSchema,
  { fields = [], compare }: ResolvedBundleOptions,
): Promise<void> {
  const pointers = {
    "toolOptions.fields": fields,
    "toolOptions.compare.byPath": Object.keys(compare?.byPath ?? {}),
    "toolOptions.compare.weights": Object.keys(compare?.weights ?? {}),
  };
  if (Object.values(pointers).every(({ length }) => length === 0)) return;
  try {
    assertFieldsOf(schema.jsonSchema, pointers);
  } catch (error) {
    if (!hasFields(await schema.describeChecked(), pointers)) throw error;
  }
}

function hasFields(schema: JSONSchema, pointers: Readonly<Record<string, readonly string[]>>): boolean {
  try {
    assertFieldsOf(schema, pointers);
    return true;
  } catch {
    return false;
  }
}

/** The caller's word counts more than the schema's, path by path. */
function mergeCompare(hints: CompareOptions, given: CompareOptions | undefined): CompareOptions {
  const weights = { ...hints.weights, ...given?.weights };
  const byPath = { ...hints.byPath, ...given?.byPath };
  return { ...hints, ...given, weights, byPath };
}

/** Tells whether a value fits what was asked for. */
export async function checkAnswer(
  { schema, resampling }: AnswerRules,
  value: unknown,
  fields: readonly string[] | undefined,
): Promise<{ readonly ok: boolean }> {
  if (resampling && fields) return { ok: !("errors" in (await resampling.accept(value, fields))) };
  return schema ? schema.check(value) : { ok: true };
}

/**
 * Checks an answer once, and finds the JSON that stands for it. Parts of an answer are not the tool's to refuse.
 *
 * @param fields JSON pointers of what was asked for; default: the whole answer
 * @throws InvalidOutputError with the faults of the answer
 */
export async function acceptAnswer(
  { schema, resampling, assess }: AnswerRules,
  written: unknown,
  fields?: readonly string[] | undefined,
): Promise<Answer> {
  try {
    const accepted =
      resampling && fields ? await resampling.accept(written, fields) : await acceptWhole(schema, written, assess);
    if (!("errors" in accepted)) return accepted;
    throw new InvalidOutputError(accepted.errors, { data: toReadableData(written) });
  } catch (error) {
    if (!(error instanceof NoJsonForm)) throw error;
    throw new InvalidOutputError([messageOf(error)], { data: toReadableData(written), cause: error });
  }
}

async function acceptWhole(
  schema: ResolvedSchema | undefined,
  written: unknown,
  assess: AnswerRules["assess"],
): Promise<Answer | { readonly errors: string[] }> {
  const checked = await schema?.check(written);
  if (checked?.ok === false) return checked;
  const answer = schema && checked ? await answerOf(schema, written, checked.value) : asJson(written);
  const verdict = await assess?.(answer.data);
  if (typeof verdict === "string") return { errors: [verdict] };
  return verdict === undefined ? answer : { ...answer, score: verdict };
}

function asJson(written: unknown): Answer {
  const json = toJsonData(written);
  return { data: json, json };
}

/**
 * Reads a replicate that was kept as JSON. Its answer goes through the schema in force, which may have changed.
 *
 * @returns `undefined` where the schema refuses the answer, or throws at it
 */
export async function readReplicate<R extends Replicate>(rules: AnswerRules, kept: R): Promise<R | undefined> {
  try {
    const { data, json, score } = await acceptAnswer(rules, jsonOf(kept), kept.fields);
    return withReplicateJson({ ...kept, data, ...(score !== undefined && { score }) }, json);
  } catch {
    return undefined;
  }
}

/** Gives a bundle that was read as JSON its values again. A replicate that the schema refuses keeps its JSON. */
export async function restoreBundle(
  rules: AnswerRules & { readonly options: ResolvedBundleOptions },
  bundle: EvidenceBundle,
): Promise<EvidenceBundle> {
  const replicates: Replicate[] = [];
  for (const kept of bundle.replicates) {
    const json = jsonOf(kept);
    const read = kept.valid ? await readReplicate(rules, kept) : undefined;
    replicates.push(read ?? withReplicateJson({ ...kept, data: json }, json));
    if (read && !kept.fields) rules.resampling?.learn(json);
  }
  const { medoidId, validCount, consensus: kept, consensusJson = kept as JSONValue } = bundle.summary;
  const summary = { ...bundle.summary, consensusJson };
  if (summary.pairwiseDistance === undefined) deriveDistances(summary, bundle, rules.options.compare);
  const medoid = replicates.find(({ id }) => id === medoidId);
  const made = validCount > 0 && !medoid ? await consensusOf(rules.schema, consensusJson) : undefined;
  return { ...bundle, replicates, summary: withConsensus(summary, (medoid ?? made ?? { data: consensusJson }).data) };
}

/** Computes the distances of the replicates that voted, when they are first read. */
function deriveDistances(
  summary: EvidenceBundle["summary"],
  { replicates, meta }: EvidenceBundle,
  compare: CompareOptions | undefined,
): void {
  const replaced = new Set(meta.escalations?.flatMap(({ replicateIds }) => replicateIds));
  const voting = replicates.filter(({ id }) => !replaced.has(id));
  let voted: EvidenceBundle["summary"] | undefined;
  Object.defineProperty(summary, "pairwiseDistance", {
    configurable: true,
    enumerable: true,
    get() {
      voted ??= atOnce(summarizingJson(voting, compare));
      return voted.pairwiseDistance;
    },
  });
}

/**
 * Returns the consensus that the schema makes of the JSON that was voted on; `undefined` where the schema refuses it.
 *
 * @param isOutput true where votes are on outputs of the schema. It must take the consensus unchanged too: a value that
 * it makes of the consensus would be one that no answer gave
 */
export async function consensusOf(
  schema: ResolvedSchema | undefined,
  json: JSONValue,
  isOutput = false,
): Promise<{ readonly data: unknown } | undefined> {
  if (!schema) return { data: json };
  try {
    const checked = await schema.check(json);
    if (!checked.ok) return undefined;
    if (isSame(checked.value, json)) return { data: json };
    return isOutput ? undefined : { data: checked.value };
  } catch {
    // A schema may throw at a value that no answer was.
    return undefined;
  }
}

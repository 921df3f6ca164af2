import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { Ajv, ErrorObject, Options } from "ajv";
import { canonicalJson } from "../core/canonical.ts";
import { InvalidOptionsError, messageOf, type OptionIssue, showValue } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { lazily } from "../core/lazily.ts";
import { compileLinearPattern } from "../core/linear-pattern.ts";
import { assertSchema, escapeStep, isStandardSchema, schemasIn } from "./assert-schema.ts";

/** A value that fits, perhaps transformed by the schema, or what is wrong with it, each fault with its JSON pointer. */
export type CheckResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly errors: string[] };

/** A schema ready for use. */
export interface ResolvedSchema {
  /** JSON schema that a model is told. Allows anything (`{}`) where a Standard Schema has no JSON form. */
  readonly jsonSchema: JSONSchema;
  /** JSON schema of a checked answer; `{}` where it has no JSON form. */
  describeChecked(): Promise<JSONSchema>;
  check(value: unknown): Promise<CheckResult>;
}

/** A schema that checks more than another one, and is described to readers as that one is. */
export interface DescribedSchema extends StandardSchemaV1<any, any> {
  readonly describedBy?: StandardSchemaV1<any, any> | undefined;
}

type StandardSchema = DescribedSchema & Partial<StandardJSONSchemaV1>;

/** Draft 7 is what providers understand, and what every library can write. */
const target = "draft-07";

/**
 * A JSON schema, or a schema of zod, valibot, arktype or any other library of the Standard Schema, ready for use.
 *
 * @param path where the schema stands in the call, for the error
 * @throws InvalidOptionsError for one that does not compile, naming the place in it
 *
 * @example
 * ```ts
 * const { check } = await resolveSchema(z.object({ severity: z.enum(["low", "high"]) }));
 * await check({ severity: "none" }); // { ok: false, errors: ["/severity: …"] }
 * ```
 */
export async function resolveSchema<Schema extends StandardSchemaV1<any, any> | JSONSchema | undefined>(
  schema: Schema,
  path = "toolOptions.schema",
): Promise<ResolvedSchema | (undefined extends Schema ? undefined : never)> {
  if (schema === undefined) return undefined as undefined extends Schema ? undefined : never;
  if (!isStandardSchema(schema)) return compileJsonSchema(schema as JSONSchema, path);
  const standard = schema as StandardSchema;
  return {
    jsonSchema: await jsonSchemaOf(standard, path, "input"),
    // The result of a transformation has no JSON form.
    describeChecked: () => jsonSchemaOf(standard, path, "output").catch(() => ({})),
    check: (value) => checkStandard(standard, value),
  };
}

async function checkStandard(schema: StandardSchema, value: unknown): Promise<CheckResult> {
  const result = await schema["~standard"].validate(value);
  return result.issues ? { ok: false, errors: result.issues.map(describeIssue) } : { ok: true, value: result.value };
}

function describeIssue({ path = [], message }: StandardSchemaV1.Issue): string {
  const pointer = path.map((step) => `/${escapeStep(String(typeof step === "object" ? step.key : step))}`).join("");
  return `${pointer || "the answer"}: ${message}`;
}

type Side = "input" | "output";

async function jsonSchemaOf(schema: StandardSchema, path: string, side: Side): Promise<JSONSchema> {
  if (schema.describedBy) return jsonSchemaOf(schema.describedBy as StandardSchema, path, side);
  const standard = schema["~standard"];
  try {
    if (standard.vendor === "zod" && standard.jsonSchema) return jsonSchemaOfZod(standard.jsonSchema, side);
    if (standard.jsonSchema) return standard.jsonSchema[side]({ target });
    return standard.vendor === "valibot" ? await jsonSchemaOfValibot(schema, side) : {};
  } catch (error) {
    if (InvalidOptionsError.isInstance(error)) throw error;
    const given = `a ${standard.vendor} schema: ${messageOf(error)}`;
    const message = `${path}: this ${standard.vendor} schema has no JSON form: ${messageOf(error)}. Use types that JSON has.`;
    throw new InvalidOptionsError([{ path, given, allowed: "a schema of JSON values", message }]);
  }
}

/** Types that zod has no JSON schema for, whatever they are made from. */
const withoutJson = new Set(
  "bigint symbol undefined void date map set nan custom function transform promise".split(" "),
);

/** zod refuses to describe `z.coerce.date()`, although it takes a text. */
function jsonSchemaOfZod(writer: StandardJSONSchemaV1["~standard"]["jsonSchema"], side: Side): JSONSchema {
  try {
    return writer[side]({ target });
  } catch (error) {
    let isCoerced = side === "input";
    const override = ({ zodSchema, jsonSchema }: { zodSchema: any; jsonSchema: Record<string, unknown> }) => {
      const { type, coerce } = zodSchema._zod.def;
      if (coerce && type === "date") Object.assign(jsonSchema, { type: "string", format: "date-time" });
      else if (coerce && type === "bigint") Object.assign(jsonSchema, { type: ["integer", "string"] });
      else if (withoutJson.has(type)) isCoerced = false;
    };
    const schema = writer[side]({ target, libraryOptions: { unrepresentable: "any", override } });
    if (isCoerced) return schema;
    throw error;
  }
}

/** valibot writes its JSON schemas by a package of its own. */
async function jsonSchemaOfValibot(schema: StandardSchema, side: Side): Promise<JSONSchema> {
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  return toJsonSchema(schema as never, { target, typeMode: side }) as JSONSchema;
}

/** Most faults that one refusal lists. A model cannot mend more at once. */
const shownErrors = 20;

const options: Options = {
  // The specification says that unknown keywords mean nothing; many schemas carry some.
  strict: false,
  logger: false,
  // A key that every object inherits is there only where the answer has it itself.
  ownProperties: true,
};

/** Ajv's interface of a regular expression. */
interface Pattern {
  test(text: string): boolean;
  toString(): string;
}

/**
 * Compiles a `pattern` that is matched in time linear in the answer, which is untrusted.
 *
 * @throws Error for look-around and back-references, which no linear engine has
 */
function patternOf(pattern: string): Pattern {
  // Ajv tells patterns apart by their text.
  return { test: compileLinearPattern(pattern), toString: () => pattern };
}

/** Compiles a `pattern` of a schema whose patterns are checked by the schema that it was derived from. */
function derivedPatternOf(pattern: string): Pattern {
  try {
    return patternOf(pattern);
  } catch {
    return { test: () => true, toString: () => pattern };
  }
}

const compiled = new WeakMap<JSONSchema, Promise<ResolvedSchema>>();
const compiledParts = new WeakMap<JSONSchema, Promise<ResolvedSchema>>();

/** Resolves a JSON schema that was derived from a resolved one, whose own words and patterns are that one's business. */
export function resolvePart(schema: JSONSchema): Promise<ResolvedSchema> {
  const known = compiledParts.get(schema) ?? compile(schema, "a part of the schema", derivedPatternOf);
  compiledParts.set(schema, known);
  return known;
}

/**
 * A JSON schema, ready for use: of draft 2020-12, or of the draft that its `$schema` names.
 *
 * @throws InvalidOptionsError naming the place in the schema that does not compile
 */
async function compileJsonSchema(schema: JSONSchema, path: string): Promise<ResolvedSchema> {
  const known = compiled.get(schema);
  if (known) return known;
  assertSchema(schema, path);
  const resolved = compile(schema, path, patternOf);
  compiled.set(schema, resolved);
  return resolved;
}

async function compile(
  schema: JSONSchema,
  path: string,
  compilePattern: (pattern: string) => Pattern,
): Promise<ResolvedSchema> {
  // A list of all faults takes long where there are many, and is asked for only where there are some.
  const loadThorough = lazily(async () => {
    const validate = compileWith(await createAjv(schema, compilePattern, true), schema, path);
    if (!validate) throw new InvalidOptionsError([notSchema(path, schema, "it is too large to be compiled")]);
    return validate;
  });
  // One that stops at the first fault has the check of each property inside that of the one before, and is soon too deep.
  const validate = compileWith(await createAjv(schema, compilePattern, false), schema, path) ?? (await loadThorough());
  return {
    jsonSchema: schema,
    describeChecked: () => Promise.resolve(schema),
    async check(value): Promise<CheckResult> {
      if (validate(value)) return { ok: true, value };
      const errors = validate.errors ?? [];
      if (isLarge(value)) return { ok: false, errors: describeErrors(errors) };
      const validateAll = await loadThorough();
      validateAll(value);
      return { ok: false, errors: describeErrors(validateAll.errors ?? errors) };
    },
  };
}

const manyParts = 10_000;

/** Tells whether a value has so many parts that all its faults are not worth their time. */
function isLarge(value: unknown): boolean {
  const rest = [value];
  for (let count = 0; rest.length > 0; count++) {
    if (count + rest.length > manyParts) return true;
    const part = rest.pop();
    if (typeof part === "object" && part !== null) for (const item of Object.values(part)) rest.push(item);
  }
  return false;
}

// Loaded on first use: not every program checks JSON schemas. Of a CommonJS module that is a class, webpack gives `default`
// alone, so that no class is taken by its name.
const loadFormats = lazily(async () => (await import("ajv-formats")).default.default);
const loadDraft07 = lazily(async () => (await import("ajv")).default.default);
const loadDraft2019 = lazily(async () => (await import("ajv/dist/2019.js")).default.default);
const loadDraft2020 = lazily(async () => (await import("ajv/dist/2020.js")).default.default);

async function createAjv(
  { $schema }: JSONSchema,
  compilePattern: (pattern: string) => Pattern,
  allErrors: boolean,
): Promise<Ajv> {
  const isDraft = (name: string) => String($schema).includes(name);
  const addFormats = await loadFormats();
  const isOld = isDraft("draft-07") || isDraft("draft-06");
  const Draft = isOld ? await loadDraft07() : isDraft("2019-09") ? await loadDraft2019() : await loadDraft2020();
  const regExp = Object.assign((pattern: string) => compilePattern(pattern), { code: "compilePattern" });
  // Its optimizer looks through the whole program for each name in it: with some thousand properties that takes seconds.
  const ajv = addFormats(new Draft({ ...options, allErrors, code: { regExp, optimize: false } }));
  // zod writes the `id` of `.meta()`, which draft 4 had as a keyword. Of a long list, Ajv compares every two items, which
  // takes hours.
  return ajv
    .removeKeyword("id")
    .removeKeyword("uniqueItems")
    .addKeyword({
      keyword: "uniqueItems",
      type: "array",
      schemaType: "boolean",
      error: { message: "must NOT have duplicate items" },
      validate: (isUnique: boolean, items: readonly unknown[]) =>
        !isUnique || new Set(items.map(canonicalJson)).size === items.length,
    });
}

/** @returns `undefined` for a schema whose program is nested deeper than the engine takes */
function compileWith(ajv: Ajv, schema: JSONSchema, path: string) {
  try {
    if (ajv.validateSchema(schema)) {
      const validate = ajv.compile(schema);
      // The engine compiles the program with its first call, and refuses one that is nested too deep.
      validate(undefined);
      return validate;
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    if (error instanceof EvalError) throw withoutCodeGeneration(schema, path);
    const places = [...placesOf(error, schema, ajv)];
    const found = places.length > 0 ? places : [{ pointer: "", given: schema, fault: messageOf(error) }];
    throw new InvalidOptionsError(found.map(({ pointer, given, fault }) => notSchema(path + pointer, given, fault)));
  }
  throw new InvalidOptionsError(
    firstAtEachPlace(ajv.errors ?? []).map((error) =>
      notSchema(`${path}${error.instancePath}`, at(schema, error.instancePath), `it ${describe(error)}`),
    ),
  );
}

/** Ajv writes a program for each schema, which Cloudflare Workers and Node's `--disallow-code-generation-from-strings` forbid. */
function withoutCodeGeneration(given: JSONSchema, path: string): InvalidOptionsError {
  const message = `${path} is a JSON schema, and this runtime forbids the code generation by which JSON schemas are checked. Pass a zod, valibot or other Standard Schema.`;
  return new InvalidOptionsError([{ path, given, allowed: "a Standard Schema", message }]);
}

function notSchema(path: string, given: unknown, fault: string): OptionIssue {
  const message = `${path}: ${showValue(given)} is not a JSON schema: ${fault}`;
  return { path, given, allowed: "a JSON schema", message };
}

/** Finds the patterns that do not compile, and the references that lead nowhere. Ajv names no place of theirs. */
function* placesOf(
  error: unknown,
  root: JSONSchema,
  ajv: Ajv,
): Generator<{ readonly pointer: string; readonly given: unknown; readonly fault: string }> {
  const { missingRef } = error as { missingRef?: string };
  const { regExp } = ajv.opts.code;
  for (const { schema, pointer } of schemasIn(root)) {
    const { pattern, patternProperties = {}, $ref } = schema;
    const patterns: [string, unknown][] = [["/pattern", pattern]];
    for (const key of Object.keys(patternProperties as object)) {
      patterns.push([`/patternProperties/${escapeStep(key)}`, key]);
    }
    for (const [step, given] of patterns) {
      const fault = typeof given === "string" && faultOf(() => regExp(given, "u"));
      if (fault) yield { pointer: pointer + step, given, fault };
    }
    if (missingRef !== undefined && typeof $ref === "string" && missingRef.endsWith($ref))
      yield { pointer: `${pointer}/$ref`, given: $ref, fault: messageOf(error) };
  }
}

function faultOf(compile: () => unknown): string | undefined {
  try {
    compile();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The schema of schemas allows alternatives, and complains once for each. */
function firstAtEachPlace(errors: readonly ErrorObject[]): ErrorObject[] {
  return errors.filter(
    ({ instancePath }, index) => index === errors.findIndex((other) => other.instancePath === instancePath),
  );
}

function at(schema: unknown, pointer: string): unknown {
  const steps = pointer.split("/").slice(1);
  return steps.reduce((value: any, step) => value?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], schema);
}

function describeErrors(errors: readonly ErrorObject[]): string[] {
  const shown = errors
    .slice(0, shownErrors)
    .map((error) => `${error.instancePath || "the answer"}: ${describe(error)}`);
  return errors.length > shownErrors ? [...shown, `and ${errors.length - shownErrors} more`] : shown;
}

function describe({ message, params }: ErrorObject): string {
  const { allowedValues, additionalProperty: extra = params["unevaluatedProperty"] } = params;
  if (allowedValues) return `${message}: ${allowedValues.map((value: unknown) => JSON.stringify(value)).join(", ")}`;
  return extra === undefined ? `${message}` : `${message} (${JSON.stringify(extra)})`;
}

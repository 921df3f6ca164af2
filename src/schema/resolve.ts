import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { Ajv, ErrorObject, Options } from "ajv";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { lazily } from "../core/lazily.ts";
import { compileLinearPattern } from "../core/linear-pattern.ts";

/** A value that fits, perhaps transformed by the schema, or what is wrong with it, each fault with its JSON pointer. */
export type CheckResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly errors: string[] };

/** A schema ready for use. */
export interface ResolvedSchema {
  /** What a model is told. Allows anything (`{}`) where a Standard Schema has no JSON form. */
  readonly jsonSchema: JSONSchema;
  /** What answers are once they are checked; `{}` where that has no JSON form. */
  describeChecked(): Promise<JSONSchema>;
  check(value: unknown): Promise<CheckResult>;
}

type StandardSchema = StandardSchemaV1 & Partial<StandardJSONSchemaV1>;

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
  return {
    jsonSchema: await jsonSchemaOf(schema, path, "input"),
    // What a transformation gives has no JSON form.
    describeChecked: () => jsonSchemaOf(schema, path, "output").catch(() => ({})),
    check: (value) => checkStandard(schema, value),
  };
}

function isStandardSchema(schema: unknown): schema is StandardSchema {
  return (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;
}

async function checkStandard(schema: StandardSchema, value: unknown): Promise<CheckResult> {
  const result = await schema["~standard"].validate(value);
  return result.issues ? { ok: false, errors: result.issues.map(describeIssue) } : { ok: true, value: result.value };
}

function describeIssue({ path = [], message }: StandardSchemaV1.Issue): string {
  const pointer = path.map((step) => `/${escapeStep(typeof step === "object" ? step.key : step)}`).join("");
  return `${pointer || "the answer"}: ${message}`;
}

function escapeStep(step: PropertyKey): string {
  return String(step).replaceAll("~", "~0").replaceAll("/", "~1");
}

type Side = "input" | "output";

async function jsonSchemaOf(schema: StandardSchema, path: string, side: Side): Promise<JSONSchema> {
  const standard = schema["~standard"];
  try {
    if (standard.vendor === "zod" && standard.jsonSchema) return jsonSchemaOfZod(standard.jsonSchema, side);
    if (standard.jsonSchema) return standard.jsonSchema[side]({ target });
    return standard.vendor === "valibot" ? await jsonSchemaOfValibot(schema, path, side) : {};
  } catch (error) {
    if (InvalidOptionsError.isInstance(error)) throw error;
    const given = `a ${standard.vendor} schema: ${messageOf(error)}`;
    throw new InvalidOptionsError([{ path, given, allowed: "a schema of JSON values, which a model can be told" }]);
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
async function jsonSchemaOfValibot(schema: StandardSchema, path: string, side: Side): Promise<JSONSchema> {
  const writer: typeof import("@valibot/to-json-schema") = await import("@valibot/to-json-schema").catch(() => {
    const allowed = "with valibot, also: npm install @valibot/to-json-schema@1.8.0, which writes what a model is told";
    throw new InvalidOptionsError([{ path, given: "a valibot schema", allowed }]);
  });
  return writer.toJsonSchema(schema as never, { target, typeMode: side }) as JSONSchema;
}

/** More faults than anybody reads, or a model can mend. */
const shownErrors = 20;

const options: Options = {
  allErrors: true,
  // The specification says that unknown keywords mean nothing; many schemas carry some.
  strict: false,
  logger: false,
  // A key that every object inherits is there only where the answer has it itself.
  ownProperties: true,
  code: { regExp: Object.assign(patternOf, { code: "patternOf" }) },
};

/** What Ajv asks of a regular expression. */
interface Pattern {
  test(text: string): boolean;
  toString(): string;
}

/**
 * A `pattern` in time linear in the answer, which is untrusted. The built-in engine, which can backtrack for ever, is left
 * for patterns with look-around and back-references: a developer wrote those.
 */
function patternOf(pattern: string, flags: string): Pattern {
  try {
    // Ajv tells patterns apart by their text.
    return { test: compileLinearPattern(pattern), toString: () => pattern };
  } catch {
    return new RegExp(pattern, flags);
  }
}

const compiled = new WeakMap<JSONSchema, Promise<ResolvedSchema>>();

/**
 * A JSON schema, ready for use: of draft 2020-12, or of the draft that its `$schema` names.
 *
 * @throws InvalidOptionsError naming the place in the schema that does not compile
 */
function compileJsonSchema(schema: JSONSchema, path: string): Promise<ResolvedSchema> {
  const known = compiled.get(schema);
  if (known) return known;
  const resolved = compile(schema, path);
  compiled.set(schema, resolved);
  return resolved;
}

async function compile(schema: JSONSchema, path: string): Promise<ResolvedSchema> {
  const ajv = await createAjv(schema);
  const validate = compileWith(ajv, schema, path);
  return {
    jsonSchema: schema,
    describeChecked: () => Promise.resolve(schema),
    async check(value): Promise<CheckResult> {
      if (validate(value)) return { ok: true, value };
      return { ok: false, errors: describeErrors(validate.errors ?? []) };
    },
  };
}

// Loaded on first use: not every program checks JSON schemas.
const loadFormats = lazily(async () => (await import("ajv-formats")).default.default);
const loadDraft07 = lazily(async () => (await import("ajv")).Ajv);
const loadDraft2019 = lazily(async () => (await import("ajv/dist/2019.js")).Ajv2019);
const loadDraft2020 = lazily(async () => (await import("ajv/dist/2020.js")).Ajv2020);

async function createAjv({ $schema }: JSONSchema): Promise<Ajv> {
  const isDraft = (name: string) => String($schema).includes(name);
  const addFormats = await loadFormats();
  if (isDraft("draft-07") || isDraft("draft-06")) return addFormats(new (await loadDraft07())(options));
  const Draft = isDraft("2019-09") ? await loadDraft2019() : await loadDraft2020();
  return addFormats(new Draft(options));
}

function compileWith(ajv: Ajv, schema: JSONSchema, path: string) {
  try {
    if (ajv.validateSchema(schema)) return ajv.compile(schema);
  } catch (error) {
    throw new InvalidOptionsError([{ path, given: schema, allowed: `a JSON schema (${messageOf(error)})` }]);
  }
  throw new InvalidOptionsError(
    firstAtEachPlace(ajv.errors ?? []).map((error) => ({
      path: `${path}${error.instancePath}`,
      given: at(schema, error.instancePath),
      allowed: `a JSON schema: this ${describe(error)}`,
    })),
  );
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

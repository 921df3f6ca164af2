import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { compileJsonSchema } from "./compile-json-schema.ts";

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
    if (standard.jsonSchema) return standard.jsonSchema[side]({ target });
    return standard.vendor === "valibot" ? await jsonSchemaOfValibot(schema, path, side) : {};
  } catch (error) {
    if (InvalidOptionsError.isInstance(error)) throw error;
    const given = `a ${standard.vendor} schema: ${messageOf(error)}`;
    throw new InvalidOptionsError([{ path, given, allowed: "a schema of JSON values, which a model can be told" }]);
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

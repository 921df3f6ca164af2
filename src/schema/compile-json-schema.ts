import type { Ajv, ErrorObject, Options } from "ajv";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { lazily } from "../core/lazily.ts";
import { compileLinearPattern } from "../core/linear-pattern.ts";
import type { CheckResult, ResolvedSchema } from "./resolve.ts";

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
export function compileJsonSchema(schema: JSONSchema, path: string): Promise<ResolvedSchema> {
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

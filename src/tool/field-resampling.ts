/**
 * Job: ask again for some fields only: know which there are, and what answers to some of them have to fit.
 * Boundary: decides neither when to ask nor for which fields.
 * Invariants:
 * 1. Only what was asked for counts; anything else in an answer is left out, not complained of.
 * 2. A schema that transforms answers transforms parts of them as it does whole ones.
 */
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { pickFields, replaceFields } from "../evidence/pick-fields.ts";
import { isAtOrBelow } from "../evidence/pointer.ts";
import { cutSchema, schemaParts } from "../evidence/schema-parts.ts";
import { type CheckResult, type ResolvedSchema, resolveSchema } from "../schema/resolve.ts";

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

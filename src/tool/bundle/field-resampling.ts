import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { onlyFields, type PromptMessage } from "../../contract/model.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import type { JSONSchema, JSONValue } from "../../core/json.ts";
import { pickFields, replaceFields } from "../../evidence/internal/pick-fields.ts";
import { isAtOrBelow, pointerSegments } from "../../evidence/internal/pointer.ts";
import { cutSchema, schemaParts } from "../../evidence/internal/schema-parts.ts";
import { toJsonData } from "../../schema/json-data.ts";
import { type ResolvedSchema, resolvePart } from "../../schema/resolve.ts";
import { type Answer, answerOf } from "./answer-json.ts";

/**
 * Job: ask again for some fields only: know which there are, and what answers to some of them have to fit.
 * Boundary: decides neither when to ask nor for which fields.
 * Invariants:
 * 1. Only the fields that were asked for count; anything else in an answer is left out without complaint.
 * 2. A schema that transforms answers transforms parts of them as it does whole ones.
 */
export class FieldResampling {
  /** JSON pointers of all that can be asked for by itself. */
  readonly parts: readonly string[];
  readonly #schema: ResolvedSchema;
  readonly #cut = new Map<string, JSONSchema>();
  #whole: { readonly json: unknown } | undefined;

  private constructor(schema: ResolvedSchema, parts: readonly string[]) {
    this.#schema = schema;
    this.parts = parts;
  }

  /**
   * Returns what `resample: "fields"` asks for; `undefined` where the options do not say it.
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

  /** Returns the JSON schema of answers to these fields, for the model. */
  responseSchema(fields: readonly string[]): JSONSchema {
    const key = fields.join(" ");
    const schema = this.#cut.get(key) ?? cutSchema(this.#schema.jsonSchema, fields);
    this.#cut.set(key, schema);
    return schema;
  }

  /** Takes note of a valid whole answer, into which parts can be put. */
  learn(json: JSONValue | undefined): void {
    this.#whole ??= { json };
  }

  /** Returns the part of an answer that was asked for, or its faults. */
  async accept(written: unknown, fields: readonly string[]): Promise<Answer | { readonly errors: string[] }> {
    const part = pickFields(written, fields);
    const schema = await resolvePart(this.responseSchema(fields));
    const checked = await schema.check(part);
    return checked.ok ? this.#acceptInWhole(part, fields) : checked;
  }

  /** Only faults of the fields that were asked for count: the rest of the answer is another one's. */
  async #acceptInWhole(part: unknown, fields: readonly string[]): Promise<Answer | { readonly errors: string[] }> {
    const whole = this.#whole && replaceFields(this.#whole.json, part, fields);
    const checked = this.#whole && (await this.#schema.check(whole));
    if (checked?.ok) {
      const answer = await answerOf(this.#schema, whole, checked.value);
      const json = pickFields(answer.json, fields) as JSONValue;
      if (answer.data === answer.json) return { data: json, json };
      // The output has nothing at the pointer of a renamed field.
      const data = pickFields(answer.data, fields);
      return { data: fields.every((field) => has(data, field) || !has(json, field)) ? data : json, json };
    }
    const errors = checked?.errors.filter((error) => fields.some((field) => isAtOrBelow(pointerOf(error), field)));
    if (errors && errors.length > 0) return { errors };
    const json = toJsonData(part);
    return { data: json, json };
  }
}

function has(value: unknown, field: string): boolean {
  let at = value;
  for (const step of pointerSegments(field, "fields")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Record<string, unknown>)[step];
  }
  return true;
}

/** Faults start with the JSON pointer of their place. */
function pointerOf(error: string): string {
  return error.slice(0, error.indexOf(": "));
}

/**
 * Returns the messages of a question of which only some fields are to be answered. The question stays as it is, so that a provider which has it
 * in its cache finds it there.
 */
export function askForFields(messages: readonly PromptMessage[], fields: readonly string[]): readonly PromptMessage[] {
  return [...messages, { role: "user", content: onlyFields + fields.join(", ") }];
}

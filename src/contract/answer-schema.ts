import type { StandardSchemaV1 } from "@standard-schema/spec";

/** Schema of an answer: a Standard Schema (zod, valibot, arktype, …), or a JSON schema as an object. */
export type AnswerSchema = StandardSchemaV1<any, any> | JsonSchemaObject;

/** A JSON schema as an object. Its keywords are checked when the tool is made. */
export type JsonSchemaObject = { readonly [keyword: string]: unknown; readonly "~standard"?: never };

/**
 * Type of an answer that fits a schema. A JSON schema types it where it is written out (`type`, `properties`, `required`,
 * `items`, `enum`, `const`, `anyOf`, …); of one that is read from elsewhere nothing is known. Without a schema it is text.
 *
 * @example
 * ```ts
 * type Answer = AnswerOf<{ readonly type: "array"; readonly items: { readonly enum: readonly ["low", "high"] } }>;
 * // ("low" | "high")[]
 * ```
 */
export type AnswerOf<S> = [AnswerSchema | undefined] extends [S]
  ? string
  : S extends StandardSchemaV1<any, infer Answer>
    ? Answer
    : FromJsonSchema<S>;

type FromJsonSchema<S> = S extends { readonly allOf: readonly [infer First, ...infer Others] }
  ? FromJsonSchema<First> & FromJsonSchema<{ readonly allOf: Others }> & FromJsonSchema<Omit<S, "allOf">>
  : S extends { readonly const: infer Value }
    ? Plain<Value>
    : S extends { readonly enum: readonly (infer Value)[] }
      ? Plain<Value>
      : S extends { readonly anyOf: readonly (infer Choice)[] } | { readonly oneOf: readonly (infer Choice)[] }
        ? FromJsonSchema<Choice>
        : S extends { readonly type: readonly (infer Name)[] }
          ? OfType<Name, S>
          : S extends { readonly type: infer Name }
            ? OfType<Name, S>
            : unknown;

/** Value of a JSON schema's `type`. A name that is not a literal says nothing. */
type OfType<Name, S> = string extends Name
  ? unknown
  : Name extends "string"
    ? string
    : Name extends "number" | "integer"
      ? number
      : Name extends "boolean"
        ? boolean
        : Name extends "null"
          ? null
          : Name extends "array"
            ? ListOf<S>
            : Name extends "object"
              ? ObjectOf<S>
              : unknown;

type ListOf<S> = S extends { readonly prefixItems: infer Items extends readonly unknown[] }
  ? { -readonly [At in keyof Items]: FromJsonSchema<Items[At]> }
  : S extends { readonly items: infer Item }
    ? FromJsonSchema<Item>[]
    : unknown[];

type ObjectOf<S> = S extends { readonly properties: infer Properties }
  ? Shown<
      { -readonly [Name in keyof Properties & RequiredOf<S>]: FromJsonSchema<Properties[Name]> } & {
        -readonly [Name in Exclude<keyof Properties, RequiredOf<S>>]?: FromJsonSchema<Properties[Name]>;
      }
    >
  : S extends { readonly additionalProperties: infer Value extends object }
    ? Record<string, FromJsonSchema<Value>>
    : Record<string, unknown>;

type RequiredOf<S> = S extends { readonly required: readonly (infer Name)[] } ? Name : never;

/** One object type, as an editor shows it. */
type Shown<T> = { [Name in keyof T]: T[Name] };

/** A value of `const` or `enum` as it comes out of JSON: nothing of it is read-only. */
type Plain<Value> = Value extends readonly unknown[]
  ? { -readonly [At in keyof Value]: Plain<Value[At]> }
  : Value extends object
    ? { -readonly [Name in keyof Value]: Plain<Value[Name]> }
    : Value;

/** A schema of effect, which is a Standard Schema only once it is converted. */
export interface EffectSchema {
  readonly ast: object;
}

/**
 * Is `unknown` for a schema that may be one; else an object type that no value has, whose text says what to write: for a shape of
 * schemas that was not wrapped, for a schema of effect, and for a near miss of a keyword.
 */
export type SchemaMistake<S> = S extends { readonly "~standard": unknown }
  ? unknown
  : S extends EffectSchema
    ? { readonly mistake: "This is a schema of effect. Convert it by Schema.toStandardSchemaV1(…)" }
    : string extends keyof S
      ? unknown
      : [ShapeName<S>] extends [never]
        ? [Exclude<keyof S, Keyword>] extends [never]
          ? unknown
          : { readonly mistake: `"${Exclude<keyof S, Keyword> & string}" is not a keyword of JSON schema` }
        : { readonly mistake: "This is a plain object of schemas. Wrap it, as in z.object({ … })" };

type ShapeName<S> = { [Name in keyof S]: S[Name] extends { readonly "~standard": unknown } ? Name : never }[keyof S];

/** Keywords of the drafts 6 to 2020-12, and words of other vocabularies that stand beside them. */
type Keyword =
  | `$${string}`
  | `x-${string}`
  | "additionalItems"
  | "additionalProperties"
  | "allOf"
  | "anyOf"
  | "const"
  | "contains"
  | "contentEncoding"
  | "contentMediaType"
  | "contentSchema"
  | "default"
  | "definitions"
  | "dependencies"
  | "dependentRequired"
  | "dependentSchemas"
  | "deprecated"
  | "description"
  | "discriminator"
  | "else"
  | "enum"
  | "enumDescriptions"
  | "enumNames"
  | "errorMessage"
  | "example"
  | "examples"
  | "exclusiveMaximum"
  | "exclusiveMinimum"
  | "externalDocs"
  | "format"
  | "formatExclusiveMaximum"
  | "formatExclusiveMinimum"
  | "formatMaximum"
  | "formatMinimum"
  | "group"
  | "hidden"
  | "id"
  | "if"
  | "instanceof"
  | "items"
  | "label"
  | "markdownDescription"
  | "maxContains"
  | "maxItems"
  | "maxLength"
  | "maxProperties"
  | "maximum"
  | "messages"
  | "meta"
  | "minContains"
  | "minItems"
  | "minLength"
  | "minProperties"
  | "minimum"
  | "multipleOf"
  | "name"
  | "not"
  | "nullable"
  | "oneOf"
  | "options"
  | "order"
  | "pattern"
  | "patternProperties"
  | "placeholder"
  | "prefixItems"
  | "properties"
  | "propertyNames"
  | "readOnly"
  | "ref"
  | "required"
  | "summary"
  | "tag"
  | "tags"
  | "then"
  | "title"
  | "type"
  | "typeof"
  | "unevaluatedItems"
  | "unevaluatedProperties"
  | "uniqueItems"
  | "writeOnly"
  | "xml"
  | "~standard";

import { InvalidOptionsError } from "../../core/errors.ts";

/** The value of a field that a replicate does not have: it votes like any other. */
export const absent: unique symbol = Symbol("absent");

/** Empty containers are leaves; these two stand for all of them. */
export const emptyObject: Readonly<object> = Object.freeze({});
export const emptyList: readonly never[] = Object.freeze([]);

/** What stands at the end of a JSON pointer: a scalar, an empty container, or nothing. */
export type Leaf = string | number | bigint | boolean | null | typeof absent | typeof emptyObject | typeof emptyList;

/** A container with something in it, through which a walk goes on. */
export type Container = readonly unknown[] | { readonly [key: string]: unknown };

/**
 * A value as JSON would write it, one level deep: `undefined`, functions and symbols are absent, and what knows its own
 * JSON form (a date) is asked for it.
 */
export function jsonForm(value: unknown): Leaf | Container {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "bigint":
      return value;
    case "object":
      return value === null ? null : containerForm(value);
    default:
      return absent;
  }
}

function containerForm(value: object): Leaf | Container {
  if (Array.isArray(value)) return value.length === 0 ? emptyList : value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === "function") return jsonForm(toJSON.call(value));
  for (const key in value) if (Object.hasOwn(value, key)) return value as Container;
  return emptyObject;
}

export function isContainer(value: Leaf | Container): value is Container {
  return typeof value === "object" && value !== null && value !== emptyObject && value !== emptyList;
}

/** The form in which equal leaves are one: strings in NFC and trimmed. */
export function canonicalLeaf(leaf: Leaf): Leaf {
  if (typeof leaf === "string") return leaf.normalize("NFC").trim();
  return leaf === 0 ? 0 : leaf;
}

/** A leaf as it may be given away: containers of its own, `undefined` where it is absent. */
export function leafValue(leaf: Leaf): unknown {
  if (leaf === absent) return undefined;
  if (leaf === emptyObject) return {};
  return leaf === emptyList ? [] : leaf;
}

/** No JSON is nested this deep: only a value that contains itself. */
export const deepestNesting = 100_000;

export function circularAnswer(given: unknown): InvalidOptionsError {
  return new InvalidOptionsError([{ path: "data", given, allowed: "a tree without cycles" }]);
}

import { InvalidOptionsError } from "../../core/errors.ts";
import { normalizeUnicode } from "./text/unicode.ts";

/** Value of a field that a replicate lacks: it votes like any other. */
export const absent: unique symbol = Symbol("absent");

/** Empty containers are leaves; these two stand for all of them. */
export const emptyObject: Readonly<object> = Object.freeze({});
export const emptyList: readonly never[] = Object.freeze([]);

/** End of a JSON pointer: a scalar, an empty container, or nothing. */
export type Leaf = string | number | bigint | boolean | null | typeof absent | typeof emptyObject | typeof emptyList;

/** A container with something in it, through which a walk goes on. */
export type Container = readonly unknown[] | { readonly [key: string]: unknown } | MovedList;

/** A list whose items stand at the places where they meet those of other lists. */
export class MovedList {
  /** Items by place, with holes. */
  readonly items: readonly unknown[];
  /** Places by position in the given list. */
  readonly places: readonly number[];

  constructor(items: readonly unknown[], places: readonly number[]) {
    this.items = items;
    this.places = places;
  }
}

/**
 * Returns a value as JSON would write it, one level deep: `undefined`, functions and symbols are absent, and what knows
 * its own JSON form (a date) is asked for it.
 */
export function jsonForm(value: unknown): Leaf | Container {
  const form = unreadForm(value);
  return isContainer(form) && !isList(form) && isEmpty(form) ? emptyObject : form;
}

/** `jsonForm`, but for an empty object, which is itself: the engine reads all names of a large one to tell. */
export function unreadForm(value: unknown): Leaf | Container {
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
  if (value instanceof MovedList) return value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return typeof toJSON === "function" ? unreadForm(toJSON.call(value)) : (value as Container);
}

function isEmpty(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}

/** Steps to read the names of an object, which the engine does in one go and, of large ones, in order of their making. */
export function stepsOfNames(count: number): number {
  return count / 6;
}

export function isContainer(value: Leaf | Container): value is Container {
  return typeof value === "object" && value !== null && value !== emptyObject && value !== emptyList;
}

export function isList(value: Leaf | Container): value is readonly unknown[] | MovedList {
  return Array.isArray(value) || value instanceof MovedList;
}

/** Returns the form in which equal leaves are one: strings in NFC and trimmed, integers of any size by their digits. */
export function comparedLeaf(leaf: Leaf): Leaf {
  if (typeof leaf === "string") return normalizeUnicode(leaf, "NFC").trim();
  if (typeof leaf !== "bigint") return leaf === 0 ? 0 : leaf;
  const double = Number(leaf);
  return Number.isFinite(double) && BigInt(double) === leaf ? double : leaf;
}

/** Returns a leaf as it may be given away: containers of its own, `undefined` where it is absent. */
export function leafValue(leaf: Leaf): unknown {
  if (leaf === absent) return undefined;
  if (leaf === emptyObject) return {};
  return leaf === emptyList ? [] : leaf;
}

/** Returns a text that equal leaves share and different ones do not. */
export function leafText(leaf: Leaf): string {
  const canonical = comparedLeaf(leaf);
  if (typeof canonical === "object" && canonical !== null) return canonical === emptyList ? "[]" : "{}";
  if (typeof canonical === "string") return JSON.stringify(canonical);
  return typeof canonical === "bigint" ? `${canonical}n` : String(canonical);
}

/** Sets a property; `"__proto__"` is a key like any other. */
export function setOwn(container: object, key: string | number, value: unknown): void {
  if (key !== "__proto__") (container as Record<string | number, unknown>)[key] = value;
  else Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Returns a copy of a value as JSON would write it, lists in the order in which they were given. */
export function plainValue(value: unknown): unknown {
  const root: { value?: unknown } = {};
  const open: { value: unknown; holder: object; key: string | number }[] = [{ value, holder: root, key: "value" }];
  for (let next = open.pop(); next; next = open.pop()) {
    const form = jsonForm(next.value);
    if (!isContainer(form)) {
      setOwn(next.holder, next.key, leafValue(form));
      continue;
    }
    const copy = isList(form) ? [] : {};
    setOwn(next.holder, next.key, copy);
    if (!isList(form)) {
      // The last key is copied first, so that each is put in its place beforehand.
      for (const [key, inner] of Object.entries(form)) if (jsonForm(inner) !== absent) setOwn(copy, key, undefined);
      for (const key of Object.keys(copy)) open.push({ value: (form as never)[key], holder: copy, key });
    } else
      itemsOf(form).forEach((inner, key) => {
        open.push({ value: jsonForm(inner) === absent ? null : inner, holder: copy, key });
      });
  }
  return root.value;
}

/** Returns the items of a list in the order in which they were given. */
export function itemsOf(list: readonly unknown[] | MovedList): readonly unknown[] {
  return list instanceof MovedList ? list.places.map((place) => list.items[place]) : list;
}

/** No JSON is nested this deep: only a value that contains itself. */
export const deepestNesting = 100_000;

export function circularAnswer(given: unknown): InvalidOptionsError {
  return new InvalidOptionsError([
    {
      path: "data",
      given,
      allowed: "a tree without cycles",
      message: "data contains itself. Give a tree without cycles.",
    },
  ]);
}

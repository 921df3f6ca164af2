import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import { InvalidOptionsError } from "./errors.ts";

/** Deeper values overflow the stack of whoever walks them, `JSON.stringify` first. */
export const deepestTree = 1_000;

/**
 * A frozen copy of the caller's plain objects and arrays; anything else (dates, buffers, class instances) stays as it is.
 *
 * @param path where the value stands, for the error
 * @throws InvalidOptionsError where the value contains itself, or is more than 1,000 levels deep
 */
export function snapshot<T>(value: T, path: string): T {
  return copy(value, path, new Set(), Object.freeze) as T;
}

/** The same, not frozen: whoever gets it may change it. */
export function plainCopy<T>(value: T, path: string): T {
  return copy(value, path, new Set(), (copied) => copied) as T;
}

type Finish = (copied: object) => object;

function copy(value: unknown, path: string, ancestors: Set<object>, finish: Finish): unknown {
  if (typeof value !== "object" || value === null || !isPlain(value)) return value;
  if (ancestors.has(value)) throw noTree(path, "a value that contains itself", "a tree without cycles");
  if (ancestors.size === deepestTree) throw noTree(path, "a deeper value", `a tree of at most ${deepestTree} levels`);
  ancestors.add(value);
  const result = Array.isArray(value)
    ? value.map((item, index) => copy(item, `${path}[${index}]`, ancestors, finish))
    : copyFields(value, path, ancestors, finish);
  ancestors.delete(value);
  return finish(result);
}

function copyFields(value: object, path: string, ancestors: Set<object>, finish: Finish): object {
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const copied = copy(item, `${path}.${key}`, ancestors, finish);
    if (key === "__proto__") Object.defineProperty(result, key, { value: copied, enumerable: true });
    else result[key] = copied;
  }
  return result;
}

function noTree(path: string, given: string, allowed: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path: path.length > 100 ? `${path.slice(0, 99)}…` : path, given, allowed }]);
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * A value as canonical JSON (RFC 8785): equal values give equal text whatever the order of their keys. The RFC has no text
 * for half a surrogate pair, which is left where somebody cut through an emoji: it is written as U+FFFD and its number.
 *
 * @throws Error where the value has no such text: NaN, a BigInt, a cycle
 */
export function canonicalJson(value: unknown): string {
  try {
    return canonicalize(value) ?? "null";
  } catch (error) {
    const text = JSON.stringify(value);
    const mended = text.replace(escaped, (whole, half: string | undefined) => (half ? `\ufffd${half}` : whole));
    if (mended === text) throw error;
    return canonicalJson(JSON.parse(mended));
  }
}

/** A backslash in JSON text, or what `JSON.stringify` makes of half a surrogate pair. */
const escaped = /\\(?:\\|u(d[89a-f][0-9a-f]{2}))/g;

/** SHA-256 of the canonical JSON of a value, in hexadecimal. */
export function fingerprint(value: unknown): string {
  return hash("sha256", canonicalJson(value));
}

import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { InvalidOptionsError } from "./errors.ts";

/** Deeper values overflow the stack of whoever walks them, `JSON.stringify` first. */
const deepestTree = 1_000;

/**
 * A frozen copy of the caller's plain objects and arrays; anything else (dates, buffers, class instances) stays as it is.
 *
 * @param path where the value stands, for the error
 * @throws InvalidOptionsError where the value contains itself, or is more than 1,000 levels deep
 */
export function snapshot<T>(value: T, path: string): T {
  return copy(value, path, new Set()) as T;
}

function copy(value: unknown, path: string, ancestors: Set<object>): unknown {
  if (typeof value !== "object" || value === null || !isPlain(value)) return value;
  if (ancestors.has(value)) throw noTree(path, "a value that contains itself", "a tree without cycles");
  if (ancestors.size === deepestTree) throw noTree(path, "a deeper value", `a tree of at most ${deepestTree} levels`);
  ancestors.add(value);
  const result = Array.isArray(value)
    ? value.map((item, index) => copy(item, `${path}[${index}]`, ancestors))
    : copyFields(value, path, ancestors);
  ancestors.delete(value);
  return Object.freeze(result);
}

function copyFields(value: object, path: string, ancestors: Set<object>): object {
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const copied = copy(item, `${path}.${key}`, ancestors);
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

/** A value as canonical JSON (RFC 8785): equal values give equal text whatever the order of their keys. */
export function canonicalJson(value: unknown): string {
  return canonicalize(value) ?? "null";
}

/** SHA-256 of the canonical JSON of a value, in hexadecimal. */
export function fingerprint(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

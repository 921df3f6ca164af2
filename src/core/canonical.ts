import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { InvalidOptionsError } from "./errors.ts";

/**
 * A frozen copy of the caller's plain objects and arrays; anything else (dates, buffers, class instances) stays as it is.
 *
 * @param path where the value stands, for the error
 * @throws InvalidOptionsError where the value contains itself
 */
export function snapshot<T>(value: T, path: string): T {
  return copy(value, path, new Set()) as T;
}

function copy(value: unknown, path: string, ancestors: Set<object>): unknown {
  if (typeof value !== "object" || value === null || !isPlain(value)) return value;
  if (ancestors.has(value)) {
    throw new InvalidOptionsError([{ path, given: "a value that contains itself", allowed: "a tree without cycles" }]);
  }
  ancestors.add(value);
  const result = Array.isArray(value)
    ? value.map((item, index) => copy(item, `${path}[${index}]`, ancestors))
    : Object.defineProperties(
        {},
        Object.fromEntries(
          Object.entries(value).map(([key, item]) => [key, dataProperty(copy(item, `${path}.${key}`, ancestors))]),
        ),
      );
  ancestors.delete(value);
  return Object.freeze(result);
}

function dataProperty(value: unknown): PropertyDescriptor {
  return { value, enumerable: true, configurable: true, writable: true };
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

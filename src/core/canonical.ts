import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import { InvalidOptionsError } from "./errors.ts";

/** Deeper values overflow the stack of code that walks them, `JSON.stringify` first. */
export const deepestTree = 1_000;

/**
 * Returns a frozen copy of the caller's plain objects and arrays. Anything else (dates, buffers, class instances) stays
 * unchanged.
 *
 * @param path where the value stands, for the error
 * @throws InvalidOptionsError where the value contains itself, or is more than 1,000 levels deep
 */
export function snapshot<T>(value: T, path: string): T {
  return copy(value, { path, ancestors: [], keys: [] }, Object.freeze) as T;
}

/** Returns such a copy that is not frozen: the receiver may change it. */
export function plainCopy<T>(value: T, path: string): T {
  return copy(value, { path, ancestors: [], keys: [] }, (copied) => copied) as T;
}

/**
 * Returns a frozen copy of data for several listeners, of which none may change it. Unlike `snapshot` it also copies dates,
 * maps, sets and bytes. Instances of other classes stay: a copy would not be an instance.
 *
 * @throws what a getter throws
 */
export function frozenCopy<T>(value: T): T {
  try {
    return copy(value, { path: "", ancestors: [], keys: [], copyOther: copyBuiltIn }, Object.freeze) as T;
  } catch (error) {
    // Too deep, or a value that contains itself: the platform can copy that, unfrozen.
    if (InvalidOptionsError.isInstance(error)) return structuredClone(value);
    throw error;
  }
}

function copyBuiltIn(value: object): object {
  const isData = value instanceof Date || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value);
  return isData || value instanceof ArrayBuffer ? structuredClone(value) : value;
}

type Finish = (copied: object) => object;

/** The way from the root to where a copy has come. */
interface Trail {
  readonly path: string;
  readonly ancestors: object[];
  readonly keys: (string | number)[];
  /** Copies an object that is neither plain nor a list. Default: such an object stays unchanged. */
  readonly copyOther?: (value: object) => object;
}

function copy(value: unknown, trail: Trail, finish: Finish): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (!isPlain(value)) return trail.copyOther?.(value) ?? value;
  const { ancestors } = trail;
  if (ancestors.includes(value)) throw noTree(trail, "a value that contains itself", "a tree without cycles");
  if (ancestors.length === deepestTree)
    throw noTree(trail, "a deeper value", `a tree of at most ${deepestTree} levels`);
  ancestors.push(value);
  const result = Array.isArray(value)
    ? value.map((item, index) => copyItem(item, index, trail, finish))
    : copyFields(value, trail, finish);
  ancestors.pop();
  return finish(result);
}

function copyFields(value: object, trail: Trail, finish: Finish): object {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const copied = copyItem((value as Record<string, unknown>)[key], key, trail, finish);
    if (key === "__proto__") Object.defineProperty(result, key, { value: copied, enumerable: true });
    else result[key] = copied;
  }
  const toJson = Object.getOwnPropertyDescriptor(value, "toJSON");
  if (toJson && !toJson.enumerable) Object.defineProperty(result, "toJSON", toJson);
  return result;
}

function copyItem(item: unknown, key: string | number, trail: Trail, finish: Finish): unknown {
  if (typeof item !== "object" || item === null) return item;
  trail.keys.push(key);
  const copied = copy(item, trail, finish);
  trail.keys.pop();
  return copied;
}

function noTree({ path, keys }: Trail, given: string, allowed: string): InvalidOptionsError {
  const at = keys.reduce<string>((text, key) => text + (typeof key === "number" ? `[${key}]` : `.${key}`), path);
  return new InvalidOptionsError([{ path: at.length > 100 ? `${at.slice(0, 99)}…` : at, given, allowed }]);
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Writes a value as canonical JSON (RFC 8785): equal values give equal text whatever the order of their keys. The RFC has no
 * text for half a surrogate pair, as a text has that was cut through an emoji: it is written as U+FFFD and its number.
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

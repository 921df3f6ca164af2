import { deepestTree } from "../core/canonical.ts";
import { messageOf, showValue } from "../core/errors.ts";

/**
 * A value as plain JSON data: itself where it is that, else what `JSON.stringify` makes of it (of a date, its text).
 *
 * @throws TypeError where it has no JSON form: a BigInt, a cycle, nothing at all, or more than 1,000 levels
 */
export function toJsonData(value: unknown): unknown {
  try {
    return isJsonData(value, 0) ? value : throughJson(value);
  } catch (error) {
    throw new TypeError(`the answer is no JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** The same, or a description of what is no JSON. */
export function toReadableData(value: unknown): unknown {
  try {
    return toJsonData(value);
  } catch {
    return showValue(value, 500);
  }
}

function throughJson(value: unknown): unknown {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`it is ${showValue(value)}`);
  const data: unknown = JSON.parse(text);
  isJsonData(data, 0);
  return data;
}

function isJsonData(value: unknown, depth: number): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null)
    return value === null || typeof value === "string" || typeof value === "boolean";
  if (depth === deepestTree) throw new RangeError(`it has more than ${deepestTree} levels, or contains itself`);
  if (Array.isArray(value)) return Array.from(value).every((item) => isJsonData(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((item) => isJsonData(item, depth + 1));
}

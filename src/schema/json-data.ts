import { deepestTree } from "../core/canonical.ts";
import { messageOf, showValue } from "../core/errors.ts";
import type { JSONValue } from "../core/json.ts";
import { atOnce, inSlices, type Slices } from "../core/slices.ts";

/** Thrown for an answer that JSON cannot hold. */
export class NoJsonForm extends TypeError {}

/**
 * Returns a value as plain JSON data: itself where it is that, else what `JSON.stringify` makes of it (of a date, its
 * text), where nothing is lost by that.
 *
 * @throws NoJsonForm for a Set, a BigInt, a function, `undefined` in a list, a cycle, or more
 * than 1,000 levels. Two different Sets are both `{}` in JSON, and would count as one answer
 */
export function toJsonData(value: unknown): JSONValue {
  try {
    return isJsonData(value) ? value : convert(value, "", 0);
  } catch (error) {
    throw new NoJsonForm(`the answer has no JSON form: ${messageOf(error)}`, { cause: error });
  }
}

/** Returns the same, or a description of a value that has no JSON form. */
export function toReadableData(value: unknown): JSONValue {
  try {
    return toJsonData(value);
  } catch {
    return showValue(value, 500);
  }
}

/**
 * Returns a value without properties that are `undefined`, where it is JSON data but for those; `undefined` where anything
 * in it would have to be converted.
 */
export function asJsonData(value: unknown): JSONValue | undefined {
  try {
    return isJsonData(value) ? value : convert(value, "", 0, refuseConversion);
  } catch {
    return undefined;
  }
}

/** `asJsonData`, which looks through a large value in slices. */
export async function readJsonData(value: unknown): Promise<JSONValue | undefined> {
  try {
    return (await inSlices(checkingJsonData(value))) ? (value as JSONValue) : asJsonData(value);
  } catch {
    return undefined;
  }
}

/**
 * Tells whether a value is JSON data as it stands.
 *
 * @throws RangeError where it has more than 1,000 levels, or contains itself
 */
function isJsonData(value: unknown): value is JSONValue {
  return atOnce(checkingJsonData(value));
}

/** `isJsonData`, in slices. It keeps its own path: generators inside generators would hand each pause through all levels. */
export function* checkingJsonData(value: unknown): Slices<boolean> {
  if (!isContainer(value)) return isJsonLeaf(value);
  const path: OpenContainer[] = [];
  let entered: object | undefined = value;
  do {
    if (entered) {
      assertDepth(path.length);
      if (!Array.isArray(entered) && !isPlain(entered)) return false;
      const opened = open(entered);
      path.push(opened);
      yield 16 + opened.length / (opened.names ? 6 : 16);
      entered = undefined;
    }
    const container = path.at(-1) as OpenContainer;
    const { items, names, length } = container;
    while (!entered && container.at < length) {
      const item = items[names ? (names[container.at] as string) : container.at];
      container.at++;
      if (isContainer(item)) entered = item;
      else if (!isJsonLeaf(item)) return false;
      else if (container.at % 1_000 === 0) yield 20;
    }
    if (!entered) path.pop();
  } while (path.length > 0);
  return true;
}

/** A list or an object of which some items were looked at. */
interface OpenContainer {
  readonly items: Readonly<Record<string | number, unknown>>;
  /** Names of the properties of an object; `undefined` of a list. */
  readonly names: readonly string[] | undefined;
  readonly length: number;
  at: number;
}

function open(value: object): OpenContainer {
  // The engine reads the names of an object in one go: of a large one they take longer than anything else here.
  const names = Array.isArray(value) ? undefined : Object.keys(value);
  const { length } = names ?? (value as readonly unknown[]);
  return { items: value as OpenContainer["items"], names, length, at: 0 };
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isJsonLeaf(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value === "string" || typeof value === "boolean";
}

/** Converts an object that is not plain: by its `toJSON`, or by its own properties. */
type ConvertObject = (value: object, pointer: string) => unknown;

function convert(value: unknown, pointer: string, depth: number, convertObject: ConvertObject = toJsonForm): JSONValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value !== "object") throw new TypeError(`${pointer || "it"} is ${showValue(value)}`);
  assertDepth(depth);
  if (Array.isArray(value)) {
    return Array.from(value, (item, index) => convert(item, `${pointer}/${index}`, depth + 1, convertObject));
  }
  if (!isPlain(value)) {
    const form = convertObject(value, pointer);
    if (form !== value) return convert(form, pointer, depth + 1, convertObject);
  }
  const data: Record<string, JSONValue> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const converted = convert(item, `${pointer}/${key}`, depth + 1, convertObject);
    if (key === "__proto__")
      Object.defineProperty(data, key, { value: converted, enumerable: true, writable: true, configurable: true });
    else data[key] = converted;
  }
  return data;
}

function toJsonForm(value: object, pointer: string): unknown {
  if ("toJSON" in value && typeof value.toJSON === "function") return value.toJSON();
  if (value instanceof String || value instanceof Number || value instanceof Boolean) return value.valueOf();
  if (value instanceof Error || Object.keys(value).length === 0) return refuseConversion(value, pointer);
  return value;
}

function refuseConversion(value: object, pointer: string): never {
  throw new TypeError(`${pointer || "it"} is a ${value.constructor?.name || "class instance"}`);
}

function assertDepth(depth: number): void {
  if (depth === deepestTree) throw new RangeError(`it has more than ${deepestTree} levels, or contains itself`);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
